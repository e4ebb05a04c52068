"""Typed wrappers of the scripts that the timers run: promote, recover, drain, expire, sweep and beat."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qstash_rq.clock import iso_timestamp
from qstash_rq.lanes import Lane
from qstash_rq.store import keys
from qstash_rq.store.script import Call, load_script


@dataclass(frozen=True, slots=True, kw_only=True)
class Condemned:
    """A message in an attempt whose worker died, as others before it did while they delivered it."""

    message_id: str
    user_id: str
    attempt: int
    retried: int
    deaths: int


@dataclass(frozen=True, slots=True)
class Moved:
    """How many messages an upkeep step moved, and when the next one is due (None: none waits).

    `condemned` are messages that recover found and did not move: they are to be quarantined.
    """

    count: int
    next_ms: int | None
    condemned: tuple[Condemned, ...] = ()


def _decode_moved(answer: list[Any]) -> Moved:
    count, next_ms, *rows = answer
    condemned = tuple(
        Condemned(
            message_id=message_id.decode(),
            user_id=user_id.decode(),
            attempt=int(attempt),
            retried=int(retried),
            deaths=deaths,
        )
        for message_id, user_id, attempt, retried, deaths in rows
    )
    return Moved(count, int(float(next_ms)) if next_ms else None, condemned)


def promote(*, now_ms: int, most: int) -> Call[Moved]:
    """Move up to `most` due messages to their place in line, and as many lanes to the ring."""
    return Call(load_script("promote"), (keys.DUE(), keys.WAKES()), (now_ms, most), _decode_moved)


def recover(*, now_ms: int, keep_ms: int, most: int, max_deaths: int = 0) -> Call[Moved]:
    """Put up to `most` messages whose lease has ended back at the front of their lanes.

    Those whose worker died `max_deaths` times in a row (0: any number) are answered instead.
    """
    args = (now_ms, iso_timestamp(now_ms), keep_ms, most, max_deaths)
    return Call(load_script("recover"), (keys.LEASES(),), args, _decode_moved)


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


@dataclass(frozen=True, slots=True)
class Swept:
    """How many living messages a sweep looked at, how many it put back in line, and the ids without a record.

    In the place of the records of the `ruined` among the `gone` something else stands.
    """

    looked: int
    put_back: int
    gone: tuple[str, ...]
    ruined: tuple[str, ...]


def _decode_swept(answer: list[Any]) -> Swept:
    looked, put_back, *lists = answer
    gone, ruined = (tuple(word.decode() for word in ids) for ids in lists)
    return Swept(looked, put_back, gone, ruined)


def sweep(*, user_id: str, before_ms: int, offset: int, most: int) -> Call[Swept]:
    """Look at `most` living messages of a user and put back those that a stock RQ worker lost."""
    args = (user_id, before_ms, offset, most)
    return Call(load_script("sweep"), (keys.LIVE(user_id),), args, _decode_swept)


def sweep_flow(*, lane: Lane, most: int) -> Call[int]:
    """Forget messages that others deleted at the gate of a flow-control key; answers how many ids it were."""
    names = (keys.FLOW_USERS(lane.name), keys.SLOTS(lane.name))
    return Call(load_script("sweep_flow"), names, (lane.name, most), int)


def sweep_queue(*, lane_name: str, most: int, gone: Sequence[str] = ()) -> Call[int]:
    """Put right what a stock RQ worker left behind in a queue, and who deleted the records of `gone`.

    Answers how many messages were put back.
    """
    return Call(load_script("sweep_queue"), (keys.LANE(lane_name),), (lane_name, most, *gone), int)


def beat(*, name: str, now_ms: int, ttl_s: int, kept_s: int) -> Call[None]:
    """Say that a scheduler lives; its record goes after `ttl_s`, the time of the beat after `kept_s`."""
    args = (now_ms, ttl_s, kept_s)
    return Call(load_script("beat"), (keys.SCHEDULER(name), keys.BEAT()), args, lambda _: None)
