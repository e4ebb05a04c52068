"""tick.lua: a schedule ticks once: its messages come and its next tick is set, in one step."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from qstash_rq.core import Core
from qstash_rq.message import Flow, Message
from qstash_rq.schedule import Schedule
from qstash_rq.store import keys
from qstash_rq.store.schedules import (
    ChangeSchedule,
    StoredSchedule,
    Ticked,
    change_schedule,
    forget_tick,
    put_schedule,
    read_due_ticks,
    read_schedules,
    tick,
)
from qstash_rq.users import FIRST_USER
from tests import seed
from tests.clock import FakeClock
from tests.factories import NOW_MS, make_message
from tests.store import gates

MINUTE_MS = 60_000
MEMBER = f"{FIRST_USER}:s"
SCHEDULE = Schedule(
    schedule_id="s",
    user_id=FIRST_USER,
    cron="* * * * *",
    destination="https://example.com/",
    created_at_ms=NOW_MS,
)


def _put(core: Core, schedule: Schedule = SCHEDULE) -> None:
    now_ms = core.clock.now_ms()
    call = put_schedule(schedule=schedule, now_ms=now_ms, next_ms=NOW_MS + MINUTE_MS, max_schedules=10)
    core.store.run(call)


def _change(core: Core, change: ChangeSchedule) -> None:
    core.store.run(change_schedule(user_id=FIRST_USER, schedule_id="s", change=change))


def _get(core: Core) -> StoredSchedule:
    (stored,) = read_schedules(core.store, [MEMBER])
    return stored


@pytest.fixture
def due(core: Core, clock: FakeClock) -> StoredSchedule:
    """Give a schedule that was read as its tick has come."""
    _put(core)
    clock.advance(MINUTE_MS + 5)
    return _get(core)


def _made(core: Core, count: int = 1, **changes: object) -> list[Message]:
    now_ms = core.clock.now_ms()
    times = {"created_at_ms": now_ms, "not_before_ms": now_ms}
    return [make_message(schedule_id="s", **times | changes) for _ in range(count)]


def _tick(
    core: Core,
    stored: StoredSchedule,
    messages: Sequence[Message] = (),
    *,
    next_ms: int | None = NOW_MS + 2 * MINUTE_MS,
    error: str = "",
    max_queues: int = 10,
) -> Ticked:
    call = tick(
        stored=stored,
        now_ms=core.clock.now_ms(),
        next_ms=next_ms,
        messages=messages,
        error=error,
        max_queues=max_queues,
        max_timeout_ms=1000,
    )
    return core.store.run(call)


def test_a_tick_stores_its_messages_and_moves_on(core: Core, due: StoredSchedule) -> None:
    """Its messages stand in line, ready or delayed; the schedule says which they are and what comes next."""
    ready, later = (
        _made(core, 2, flow=Flow(key="k", rate=1)),
        _made(core, not_before_ms=core.clock.now_ms() + 10),
    )

    assert _tick(core, due, [*ready, *later]) is Ticked.TICKED

    stored = _get(core)
    assert (stored.last_ms, stored.next_ms) == (NOW_MS + MINUTE_MS, NOW_MS + 2 * MINUTE_MS)
    assert stored.states == {one.message_id: "IN_PROGRESS" for one in (*ready, *later)}
    assert (stored.error, stored.version) == (None, due.version)
    assert read_due_ticks(core.store, core.clock.now_ms(), 10) == ([], NOW_MS + 2 * MINUTE_MS)
    assert [seed.state(core, one.message_id) for one in (*ready, *later)] == ["ready", "ready", "due"]
    assert seed.story(core, ready[0].message_id) == ["CREATED"]
    assert seed.record(core, ready[0].message_id)["schedule"] == MEMBER
    assert len(gates.users(core, "k")) == 2


@pytest.mark.parametrize("since", ["ticked", "replaced", "deleted", "made anew", "paused and ticked"])
def test_tick_refuses_what_was_read_before_a_change(
    core: Core, clock: FakeClock, due: StoredSchedule, since: str
) -> None:
    """Another scheduler was first, or the schedule is not what it was: missed, and nothing is written."""
    if since.endswith("ticked"):
        if since.startswith("paused"):
            _change(core, ChangeSchedule.PAUSE)
        _tick(core, due, _made(core))
    elif since == "replaced":
        _put(core, replace(SCHEDULE, cron="*/2 * * * *"))
    else:
        _change(core, ChangeSchedule.DELETE)
        clock.advance(1)
        if since == "made anew":
            _put(core)
            assert _get(core).next_ms == due.next_ms
    before = seed.contents(core)

    assert _tick(core, due, _made(core)) is Ticked.MISSED

    assert seed.contents(core) == before


def test_a_paused_schedule_only_moves_on(core: Core, due: StoredSchedule) -> None:
    """Also when it was paused after it was read: no messages, and its last tick stays what it was."""
    _tick(core, due, _made(core))
    before = _get(core)
    _change(core, ChangeSchedule.PAUSE)

    assert _tick(core, before, _made(core), next_ms=NOW_MS + 9 * MINUTE_MS) is Ticked.PAUSED

    assert _get(core) == replace(before, paused=True, next_ms=NOW_MS + 9 * MINUTE_MS)
    assert len(seed.live(core)) == 1
    assert read_due_ticks(core.store, NOW_MS + 9 * MINUTE_MS, 10)[0] == [MEMBER]


def test_a_tick_that_makes_nothing_says_why(core: Core, due: StoredSchedule) -> None:
    """An error takes the place of the states of the last tick, and goes with the next good tick."""
    _tick(core, due, _made(core))

    assert _tick(core, _get(core), error="topic g not found", next_ms=NOW_MS + 3 * MINUTE_MS) is Ticked.TICKED
    failed = _get(core)
    assert (failed.error, failed.states, failed.last_ms) == ("topic g not found", {}, NOW_MS + 2 * MINUTE_MS)

    (message,) = _made(core)
    assert _tick(core, failed, [message], next_ms=NOW_MS + 4 * MINUTE_MS) is Ticked.TICKED
    assert (_get(core).error, _get(core).states) == (None, {message.message_id: "IN_PROGRESS"})


def test_a_tick_makes_its_queue(core: Core, due: StoredSchedule) -> None:
    """The queue of a schedule is made by the first tick that finds none, as by an enqueue."""
    first, second = _made(core, 2, queue_name="q")

    _tick(core, due, [first, second], max_queues=1)

    assert seed.members(core, "q") == [first.message_id, second.message_id]
    assert gates.lingering(core, "q") == (0, 2)
    (third,) = _made(core, queue_name="q")
    _tick(core, _get(core), [third], max_queues=1)
    assert gates.lingering(core, "q") == (0, 3)
    assert _get(core).error is None


def test_a_tick_into_a_queue_too_many_makes_nothing(core: Core, due: StoredSchedule) -> None:
    """At the maximum of queues a tick stores no message and no queue, says so and moves on."""
    seed.upsert(core, "other")

    assert _tick(core, due, _made(core, queue_name="q"), max_queues=1) is Ticked.TICKED

    stored = _get(core)
    assert (stored.error or "").startswith("queueName: the maximum")
    assert (stored.states, stored.next_ms) == ({}, NOW_MS + 2 * MINUTE_MS)
    assert core.store.command("SMEMBERS", keys.QUEUE_NAMES(FIRST_USER)) == {b"other"}
    assert seed.live(core) == set()


def test_a_schedule_that_never_fires_again_leaves_the_ticks(core: Core, due: StoredSchedule) -> None:
    """The last tick of an expression is carried out and no other waited for."""
    assert _tick(core, due, _made(core), next_ms=None) is Ticked.TICKED

    assert _get(core).next_ms is None
    assert read_due_ticks(core.store, NOW_MS * 2, 10) == ([], None)


def test_forgetting_a_tick_spares_a_schedule_that_exists(core: Core, due: StoredSchedule) -> None:
    """Made anew since a scheduler missed it, a schedule keeps its tick; one that is not there goes."""
    core.store.command("ZADD", keys.TICKS(), NOW_MS, "u:unknown")
    before = _get(core)

    for member in (MEMBER, "u:unknown", "u:never"):
        core.store.run(forget_tick(member=member))

    assert read_due_ticks(core.store, core.clock.now_ms(), 10)[0] == [MEMBER]
    assert _get(core) == before == due


@pytest.mark.parametrize(
    ("end", "state"),
    [("delivered", "SUCCESS"), ("failed", "FAIL"), ("cancelled", "FAIL"), ("retried", "IN_PROGRESS")],
)
@pytest.mark.parametrize("queue", [None, "q"])
def test_the_states_follow_the_messages(
    core: Core, due: StoredSchedule, end: str, state: str, queue: str | None
) -> None:
    """What becomes of a message of the last tick stands in the schedule; callbacks do not count for it."""
    (message,) = _made(core, queue_name=queue)
    _tick(core, due, [message])
    claims = seed.claim(core)
    callbacks = [make_message(), make_message()]
    if end == "delivered":
        seed.deliver(core, claims, callbacks=callbacks)
    elif end == "failed":
        seed.fail(core, claims, callbacks=callbacks)
    else:
        seed.retry(core, claims, callbacks=callbacks)
        if end == "cancelled":
            seed.cancel(core, message.message_id)
    seed.fail(core, seed.claim(core))

    assert _get(core).states == {message.message_id: state}


@pytest.mark.parametrize("since", ["ticked", "deleted", "made anew"])
def test_a_message_of_an_older_tick_changes_no_state(core: Core, due: StoredSchedule, since: str) -> None:
    """Only the messages of the last tick are told of: others end without a trace in the schedule."""
    _tick(core, due, _made(core))
    claims = seed.claim(core)
    if since == "ticked":
        (newer,) = _made(core)
        _tick(core, _get(core), [newer], next_ms=NOW_MS + 3 * MINUTE_MS)
    else:
        _change(core, ChangeSchedule.DELETE)
        if since == "made anew":
            _put(core)
    before = core.store.command("HGETALL", keys.TICK_STATES(MEMBER))

    seed.deliver(core, claims)

    assert core.store.command("HGETALL", keys.TICK_STATES(MEMBER)) == before
