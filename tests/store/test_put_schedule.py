"""put_schedule.lua and change_schedule.lua: schedules are made, replaced, paused, resumed and deleted."""

from dataclasses import replace

import pytest

from qstash_rq.core import Core
from qstash_rq.message import Callback, Flow, Redaction
from qstash_rq.schedule import Schedule
from qstash_rq.store import keys
from qstash_rq.store.schedules import (
    Changed,
    ChangeSchedule,
    PutSchedule,
    StoredSchedule,
    change_schedule,
    put_schedule,
    read_schedule_ids,
    read_schedules,
    tick,
)
from qstash_rq.users import FIRST_USER
from tests import seed
from tests.clock import FakeClock
from tests.factories import NOW_MS, make_message

NEXT_MS = NOW_MS + 60_000
SCHEDULE = Schedule(
    schedule_id="s",
    user_id=FIRST_USER,
    cron="* * * * *",
    destination="https://example.com/",
    created_at_ms=NOW_MS,
    body=b"\x00\xff",
)


def _put(
    core: Core, schedule: Schedule = SCHEDULE, *, next_ms: int | None = NEXT_MS, max_schedules: int = 10
) -> PutSchedule:
    call = put_schedule(
        schedule=schedule, now_ms=core.clock.now_ms(), next_ms=next_ms, max_schedules=max_schedules
    )
    return core.store.run(call)


def _change(core: Core, change: ChangeSchedule, user_id: str = FIRST_USER) -> Changed:
    return core.store.run(change_schedule(user_id=user_id, schedule_id="s", change=change))


def _get(core: Core, user_id: str = FIRST_USER) -> StoredSchedule:
    (stored,) = read_schedules(core.store, [f"{user_id}:s"])
    return stored


def _ticks(core: Core) -> dict[str, int]:
    words = core.store.command("ZRANGE", keys.TICKS(), 0, -1, "WITHSCORES")
    return {word.decode(): int(float(score)) for word, score in zip(words[::2], words[1::2], strict=True)}


def _tick(core: Core) -> None:
    """Let the schedule tick once, with one message and an error."""
    call = tick(
        stored=_get(core),
        now_ms=core.clock.now_ms(),
        next_ms=NEXT_MS + 60_000,
        messages=[make_message(schedule_id="s")],
        error="something",
        max_queues=1,
        max_timeout_ms=1,
    )
    core.store.run(call)


def test_a_new_schedule(core: Core) -> None:
    """It is stored as it was given, stands among the user's and waits for its first tick."""
    schedule = replace(
        SCHEDULE,
        headers=(("A", "ü"), ("A", "b")),
        callback=Callback(url="https://c.example.com/", headers=(("X", "y"),)),
        flow=Flow(key="k", rate=2),
        redaction=Redaction(header_names=("a",)),
        labels=("l",),
        queue_name="q",
        explicit=("flow", "labels"),
    )

    assert _put(core, schedule) is PutSchedule.WRITTEN

    stored = _get(core)
    assert stored.schedule == schedule
    assert (stored.paused, stored.next_ms, stored.last_ms) == (False, NEXT_MS, None)
    assert (stored.error, stored.states) == (None, {})
    assert read_schedule_ids(core.store, FIRST_USER) == ["s"]
    assert _ticks(core) == {f"{FIRST_USER}:s": NEXT_MS}
    assert core.store.command("EXISTS", keys.LANE(seed.lane("q"))) == 0


def test_replacing_keeps_creation_pause_and_history(core: Core, clock: FakeClock) -> None:
    """Every setting is that of the second call; when it was made, its pause and its last tick stay."""
    _put(core, replace(SCHEDULE, labels=("l",), queue_name="q"))
    _tick(core)
    _change(core, ChangeSchedule.PAUSE)
    before = _get(core)
    assert (before.error, before.last_ms) == ("something", NEXT_MS)
    clock.advance(5)
    second = replace(SCHEDULE, cron="@daily", destination="g", created_at_ms=NOW_MS + 5, body=b"")

    assert _put(core, second, next_ms=NEXT_MS + 1) is PutSchedule.WRITTEN

    stored = _get(core)
    assert stored.schedule == replace(second, created_at_ms=NOW_MS)
    assert (stored.paused, stored.next_ms, stored.last_ms) == (True, NEXT_MS + 1, NEXT_MS)
    assert (stored.error, stored.states) == (None, before.states)
    assert stored.version > before.version
    assert _ticks(core) == {f"{FIRST_USER}:s": NEXT_MS + 1}


def test_a_schedule_without_a_next_tick_waits_for_none(core: Core) -> None:
    """An expression that never fires again takes a schedule off the ticks; replacing puts it back."""
    _put(core)

    _put(core, next_ms=None)
    assert _ticks(core) == {}
    assert _get(core).next_ms is None

    _put(core)
    assert _ticks(core) == {f"{FIRST_USER}:s": NEXT_MS}


def test_put_schedule_refuses_a_schedule_too_many(core: Core) -> None:
    """At the maximum no new schedule is made; one that exists can be replaced. Users count apart."""
    _put(core, max_schedules=1)
    other = replace(SCHEDULE, schedule_id="other")
    before = seed.contents(core)

    assert _put(core, other, max_schedules=1) is PutSchedule.SCHEDULES_FULL

    assert seed.contents(core) == before
    assert _put(core, replace(SCHEDULE, cron="@daily"), max_schedules=1) is PutSchedule.WRITTEN
    assert _put(core, replace(SCHEDULE, user_id="other"), max_schedules=1) is PutSchedule.WRITTEN


@pytest.mark.parametrize(("next_ms", "rings"), [(NEXT_MS - 1, True), (NEXT_MS, False), (NEXT_MS + 1, False)])
def test_only_a_new_first_tick_rings_the_alarm(core: Core, next_ms: int, rings: bool) -> None:
    """The scheduler is woken by a schedule that ticks before all others, and by no other."""
    _put(core, replace(SCHEDULE, schedule_id="a"))
    seed.alarm(core)

    _put(core, replace(SCHEDULE, schedule_id="b"), next_ms=next_ms)

    assert seed.alarm(core) is rings


@pytest.mark.parametrize(
    ("changes", "paused"),
    [
        ([ChangeSchedule.PAUSE], True),
        ([ChangeSchedule.PAUSE, ChangeSchedule.PAUSE], True),
        ([ChangeSchedule.RESUME], False),
        ([ChangeSchedule.PAUSE, ChangeSchedule.RESUME], False),
    ],
)
def test_pause_and_resume_change_nothing_else(
    core: Core, changes: list[ChangeSchedule], paused: bool
) -> None:
    """A paused schedule keeps its settings, its version and its next tick."""
    _put(core)
    before = _get(core)

    assert [_change(core, change) for change in changes] == [Changed.WRITTEN] * len(changes)

    assert _get(core) == replace(before, paused=paused)
    assert _ticks(core) == {f"{FIRST_USER}:s": NEXT_MS}


def test_deleting_leaves_nothing(core: Core) -> None:
    """Settings, states, ticks and name go; what the schedule has made is still delivered."""
    before = set(seed.contents(core))
    _put(core)
    _tick(core)

    assert _change(core, ChangeSchedule.DELETE) is Changed.WRITTEN

    (claimed,) = seed.claim(core)
    assert seed.deliver(core, [claimed]) == ("delivered",)
    assert read_schedules(core.store, [f"{FIRST_USER}:s"]) == []
    left = {name for name in seed.contents(core) if name not in before}
    kept = {keys.JOB(claimed.message.message_id), keys.LOG(FIRST_USER)}
    assert left - {keys.ALARM()} == kept


@pytest.mark.parametrize("change", list(ChangeSchedule))
@pytest.mark.parametrize("owner", [None, "other"])
def test_change_schedule_refuses_what_is_not_there(
    core: Core, change: ChangeSchedule, owner: str | None
) -> None:
    """An unknown schedule, or another user's, is gone: nothing is written."""
    if owner is not None:
        _put(core, replace(SCHEDULE, user_id=owner))
    before = seed.contents(core)

    assert _change(core, change) is Changed.GONE

    assert seed.contents(core) == before
