"""Typed wrappers of the scripts about queues."""

from enum import StrEnum

from qstash_rq.lanes import Lane
from qstash_rq.store import keys
from qstash_rq.store.script import Call, load_script


class Upserted(StrEnum):
    """What upsert_queue answers."""

    WRITTEN = "written"
    GONE = "gone"
    QUEUES_FULL = "queues_full"


def upsert_queue(
    *,
    lane: Lane,
    now_ms: int,
    parallelism: int | None,
    paused: bool | None,
    max_queues: int,
    must_exist: bool = False,
    caller_ip: str | None = None,
) -> Call[Upserted]:
    """Create a queue or change its gate; None keeps what is there. A pause remembers `caller_ip`."""
    args = (
        lane.name,
        lane.queue_name or "",
        now_ms,
        "" if parallelism is None else parallelism,
        "" if paused is None else int(paused),
        max_queues,
        int(must_exist),
        caller_ip or "",
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
