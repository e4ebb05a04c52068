"""One thing that a message waits for, as a value: its kind, a clause that says it, the facts behind it."""

from dataclasses import dataclass
from enum import StrEnum

from qstash_rq.situation import Holder


class ReasonKind(StrEnum):
    """What a message can wait for; closed, so that programs can tell them apart."""

    TIME = "time"  # its delay has not passed
    TRIAL = "trial"  # its workers died: it is delivered while no other such message is
    RETRY = "retry"  # an attempt failed, the next one is not due
    SCHEDULER = "scheduler"  # no scheduler has been seen, and the next step is one's
    SUSPENDED = "suspended"  # `rq suspend` is on
    NO_WORKER = "noWorker"  # no worker serves its lane
    WORKER = "worker"  # nothing holds it back but a worker's free place
    STOCK_WORKER = "stockWorker"  # a stock RQ worker took its id out of the line
    GLOBAL_PARALLELISM = "globalParallelism"  # all workers together are full
    QUEUE_DELETED = "queueDeleted"  # it is being cancelled with its queue
    QUEUE_PAUSED = "queuePaused"
    QUEUE_PARALLELISM = "queueParallelism"  # others hold the queue's slots
    QUEUE_ORDER = "queueOrder"  # others of the queue come first
    FLOW_PAUSED = "flowPaused"
    FLOW_PARALLELISM = "flowParallelism"  # others of the key are in flight
    FLOW_RATE = "flowRate"  # the key's window is used up
    FLOW_TURN = "flowTurn"  # other queues wait for the same key and come first
    LINE = "line"  # others of its lane come first
    DELIVERY = "delivery"  # it is being delivered
    SILENT_WORKER = "silentWorker"  # its worker has gone silent; the lease has to end


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing a message waits for; `text` is a clause of a sentence, what does not apply is None or empty.

    `until_ms` is when it ends by itself; with `or_more` counting stopped at `before`.
    """

    kind: ReasonKind
    text: str
    since_ms: int | None = None
    until_ms: int | None = None
    caller_ip: str | None = None
    queue_name: str | None = None
    flow_key: str | None = None
    before: int | None = None
    or_more: bool = False
    limit: int | None = None
    count: int | None = None
    pinned: bool = False
    holders: tuple[Holder, ...] = ()
    worker: str | None = None
    attempt: int | None = None
    error: str | None = None
