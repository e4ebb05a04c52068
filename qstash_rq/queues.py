"""The verbs of named FIFO queues (contract 2.3, 4.8)."""

from dataclasses import dataclass

from qstash_rq.core import Core
from qstash_rq.errors import InvalidInput, LimitExceeded, NotFound
from qstash_rq.lanes import Lane, Queue
from qstash_rq.names import check_name
from qstash_rq.store.queue_scripts import Upserted, close_queue
from qstash_rq.store.queue_scripts import upsert_queue as upsert_queue_call
from qstash_rq.store.queues import read_queue_names, read_queues
from qstash_rq.upkeep import drain_lane


def upsert_queue(
    core: Core,
    user_id: str,
    name: str,
    *,
    parallelism: int = 1,
    paused: bool | None = None,
    caller_ip: str | None = None,
) -> None:
    """Create a queue or change its gate; `paused` None keeps it (new: not paused).

    A pause remembers `caller_ip`, for who asks what a message waits for.

    Raises InvalidInput for a bad name or a parallelism below 1, LimitExceeded for too
    many queues or a parallelism above the maximum. Atomic and idempotent.
    """
    if parallelism < 1:
        msg = f"parallelism: {parallelism} must be at least 1"
        raise InvalidInput(msg)
    if parallelism > core.settings.max_queue_parallelism:
        msg = f"parallelism: {parallelism} is above the maximum of {core.settings.max_queue_parallelism}"
        raise LimitExceeded(msg)
    change = _Change(parallelism=parallelism, paused=paused, caller_ip=caller_ip)
    _change_gate(core, user_id, name, change, must_exist=False)


def pause_queue(core: Core, user_id: str, name: str, *, caller_ip: str | None = None) -> None:
    """Stop new deliveries from a queue; raises NotFound. Idempotent: who paused it first is remembered."""
    _change_gate(core, user_id, name, _Change(paused=True, caller_ip=caller_ip), must_exist=True)


def resume_queue(core: Core, user_id: str, name: str) -> None:
    """Deliver from a queue again, the oldest message first; raises NotFound. Idempotent."""
    _change_gate(core, user_id, name, _Change(paused=False), must_exist=True)


def get_queue(core: Core, user_id: str, name: str) -> Queue:
    """Return one queue; raises NotFound."""
    check_name(name, "queueName")
    found = read_queues(core.store, user_id, [name])
    if not found:
        raise NotFound(_not_found(name))
    return found[0]


def list_queues(core: Core, user_id: str) -> list[Queue]:
    """Return the user's queues by name."""
    return read_queues(core.store, user_id, read_queue_names(core.store, user_id))


def delete_queue(core: Core, user_id: str, name: str) -> None:
    """Delete a queue and cancel its messages; one in flight finishes its attempt. Idempotent.

    The queue is gone at once. Cancelling goes in bounded steps; what a crash leaves
    undone the scheduler finishes.
    """
    check_name(name, "queueName")
    lane = Lane(user_id, name)
    core.store.run(close_queue(lane=lane))
    drain_lane(core, lane.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    parallelism: int | None = None
    paused: bool | None = None
    caller_ip: str | None = None


def _change_gate(core: Core, user_id: str, name: str, change: _Change, *, must_exist: bool) -> None:
    check_name(name, "queueName")
    call = upsert_queue_call(
        lane=Lane(user_id, name),
        now_ms=core.clock.now_ms(),
        parallelism=change.parallelism,
        paused=change.paused,
        caller_ip=change.caller_ip,
        max_queues=core.settings.max_queues,
        must_exist=must_exist,
    )
    match core.store.run(call):
        case Upserted.GONE:
            raise NotFound(_not_found(name))
        case Upserted.QUEUES_FULL:
            msg = f"queueName: the maximum of {core.settings.max_queues} queues is reached"
            raise LimitExceeded(msg)
        case Upserted.WRITTEN:
            return


def _not_found(name: str) -> str:
    return f"queue {name} not found"
