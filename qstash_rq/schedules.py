"""The verbs of schedules (contract 2.4, 3.5)."""

from dataclasses import dataclass

from qstash_rq.composing import PublishRequest
from qstash_rq.core import Core
from qstash_rq.cron import parse_cron
from qstash_rq.destination import Destination
from qstash_rq.errors import InvalidInput, LimitExceeded, NotFound
from qstash_rq.headers import PublishOptions
from qstash_rq.ids import new_schedule_id
from qstash_rq.names import check_name
from qstash_rq.schedule import Schedule
from qstash_rq.store.schedules import (
    Changed,
    ChangeSchedule,
    PutSchedule,
    StoredSchedule,
    change_schedule,
    member_of,
    put_schedule,
    read_schedule_ids,
    read_schedules,
)

__all__ = [
    "ScheduleRequest",
    "StoredSchedule",
    "create_schedule",
    "delete_schedule",
    "get_schedule",
    "list_schedules",
    "pause_schedule",
    "resume_schedule",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRequest:
    """A checked request whose options ask for a schedule."""

    request: PublishRequest
    destination: Destination
    options: PublishOptions


def create_schedule(core: Core, user_id: str, wanted: ScheduleRequest) -> str:
    """Create a schedule, or replace every setting of the one it names, and return its id.

    An existing one keeps its creation time and stays paused if it was. Raises
    InvalidInput without a good cron expression and LimitExceeded. Atomic.
    """
    schedule = _compose(core, user_id, wanted)
    now_ms = core.clock.now_ms()
    call = put_schedule(
        schedule=schedule,
        now_ms=now_ms,
        next_ms=parse_cron(schedule.cron).next_after(now_ms, anchor_ms=now_ms),
        max_schedules=core.settings.max_schedules,
    )
    if core.store.run(call) is PutSchedule.SCHEDULES_FULL:
        msg = f"Upstash-Schedule-Id: the maximum of {core.settings.max_schedules} schedules is reached"
        raise LimitExceeded(msg)
    return schedule.schedule_id


def get_schedule(core: Core, user_id: str, schedule_id: str) -> StoredSchedule:
    """Return one schedule; raises NotFound."""
    found = read_schedules(core.store, [member_of(user_id, check_name(schedule_id, "scheduleId"))])
    if not found:
        raise NotFound(_not_found(schedule_id))
    return found[0]


def list_schedules(core: Core, user_id: str) -> list[StoredSchedule]:
    """Return the user's schedules by id."""
    ids = read_schedule_ids(core.store, user_id)
    return read_schedules(core.store, [member_of(user_id, schedule_id) for schedule_id in ids])


def delete_schedule(core: Core, user_id: str, schedule_id: str) -> None:
    """Delete a schedule; messages it made are still delivered. Idempotent."""
    _change(core, user_id, schedule_id, ChangeSchedule.DELETE)


def pause_schedule(core: Core, user_id: str, schedule_id: str) -> None:
    """Drop the ticks of a schedule from now on; raises NotFound. Idempotent."""
    if _change(core, user_id, schedule_id, ChangeSchedule.PAUSE) is Changed.GONE:
        raise NotFound(_not_found(schedule_id))


def resume_schedule(core: Core, user_id: str, schedule_id: str) -> None:
    """Let a schedule tick again, from its next tick; raises NotFound. Idempotent."""
    if _change(core, user_id, schedule_id, ChangeSchedule.RESUME) is Changed.GONE:
        raise NotFound(_not_found(schedule_id))


def _change(core: Core, user_id: str, schedule_id: str, change: ChangeSchedule) -> Changed:
    check_name(schedule_id, "scheduleId")
    return core.store.run(change_schedule(user_id=user_id, schedule_id=schedule_id, change=change))


def _compose(core: Core, user_id: str, wanted: ScheduleRequest) -> Schedule:
    request, options = wanted.request, wanted.options
    if options.cron is None:
        msg = "Upstash-Cron: must be given"
        raise InvalidInput(msg)
    return Schedule(
        schedule_id=options.schedule_id or new_schedule_id(),
        user_id=user_id,
        cron=options.cron.strip(),
        destination=wanted.destination.value,
        created_at_ms=core.clock.now_ms(),
        method=options.method,
        headers=options.headers,
        body=request.body,
        max_retries=options.max_retries,
        retry_delay=options.retry_delay,
        delay_ms=options.delay_ms,
        timeout_ms=options.timeout_ms,
        callback=options.callback,
        failure_callback=options.failure_callback,
        queue_name=request.queue_name or options.queue_name,
        caller_ip=request.caller_ip,
        flow=options.flow,
        labels=options.labels,
        redaction=options.redaction,
        explicit=tuple(sorted(options.explicit)),
    )


def _not_found(schedule_id: str) -> str:
    return f"schedule {schedule_id} not found"
