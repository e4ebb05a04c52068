"""One typed wrapper per script: keyword arguments in, a Call out.

No call site counts positions. Words that scripts return become values here; ids and
names leave as text, bodies as bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from qstash_rq.clock import iso_timestamp
from qstash_rq.delivery import Claim, Settled
from qstash_rq.lanes import Lane
from qstash_rq.message import Message
from qstash_rq.store import keys
from qstash_rq.store.records import decode_message, record_fields
from qstash_rq.store.rq_job import job_fields
from qstash_rq.store.script import Call, load_script


class Accepted(StrEnum):
    """What accept answers."""

    ACCEPTED = "accepted"
    GONE = "gone"  # a dead letter to revive is not there
    QUEUES_FULL = "queues_full"


class Canceled(StrEnum):
    """What cancel answers for one message."""

    CANCELED = "canceled"
    REQUESTED = "requested"
    GONE = "gone"


class Upserted(StrEnum):
    """What upsert_queue answers."""

    WRITTEN = "written"
    GONE = "gone"
    QUEUES_FULL = "queues_full"


@dataclass(frozen=True, slots=True)
class Moved:
    """How many messages an upkeep step moved, and when the next one is due (None: none waits)."""

    count: int
    next_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """One attempt to settle; `response` is JSON, `body` the response's bytes."""

    message_id: str
    attempt: int
    outcome: Settled
    due_ms: int = 0
    response: str = ""
    body: bytes = b""


def accept(
    *,
    user_id: str,
    messages: Sequence[tuple[Message, int]],
    now_ms: int,
    max_queues: int,
    max_timeout_ms: int,
    revived: Sequence[str] = (),
) -> Call[Accepted]:
    """Store messages of one user, each with the time it is due (0: at once); all or none.

    Revives dead letters in the same step: the entries `revived` go when the messages come.
    """
    args: list[str | bytes | int] = [now_ms, max_queues, user_id, len(revived), *revived]
    for message, due_ms in messages:
        record = job_fields(message, max_timeout_ms=max_timeout_ms) | record_fields(message)
        args += (message.message_id, Lane(user_id, message.queue_name).name, due_ms, len(record))
        for name, value in record.items():
            args += (name, value)
    return Call(
        load_script("accept"), (keys.RING(),), tuple(args), lambda answer: Accepted(answer[0].decode())
    )


def _decode_claims(answer: list[Any]) -> tuple[Claim, ...] | None:
    if answer[0] == b"suspended":
        return None
    pairs = [word.decode() for word in answer[1]]
    signing_keys = dict(zip(pairs[::2], pairs[1::2], strict=True))
    claims: list[Claim] = []
    for message_id, attempt, retried, user, spec, body in answer[2:]:
        user_id = user.decode()
        claims.append(
            Claim(
                message=decode_message(message_id.decode(), user_id, spec, body),
                attempt=attempt,
                retried=retried,
                signing_key=signing_keys[user_id],
            )
        )
    return tuple(claims)


def claim(
    *, worker: str, now_ms: int, lease_until_ms: int, most: int, lanes: Sequence[str] = ()
) -> Call[tuple[Claim, ...] | None]:
    """Claim up to `most` messages; None while deliveries are suspended. `lanes` empty: every lane."""
    args = (worker, now_ms, iso_timestamp(now_ms), lease_until_ms, most, *lanes)
    return Call(load_script("claim"), (keys.RING(),), args, _decode_claims)


def put_back(*, message_id: str) -> Call[str]:
    """Return a popped message to the front of its line; answers its lane, or nothing."""
    return Call(
        load_script("put_back"), (keys.JOB(message_id),), (message_id,), lambda answer: answer.decode()
    )


def renew(*, lease_until_ms: int, held: Sequence[tuple[str, int]]) -> Call[tuple[str, ...]]:
    """Prolong leases given as (message id, attempt); answers the ids that are no longer held."""
    args = (lease_until_ms, *(word for pair in held for word in pair))
    return Call(
        load_script("renew"), (keys.LEASES(),), args, lambda answer: tuple(word.decode() for word in answer)
    )


def settle(
    *,
    worker: str,
    now_ms: int,
    keep_ms: int,
    dead_keep_ms: int,
    settlements: Sequence[Settlement],
) -> Call[tuple[Settled, ...]]:
    """Write what became of attempts, one word each; late attempts are refused as superseded."""
    args: list[str | bytes | int] = [worker, now_ms, iso_timestamp(now_ms), keep_ms, dead_keep_ms]
    for item in settlements:
        args += (item.message_id, item.attempt, item.outcome.value, item.due_ms, item.response, item.body)
    return Call(
        load_script("settle"),
        (keys.LEASES(),),
        tuple(args),
        lambda answer: tuple(Settled(word.decode()) for word in answer),
    )


def _decode_moved(answer: list[Any]) -> Moved:
    count, next_ms = answer
    return Moved(count, int(float(next_ms)) if next_ms else None)


def promote(*, now_ms: int, most: int) -> Call[Moved]:
    """Move up to `most` due messages to their place in line."""
    return Call(load_script("promote"), (keys.DUE(),), (now_ms, most), _decode_moved)


def recover(*, now_ms: int, keep_ms: int, most: int) -> Call[Moved]:
    """Put up to `most` messages whose lease has ended back at the front of their lanes."""
    args = (now_ms, iso_timestamp(now_ms), keep_ms, most)
    return Call(load_script("recover"), (keys.LEASES(),), args, _decode_moved)


def cancel(
    *, user_id: str, message_ids: Sequence[str], now_ms: int, keep_ms: int
) -> Call[tuple[Canceled, ...]]:
    """Cancel messages of one user, one word each."""
    args = (now_ms, iso_timestamp(now_ms), keep_ms, user_id, *message_ids)
    return Call(
        load_script("cancel"),
        (keys.DUE(),),
        args,
        lambda answer: tuple(Canceled(word.decode()) for word in answer),
    )


def discard(*, user_id: str, dlq_ids: Sequence[str]) -> Call[int]:
    """Delete dead letters; answers how many were there."""
    return Call(load_script("discard"), (keys.DEAD(user_id),), (user_id, *dlq_ids), int)


def upsert_queue(
    *,
    lane: Lane,
    now_ms: int,
    parallelism: int | None,
    paused: bool | None,
    max_queues: int,
    must_exist: bool = False,
) -> Call[Upserted]:
    """Create a queue or change its gate; None keeps what is there."""
    args = (
        lane.name,
        lane.queue_name or "",
        now_ms,
        "" if parallelism is None else parallelism,
        "" if paused is None else int(paused),
        max_queues,
        int(must_exist),
    )
    names = (keys.LANE(lane.name), keys.QUEUE_NAMES(lane.user_id))
    return Call(load_script("upsert_queue"), names, args, lambda answer: Upserted(answer.decode()))


def close_queue(*, lane: Lane) -> Call[None]:
    """Make a queue disappear and set its messages aside for `drain`."""
    names = (
        keys.LANE(lane.name),
        keys.QUEUE_NAMES(lane.user_id),
        keys.MEMBERS(lane.name),
        keys.CLOSING(lane.name),
    )
    return Call(load_script("close_queue"), names, (lane.name, lane.queue_name or ""), lambda _: None)


def drain(*, lane_name: str, now_ms: int, keep_ms: int, most: int) -> Call[int]:
    """Cancel up to `most` messages of a closed queue; answers how many are left."""
    user_id = lane_name.partition(":")[0]
    args = (now_ms, iso_timestamp(now_ms), keep_ms, user_id, lane_name, most)
    return Call(load_script("drain"), (keys.CLOSING(lane_name),), args, int)


def expire(
    *,
    user_id: str,
    now_ms: int,
    log_retention_ms: int,
    log_max_entries: int,
    dlq_retention_ms: int,
    grace_ms: int,
    most: int,
) -> Call[int]:
    """Trim one user's log and dead letters; answers how many entries went."""
    args = (
        user_id,
        now_ms - log_retention_ms,
        log_max_entries,
        now_ms - dlq_retention_ms,
        most,
        now_ms,
        grace_ms,
    )
    return Call(load_script("expire"), (keys.LOG(user_id), keys.DEAD(user_id)), args, int)
