"""Bring a store into a state and look at it, through the scripts and the key names of the product.

Every step is one call of one script, as the processes make it; nothing is written past them.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from qstash_rq.core import Core
from qstash_rq.delivery import Claim, Settled, Withheld
from qstash_rq.lanes import Lane
from qstash_rq.message import Message
from qstash_rq.store import delivery_scripts, keys, message_scripts, queue_scripts, upkeep_scripts
from qstash_rq.store.delivery_scripts import Settlement
from qstash_rq.store.message_scripts import Acceptance, Accepted, Canceled, Item
from qstash_rq.store.queue_scripts import Upserted
from qstash_rq.store.upkeep_scripts import Moved
from qstash_rq.users import FIRST_USER
from tests.factories import make_message

KEEP_MS = 600_000
DEAD_KEEP_MS = 900_000
LEASE_MS = 8_000
DEDUP_WINDOW_MS = 60_000
MAX_QUEUES = 10
MOST_IN_FLIGHT = 100_000


def lane(queue: str | None = None, user_id: str = FIRST_USER) -> str:
    """Return the name of a lane; without a queue, of the plain one."""
    return Lane(user_id, queue).name


# ── steps ──────────────────────────────────────────────────────────────────────────────────────


def accept(
    core: Core, messages: Sequence[Message], *, revived: Sequence[str] = (), max_queues: int = MAX_QUEUES
) -> Accepted:
    """Accept messages of one user in one call; each is due when its `not_before_ms` says."""
    items = [Item(messages=(message,)) for message in messages]
    return accept_items(core, items, revived=revived, max_queues=max_queues).word


def accept_items(
    core: Core, items: Sequence[Item], *, revived: Sequence[str] = (), max_queues: int = MAX_QUEUES
) -> Acceptance:
    """Accept items of one user in one call, those of a deduplication id that is known excepted."""
    call = message_scripts.accept(
        user_id=items[0].messages[0].user_id,
        items=items,
        now_ms=core.clock.now_ms(),
        max_queues=max_queues,
        max_timeout_ms=core.settings.max_timeout_ms,
        dedup_window_ms=DEDUP_WINDOW_MS,
        revived=revived,
    )
    return core.store.run(call)


def seed(
    core: Core, count: int = 1, queue: str | None = None, *, delay_ms: int = 0, **changes: Any
) -> list[str]:
    """Accept `count` messages one after the other and return their ids in that order."""
    now_ms = core.clock.now_ms()
    times = {"created_at_ms": now_ms, "not_before_ms": now_ms + delay_ms}
    messages = [make_message(queue_name=queue, **times, **changes) for _ in range(count)]
    for message in messages:
        assert accept(core, [message]) is Accepted.ACCEPTED
    return [message.message_id for message in messages]


def seed_dead(core: Core, count: int = 1, queue: str | None = None, **changes: Any) -> list[str]:
    """Make dead letters of fresh messages and return their DLQ ids in order."""
    dlq_ids: list[str] = []
    for _ in range(count):
        (message_id,) = seed(core, 1, queue, **changes)
        assert fail(core, [claim_one(core, message_id)]) == (Settled.FAILED,)
        dlq_ids.append(record(core, message_id)["dlq_id"])
    return dlq_ids


def claim(core: Core, most: int = 1000, *, lanes: Sequence[str] = (), worker: str = "w") -> tuple[Claim, ...]:
    """Claim as a worker does."""
    now_ms = core.clock.now_ms()
    call = delivery_scripts.claim(
        worker=worker,
        now_ms=now_ms,
        lease_until_ms=now_ms + LEASE_MS,
        most=most,
        most_in_flight=MOST_IN_FLIGHT,
        lanes=lanes,
    )
    claims = core.store.run(call)
    assert not isinstance(claims, Withheld)
    return claims


def claim_one(core: Core, message_id: str) -> Claim:
    """Claim the only message that can be claimed and see that it is this one."""
    (one,) = claim(core)
    assert one.message.message_id == message_id
    return one


def ids(claims: Iterable[Claim]) -> list[str]:
    """Return the message ids of claims, in order."""
    return [one.message.message_id for one in claims]


def settle(
    core: Core, claims: Iterable[Claim], outcome: Settled, *, worker: str = "w", **changes: Any
) -> tuple[Settled, ...]:
    """Settle all claims with the same outcome in one call; `changes` are fields of each settlement."""
    call = delivery_scripts.settle(
        worker=worker,
        now_ms=core.clock.now_ms(),
        keep_ms=KEEP_MS,
        dead_keep_ms=DEAD_KEEP_MS,
        max_timeout_ms=core.settings.max_timeout_ms,
        settlements=[
            Settlement(message_id=one.message.message_id, attempt=one.attempt, outcome=outcome, **changes)
            for one in claims
        ],
    )
    return core.store.run(call)


def deliver(core: Core, claims: Iterable[Claim], **changes: Any) -> tuple[Settled, ...]:
    """Settle claims as delivered."""
    return settle(core, claims, Settled.DELIVERED, **changes)


def retry(core: Core, claims: Iterable[Claim], *, in_ms: int = 1000, **changes: Any) -> tuple[Settled, ...]:
    """Settle claims as failed attempts that are followed by another one."""
    due_ms = core.clock.now_ms() + in_ms
    response = '{"error":"500","status":500,"headers":[]}'
    return settle(core, claims, Settled.RETRY, due_ms=due_ms, response=response, **changes)


def fail(core: Core, claims: Iterable[Claim], *, body: bytes = b"no", **changes: Any) -> tuple[Settled, ...]:
    """Settle claims as failed for good."""
    response = '{"error":"404 Not Found","status":404,"headers":[["a","b"]]}'
    return settle(core, claims, Settled.FAILED, response=response, body=body, **changes)


def promote(core: Core, most: int = 1000) -> Moved:
    """Promote what is due."""
    return core.store.run(upkeep_scripts.promote(now_ms=core.clock.now_ms(), most=most))


def recover(core: Core, most: int = 1000, *, max_deaths: int = 0) -> Moved:
    """Take back what was leased by workers that have gone silent."""
    call = upkeep_scripts.recover(
        now_ms=core.clock.now_ms(), keep_ms=KEEP_MS, most=most, max_deaths=max_deaths
    )
    return core.store.run(call)


def cancel(core: Core, *message_ids: str, user_id: str = FIRST_USER) -> tuple[Canceled, ...]:
    """Cancel messages in one call."""
    call = message_scripts.cancel(
        user_id=user_id, message_ids=message_ids, now_ms=core.clock.now_ms(), keep_ms=KEEP_MS
    )
    return core.store.run(call)


def upsert(
    core: Core, queue: str, *, max_queues: int = MAX_QUEUES, must_exist: bool = False, **gate: int | None
) -> Upserted:
    """Create a queue or change its gate: `parallelism`, `paused`."""
    call = queue_scripts.upsert_queue(
        lane=Lane(FIRST_USER, queue),
        now_ms=core.clock.now_ms(),
        parallelism=gate.get("parallelism"),
        paused=None if gate.get("paused") is None else bool(gate["paused"]),
        max_queues=max_queues,
        must_exist=must_exist,
    )
    return core.store.run(call)


def close(core: Core, queue: str) -> None:
    """Make a queue disappear."""
    core.store.run(queue_scripts.close_queue(lane=Lane(FIRST_USER, queue)))


def drain(core: Core, queue: str, most: int = 1000) -> int:
    """Cancel messages of a closed queue."""
    call = upkeep_scripts.drain(lane_name=lane(queue), now_ms=core.clock.now_ms(), keep_ms=KEEP_MS, most=most)
    return core.store.run(call)


# ── looks ──────────────────────────────────────────────────────────────────────────────────────


def _texts(words: Iterable[bytes]) -> list[str]:
    return [word.decode() for word in words]


def line(core: Core, queue: str | None = None) -> list[str]:
    """Return the ids in a lane's line, the next one first."""
    return _texts(core.store.command("LRANGE", keys.QUEUE(lane(queue)), 0, -1))


def slots(core: Core, queue: str) -> set[str]:
    """Return the ids that hold a slot of a queue."""
    return set(_texts(core.store.command("SMEMBERS", keys.SLOTS(lane(queue)))))


def members(core: Core, queue: str) -> list[str]:
    """Return the ids of a queue's living messages, by their place in line."""
    return _texts(core.store.command("ZRANGE", keys.MEMBERS(lane(queue)), 0, -1))


def due(core: Core) -> dict[str, int]:
    """Return the ids that wait for their time, with that time."""
    return _scores(core, keys.DUE())


def leases(core: Core) -> dict[str, int]:
    """Return the ids in flight, with the end of their leases."""
    return _scores(core, keys.LEASES())


def live(core: Core, user_id: str = FIRST_USER) -> set[str]:
    """Return the ids of a user's messages that are not terminal."""
    return set(_texts(core.store.command("ZRANGE", keys.LIVE(user_id), 0, -1)))


def ring(core: Core) -> list[str]:
    """Return the lanes on the ring, the next one first."""
    return _texts(core.store.command("LRANGE", keys.RING(), 0, -1))


def alarm(core: Core) -> bool:
    """Tell whether the alarm is ringing, and stop it."""
    return core.store.command("DEL", keys.ALARM()) == 1


def bell(core: Core, queue: str | None = None) -> bool:
    """Tell whether a lane's bell is ringing, and stop it."""
    return core.store.command("DEL", keys.BELL(lane(queue))) == 1


def record(core: Core, message_id: str) -> dict[str, str]:
    """Return a message's record; empty when there is none."""
    # redis-py turns the answer into a dictionary.
    fields = core.store.command("HGETALL", keys.JOB(message_id))
    return {name.decode(): value.decode() for name, value in fields.items()}


def state(core: Core, message_id: str) -> str:
    """Return the word in a message's record that says where it is in its life."""
    return record(core, message_id)["state"]


def ttl_ms(core: Core, message_id: str) -> int:
    """Return how long a record will still be kept; -1 for ever, -2 when it is not there."""
    return core.store.command("PTTL", keys.JOB(message_id))


def log(core: Core, message_id: str | None = None, user_id: str = FIRST_USER) -> list[dict[str, str]]:
    """Return the user's log entries in order, all or those of one message; the key `id` is the entry's."""
    entries: list[dict[str, str]] = []
    for entry_id, row in core.store.command("XRANGE", keys.LOG(user_id), "-", "+"):
        fields = {name.decode(): value.decode() for name, value in row.items()}
        if message_id in (None, fields["m"]):
            entries.append({"id": entry_id.decode(), **fields})
    return entries


def story(core: Core, message_id: str) -> list[str]:
    """Return the states of a message's log entries, in order."""
    return [entry["s"] for entry in log(core, message_id)]


def dead(core: Core, user_id: str = FIRST_USER) -> dict[str, str]:
    """Return the DLQ ids of a user, in order, with their message ids."""
    rows = core.store.command("XRANGE", keys.DEAD(user_id), "-", "+")
    return {dlq_id.decode(): row[b"m"].decode() for dlq_id, row in rows}


def failed(core: Core, queue: str | None = None) -> dict[str, int]:
    """Return RQ's registry of failed jobs of a lane: ids and the second they expire."""
    return _scores(core, keys.FAILED(lane(queue)))


def contents(core: Core) -> dict[str, tuple[bytes, bool]]:
    """Return everything in Redis: each key with its serialised value and whether it expires."""
    names = sorted(_texts(core.store.command("KEYS", "*")))
    return {name: (core.store.command("DUMP", name), core.store.command("PTTL", name) >= 0) for name in names}


def _scores(core: Core, key: str) -> dict[str, int]:
    words = core.store.command("ZRANGE", key, 0, -1, "WITHSCORES")
    return {word.decode(): int(float(score)) for word, score in zip(words[::2], words[1::2], strict=True)}
