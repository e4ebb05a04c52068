"""Read flow-control keys: their gates, what is in flight and what waits."""

from collections.abc import Sequence
from dataclasses import dataclass

from qstash_rq.lanes import Lane
from qstash_rq.store import keys
from qstash_rq.store.executor import Executor, Word
from qstash_rq.store.flow_scripts import forget_flow

_NUMBERS = ("parallelism", "rate", "period_ms", "window_ms", "arrived_ms", "count")
_FLAGS = ("paused", "pin_parallelism", "pin_rate")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFlow:
    """The gate of one key as it is stored, what it holds and what waits at it."""

    key: str
    parallelism: int
    rate: int
    period_ms: int
    window_ms: int
    arrived_ms: int
    count: int
    paused: bool
    pinned_parallelism: bool
    pinned_rate: bool
    in_flight: int
    waiting: int


def read_flow_keys(store: Executor, user_id: str) -> list[str]:
    """Return the user's flow-control keys, sorted; some may have expired."""
    return sorted(word.decode() for word in store.command("SMEMBERS", keys.FLOW_KEYS(user_id)))


def read_flows(store: Executor, user_id: str, flow_keys: Sequence[str]) -> list[StoredFlow]:
    """Return those of the given keys that exist; one round trip, and two more to forget the expired."""
    commands: list[tuple[Word, ...]] = []
    for key in flow_keys:
        gate = Lane(user_id, flow_key=key).name
        commands += [
            ("HMGET", keys.FLOW(gate), *_NUMBERS, *_FLAGS),
            ("SCARD", keys.SLOTS(gate)),
            ("LLEN", keys.QUEUE(gate)),
        ]
    answers = store.commands(commands)
    found: list[StoredFlow] = []
    expired: list[str] = []
    for key, gate, in_flight, waiting in zip(
        flow_keys, answers[::3], answers[1::3], answers[2::3], strict=True
    ):
        if gate[2] is None:
            expired.append(key)
            continue
        parallelism, rate, period_ms, window_ms, arrived_ms, count = (int(word or 0) for word in gate[:6])
        paused, pinned_parallelism, pinned_rate = (word == b"1" for word in gate[6:])
        found.append(
            StoredFlow(
                key=key,
                parallelism=parallelism,
                rate=rate,
                period_ms=period_ms,
                window_ms=window_ms,
                arrived_ms=arrived_ms,
                count=count,
                paused=paused,
                pinned_parallelism=pinned_parallelism,
                pinned_rate=pinned_rate,
                in_flight=in_flight,
                waiting=waiting,
            )
        )
    store.run_all([forget_flow(lane=Lane(user_id, flow_key=key)) for key in expired])
    return found


def forget_expired_flows(store: Executor, user_id: str, most: int) -> None:
    """Look at up to `most` of the user's keys, any of them, and forget those that have expired."""
    read_flows(store, user_id, read_any_flow_keys(store, user_id, most))


def read_any_flow_keys(store: Executor, user_id: str, most: int) -> list[str]:
    """Return up to `most` of the user's flow-control keys, others each time."""
    return [word.decode() for word in store.command("SRANDMEMBER", keys.FLOW_KEYS(user_id), most)]


def count_in_flight(store: Executor) -> int:
    """Return how many deliveries are in flight over all workers."""
    return store.command("ZCARD", keys.LEASES())
