"""Read queues: their gates and how many messages live in them."""

from collections.abc import Sequence

from qstash_rq.lanes import Lane, Queue
from qstash_rq.store import keys
from qstash_rq.store.executor import Executor

_FIELDS = ("parallelism", "paused", "created_ms", "updated_ms", "lingering")


def read_queue_names(store: Executor, user_id: str) -> list[str]:
    """Return the names of the user's queues, sorted."""
    return sorted(word.decode() for word in store.command("SMEMBERS", keys.QUEUE_NAMES(user_id)))


def read_queues(store: Executor, user_id: str, names: Sequence[str]) -> list[Queue]:
    """Return those of the named queues that exist; one round trip."""
    commands: list[tuple[str, ...]] = []
    for name in names:
        lane = Lane(user_id, name).name
        commands += [("HMGET", keys.LANE(lane), *_FIELDS), ("ZCARD", keys.MEMBERS(lane))]
    answers = store.commands(commands)
    found: list[Queue] = []
    for name, gate, members in zip(names, answers[::2], answers[1::2], strict=True):
        parallelism, paused, created_ms, updated_ms, lingering = gate
        if created_ms is None:
            continue
        found.append(
            Queue(
                name=name,
                parallelism=int(parallelism),
                created_at_ms=int(created_ms),
                updated_at_ms=int(updated_ms),
                # Those that linger are terminal and only wait for their callbacks.
                lag=members - int(lingering or 0),
                paused=paused == b"1",
            )
        )
    return found


def read_closing_lanes(store: Executor) -> list[str]:
    """Return the lanes of deleted queues whose messages are still to be cancelled."""
    return [word.decode() for word in store.command("SMEMBERS", keys.CLOSINGS())]
