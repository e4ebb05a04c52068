"""Let schedules tick: what the scheduler calls when their time has come (contract 3.5)."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from qstash_rq.composing import check_fan_out, group_not_found
from qstash_rq.core import Core
from qstash_rq.cron import parse_cron
from qstash_rq.errors import QStashError
from qstash_rq.forwarding import overlay
from qstash_rq.headers import PublishOptions, parse_options
from qstash_rq.ids import new_message_id
from qstash_rq.message import Headers, Message
from qstash_rq.schedule import Schedule
from qstash_rq.store.groups import read_groups
from qstash_rq.store.schedules import (
    StoredSchedule,
    Ticked,
    forget_tick,
    read_due_ticks,
    read_schedules,
    tick,
)
from qstash_rq.store.script import Call
from qstash_rq.ticks import messages_of_tick
from qstash_rq.url_group import Endpoint, UrlGroup

TICK_STEP = 200

# What a group's default headers can say about the messages of a schedule.
_SETTABLE = {field.name for field in fields(Schedule)} & {field.name for field in fields(PublishOptions)}

Groups = dict[tuple[str, str], UrlGroup]


def tick_due(core: Core) -> int | None:
    """Let every schedule tick whose time has come; returns when the next one is due, in ms.

    Each tick is one step that any number of schedulers may try and one carries out. After
    downtime a schedule ticks once, late, and then at its next time.
    """
    while True:
        now_ms = core.clock.now_ms()
        members, next_ms = read_due_ticks(core.store, now_ms, TICK_STEP)
        if not members:
            return next_ms
        found = read_schedules(core.store, members)
        if len(found) < len(members):
            gone = sorted(set(members) - {one.member for one in found})
            core.store.run_all([forget_tick(member=member) for member in gone])
        # Another scheduler may have been here between the two reads: what it has moved on is not due.
        due = [one for one in found if one.next_ms is not None and one.next_ms <= now_ms]
        groups = _groups_of(core, due)
        core.store.run_all([_tick_or_error(core, one, groups) for one in due])


def _tick_or_error(core: Core, stored: StoredSchedule, groups: Groups) -> Call[Ticked]:
    # One schedule that cannot tick (a group's headers that became too large, a time zone that is
    # no more) must not keep the others from it.
    try:
        return _tick(core, stored, groups)
    except QStashError as error:
        return _tick_call(core, stored, (), str(error))


def _tick(core: Core, stored: StoredSchedule, groups: Groups) -> Call[Ticked]:
    schedule, now_ms = stored.schedule, core.clock.now_ms()
    error = ""
    endpoints: tuple[Endpoint, ...] = ()
    if schedule.to_group:
        group = groups.get((schedule.user_id, schedule.destination))
        if group is None:
            error = group_not_found(schedule.destination)
        else:
            check_fan_out(core, schedule.body, group)
            endpoints = group.endpoints
            schedule = _with_defaults(core, schedule, group.headers, now_ms)
    return _tick_call(core, stored, messages_of_tick(schedule, endpoints, now_ms, new_message_id), error)


def _tick_call(core: Core, stored: StoredSchedule, messages: Sequence[Message], error: str) -> Call[Ticked]:
    now_ms = core.clock.now_ms()
    try:
        cron = parse_cron(stored.schedule.cron)
        next_ms = cron.next_after(now_ms, anchor_ms=stored.next_ms or now_ms)
    except QStashError as unreadable:
        next_ms, messages, error = None, (), str(unreadable)
    return tick(
        stored=stored,
        now_ms=now_ms,
        next_ms=next_ms,
        messages=messages,
        error=error,
        max_queues=core.settings.max_queues,
        max_timeout_ms=core.settings.max_timeout_ms,
    )


def _with_defaults(core: Core, schedule: Schedule, defaults: Headers, now_ms: int) -> Schedule:
    """Return the schedule with a group's default headers where it asked for nothing itself."""
    options = parse_options((), (), settings=core.settings, now_ms=now_ms, defaults=defaults)
    names = options.explicit & _SETTABLE - {*schedule.explicit, "headers"}
    changes: dict[str, Any] = {name: getattr(options, name) for name in names}
    return replace(schedule, headers=overlay(schedule.headers, options.headers), **changes)


def _groups_of(core: Core, due: Sequence[StoredSchedule]) -> Groups:
    wanted: dict[str, set[str]] = {}
    for one in due:
        if one.schedule.to_group:
            wanted.setdefault(one.schedule.user_id, set()).add(one.schedule.destination)
    return {
        (user_id, group.name): group
        for user_id, names in wanted.items()
        for group in read_groups(core.store, user_id, sorted(names))
    }
