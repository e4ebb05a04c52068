"""Every key name, its type and its lifetime; nobody else spells one.

All keys stand under RQ's own prefix (`RQ_KEY_PREFIX`), so one variable moves a whole
deployment, into one Cluster slot with `RQ_KEY_PREFIX={name}`. RQ's keys are asked
from RQ's classes. A word that a user chose is always the last part of a key.

The scripts get these names as constants: `preamble.py` writes them above each one.
"""

from typing import Any, cast

from rq.defaults import RQ_KEY_PREFIX
from rq.job import Job
from rq.queue import Queue
from rq.registry import FailedJobRegistry, FinishedJobRegistry
from rq.results import Result
from rq.suspension import WORKERS_SUSPENDED
from rq.worker.base import BaseWorker
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from qstash_rq.store.key import Key

_OURS = f"{RQ_KEY_PREFIX}:qstash:"
_ALWAYS = "permanent"

JOB = Key(
    name=Job.key_for(""),
    type="HASH",
    of="message id",
    life="until the message and its callbacks are terminal, then the log retention",
    doc="The record of a message, which is an RQ job: RQ's fields and ours side by side.",
)
QUEUE = Key(
    name=Queue.redis_queue_namespace_prefix,
    type="LIST",
    of="lane",
    life="while messages wait",
    doc="The line of a lane: ids of ready messages, the next one first. An RQ queue.",
)
QUEUES = Key(
    name=Queue.redis_queues_keys, type="SET", life=_ALWAYS, doc="RQ's index of queue keys, for `rq info`."
)
FAILED = Key(
    name=FailedJobRegistry.key_template.format(""),
    type="ZSET",
    of="lane",
    life="while dead letters exist",
    doc="RQ's registry of failed jobs: the dead letters of a lane, by the second they expire.",
)
FINISHED = Key(
    name=FinishedJobRegistry.key_template.format(""),
    type="ZSET",
    of="lane",
    life="until swept",
    doc="RQ's registry of finished jobs: ids that a stock RQ worker ran through; ours stay out of it.",
)
RESULTS = Key(
    name=cast("Any", Result).get_key(""),  # RQ leaves it half typed
    type="STREAM",
    of="message id",
    life="until swept",
    doc="RQ's results of a job, left behind by a stock RQ worker.",
)
SUSPENDED = Key(
    name=WORKERS_SUSPENDED, type="STRING", life="until `rq resume`", doc="`rq suspend`: nothing is claimed."
)
WORKER = Key(
    name=BaseWorker.redis_worker_namespace_prefix,
    type="HASH",
    of="worker name",
    life="RQ's worker TTL",
    doc="RQ's record of a worker; settle counts finished and failed deliveries in it.",
)
WORKERS = Key(
    name=WORKERS_BY_QUEUE_KEY.removesuffix("%s"),
    type="SET",
    of="lane",
    life="while workers serve the lane",
    doc="RQ's index of the workers that serve a queue, as their keys.",
)
DUE = Key(
    name=f"{RQ_KEY_PREFIX}:scheduler:scheduled_jobs",
    type="ZSET",
    life="while messages are due later",
    doc="rq-scheduler's set: ids of messages that wait for their time, scored by it in milliseconds.",
)
SCHEDULER = Key(
    name=f"{RQ_KEY_PREFIX}:scheduler_instance:",
    type="HASH",
    of="scheduler name",
    life="its heartbeat",
    doc="rq-scheduler's record of one running scheduler.",
)
BEAT = Key(
    name=f"{_OURS}beat",
    type="STRING",
    life="until all schedulers have been silent for a day",
    doc="When some scheduler last said that it lives, in milliseconds.",
)
ALARM = Key(
    name=f"{_OURS}alarm",
    type="LIST",
    life="until a scheduler pops it",
    doc="A bell: rung when a message becomes the earliest due one, so that the scheduler wakes.",
)
RING = Key(
    name=f"{_OURS}ring", type="LIST", life="while lanes have work", doc="Lanes with claimable work, in turn."
)
RINGED = Key(
    name=f"{_OURS}ringed", type="SET", life="while lanes have work", doc="The lanes that are on the ring."
)
BELL = Key(
    name=f"{_OURS}bell:",
    type="LIST",
    of="lane",
    life="until a worker pops it, a minute at most",
    doc="A bell for workers that serve just this lane.",
)
WATCHED = Key(
    name=f"{_OURS}watched",
    type="HASH",
    life="rewritten by workers that serve named lanes",
    doc="Lanes that some worker serves by name, with the time until which their bell is rung.",
)
LANE = Key(
    name=f"{_OURS}lane:",
    type="HASH",
    of="lane",
    life=_ALWAYS,
    doc="A queue and its gate: parallelism, paused (since when, by whom), created_ms, updated_ms, placed.",
)
SLOTS = Key(
    name=f"{_OURS}slots:",
    type="SET",
    of="lane",
    life="while messages hold slots",
    doc="Ids of the messages that hold a slot of the lane's gate.",
)
MEMBERS = Key(
    name=f"{_OURS}members:",
    type="ZSET",
    of="lane",
    life="while messages of the queue live",
    doc="Ids of the queue's messages that are not terminal, scored by their place in line.",
)
CLOSING = Key(
    name=f"{_OURS}closing:",
    type="ZSET",
    of="lane",
    life="until its messages are cancelled",
    doc="Ids of the messages of a deleted queue that are still to be cancelled.",
)
CLOSINGS = Key(
    name=f"{_OURS}closings", type="SET", life="until they are drained", doc="Lanes of deleted queues."
)
CALLBACKS = Key(
    name=f"{_OURS}callbacks:",
    type="SET",
    of="message id",
    life="until they have ended",
    doc="Ids of the callbacks of a queue's message that have not ended: its slot waits for them.",
)
LEASES = Key(
    name=f"{_OURS}leases",
    type="ZSET",
    life="while deliveries are in flight",
    doc="Ids of claimed messages, scored by the millisecond their lease ends.",
)
TRIAL = Key(
    name=f"{_OURS}trial", type="HASH", life=_ALWAYS, doc="The suspect that was tried last: id, began_ms."
)
LIVE = Key(
    name=f"{_OURS}live:",
    type="ZSET",
    of="user id",
    life="while messages live",
    doc="Ids of the user's messages that are not terminal, scored by creation time.",
)
WAKES = Key(
    name=f"{_OURS}wakes",
    type="ZSET",
    life="while rate windows hold lanes shut",
    doc="Flow-control gates that open by themselves, scored by the millisecond they do.",
)
FLOW = Key(
    name=f"{_OURS}flow:",
    type="HASH",
    of="gate (user:~flow-control key)",
    life="while messages use it or it is paused or pinned, then a day",
    doc="The gate of a flow-control key: limits, rate window, paused, pins.",
)
FLOW_USERS = Key(
    name=f"{_OURS}flow-users:",
    type="SET",
    of="gate",
    life="while messages use it",
    doc="Ids of the living messages of this flow-control key.",
)
FLOW_KEYS = Key(
    name=f"{_OURS}flow-keys:", type="SET", of="user id", life=_ALWAYS, doc="The user's flow-control keys."
)
WAITERS = Key(
    name=f"{_OURS}waiters:",
    type="ZSET",
    of="gate",
    life="while queues wait for the gate",
    doc="Lanes that wait for this flow-control gate, scored by their turn.",
)
LISTENERS = Key(
    name=f"{_OURS}listeners:", type="ZSET", of="gate", life="while they wait", doc="Named lanes to ring."
)
DEDUP = Key(
    name=f"{_OURS}dedup:",
    type="STRING",
    of="user:digest of the deduplication id",
    life="the deduplication window",
    doc="Ids of the messages that were made when this deduplication id was first used.",
)
GROUP = Key(
    name=f"{_OURS}group:",
    type="HASH",
    of="user:URL group",
    life=_ALWAYS,
    doc="A URL group: endpoints and default headers as JSON, version, created_ms, updated_ms.",
)
GROUP_NAMES = Key(
    name=f"{_OURS}group-names:", type="SET", of="user id", life=_ALWAYS, doc="Names of the user's URL groups."
)
SCHEDULE = Key(
    name=f"{_OURS}schedule:",
    type="HASH",
    of="user:schedule id",
    life=_ALWAYS,
    doc="A schedule: what to send, its next and last tick, paused.",
)
SCHEDULE_IDS = Key(
    name=f"{_OURS}schedule-ids:", type="SET", of="user id", life=_ALWAYS, doc="Ids of the user's schedules."
)
TICKS = Key(
    name=f"{_OURS}ticks", type="ZSET", life=_ALWAYS, doc="Schedules (user:id) by their next tick in ms."
)
TICK_STATES = Key(
    name=f"{_OURS}tick-states:",
    type="HASH",
    of="user:schedule id",
    life=_ALWAYS,
    doc="What became of the messages of a schedule's last tick, by message id.",
)
QUEUE_NAMES = Key(
    name=f"{_OURS}queue-names:", type="SET", of="user id", life=_ALWAYS, doc="Names of the user's queues."
)
LOG = Key(
    name=f"{_OURS}log:",
    type="STREAM",
    of="user id",
    life="trimmed by age and length",
    doc="The log: one entry an event, with the message's id and what the event adds.",
)
DEAD = Key(
    name=f"{_OURS}dead:",
    type="STREAM",
    of="user id",
    life="trimmed by age",
    doc="The dead letters: entry ids are DLQ ids, each naming its message.",
)
BURST = Key(
    name=f"{_OURS}burst:",
    type="STRING",
    of="user:Unix second",
    life="two seconds",
    doc="Number of calls a user made in that second; there only while calls are limited.",
)
USERS = Key(name=f"{_OURS}users", type="SET", life=_ALWAYS, doc="Ids of all users.")
USER = Key(
    name=f"{_OURS}user:", type="HASH", of="user id", life=_ALWAYS, doc="Signing keys, digests of tokens."
)
TOKEN = Key(
    name=f"{_OURS}token:",
    type="HASH",
    of="SHA-256 of a token",
    life=_ALWAYS,
    doc="Whom a token stands for and whether it only reads. Tokens themselves are not stored.",
)
CONFIGURED = Key(
    name=f"{_OURS}configured", type="HASH", life=_ALWAYS, doc="What the settings last said of the first user."
)

ALL: dict[str, Key] = {word: value for word, value in sorted(globals().items()) if isinstance(value, Key)}
# Glob patterns of the keys that may outlive every message, for the leak check of the tests.
PERMANENT: tuple[str, ...] = (
    *(key.name + ("*" if key.of else "") for key in ALL.values() if key.life == _ALWAYS),
    *(key.name + "*" for key in (LOG, DEAD, FAILED, WATCHED)),
)
