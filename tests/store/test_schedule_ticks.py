"""Ticks on a real server and a clock that stands still."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from qstash_rq.claim import claim_messages
from qstash_rq.core import Core
from qstash_rq.delivery import Attempt, Claim, Withheld
from qstash_rq.errors import NotFound
from qstash_rq.publish import PublishRequest, schedule
from qstash_rq.schedules import (
    delete_schedule,
    get_schedule,
    list_schedules,
    pause_schedule,
    resume_schedule,
)
from qstash_rq.settle import judge_attempt, settle_outcomes
from qstash_rq.store.executor import Executor, Word
from qstash_rq.ticking import tick_due
from qstash_rq.url_group import Endpoint
from qstash_rq.url_groups import delete_group, set_group_headers, upsert_endpoints
from qstash_rq.users import FIRST_USER
from tests.clock import FakeClock

MINUTE = 60_000


def created(
    core: Core, destination: str = "http://a.io/", *headers: tuple[str, str], body: bytes = b"x"
) -> str:
    """Create a schedule for every minute and return its id."""
    request = PublishRequest(
        destination=destination, headers=(("Upstash-Cron", "* * * * *"), *headers), body=body
    )
    return schedule(core, FIRST_USER, request)


def claimed(core: Core) -> list[Claim]:
    """Claim what may be claimed."""
    claims = core.store.run(claim_messages(core, worker="w", most=1_000))
    assert not isinstance(claims, Withheld)
    return list(claims)


def pass_to_next_tick(core: Core, clock: FakeClock) -> None:
    """Let the clock go to the first tick there is."""
    next_ms = tick_due(core)
    assert next_ms is not None
    clock.advance(next_ms - clock.now_ms())


def test_a_tick_makes_one_message_however_many_try(core: Core, clock: FakeClock) -> None:
    """At its minute a schedule makes its message once, and says which and how it stands."""
    schedule_id = created(core)
    pass_to_next_tick(core, clock)
    tick_ms = clock.now_ms()
    assert tick_ms % MINUTE == 0

    tick_due(core)
    tick_due(core)

    (claim,) = claimed(core)
    stored = get_schedule(core, FIRST_USER, schedule_id)
    assert claim.message.schedule_id == schedule_id
    assert stored.states == {claim.message.message_id: "IN_PROGRESS"}
    assert (stored.last_ms, stored.next_ms) == (tick_ms, tick_ms + MINUTE)


class Overtaken(Executor):
    """A store in which something happens after the first round trip."""

    def __init__(self, core: Core, happens: Callable[[], object]) -> None:
        super().__init__(core.store.client)
        self._happens: Callable[[], object] | None = happens

    def commands(self, commands: Sequence[tuple[Word, ...]]) -> list[Any]:
        """Send the commands, and then let happen what is to happen."""
        answers = super().commands(commands)
        happens, self._happens = self._happens, None
        if happens:
            happens()
        return answers


def test_a_scheduler_that_is_overtaken_lets_no_schedule_tick_again(core: Core, clock: FakeClock) -> None:
    """Another one carried the ticks out after this one saw them due and before it read the schedules."""
    for _ in range(3):
        created(core)
    pass_to_next_tick(core, clock)
    overtaken = replace(core, store=Overtaken(core, lambda: tick_due(core)))

    assert tick_due(overtaken) == clock.now_ms() + MINUTE
    assert len(claimed(core)) == 3


@pytest.mark.parametrize(("status", "state"), [(200, "SUCCESS"), (500, "FAIL")])
def test_what_became_of_the_last_tick_is_told(core: Core, clock: FakeClock, status: int, state: str) -> None:
    """The messages of the last tick stand as SUCCESS or FAIL once they are terminal."""
    schedule_id = created(core, "http://a.io/", ("Upstash-Retries", "0"))
    pass_to_next_tick(core, clock)
    tick_due(core)
    (claim,) = claimed(core)

    outcome = judge_attempt(core, claim, Attempt(status=status))
    core.store.run(settle_outcomes(core, worker="w", outcomes=[outcome]))

    assert get_schedule(core, FIRST_USER, schedule_id).states == {claim.message.message_id: state}


def test_after_downtime_there_is_one_late_tick(core: Core, clock: FakeClock) -> None:
    """An hour without a scheduler costs all ticks but one."""
    created(core)
    clock.advance(60 * MINUTE)

    tick_due(core)

    assert len(claimed(core)) == 1


def test_a_paused_schedule_drops_its_ticks(core: Core, clock: FakeClock) -> None:
    """Ticks of a paused schedule are not made up for when it is resumed."""
    schedule_id = created(core)
    pause_schedule(core, FIRST_USER, schedule_id)
    for _ in range(3):
        pass_to_next_tick(core, clock)
        tick_due(core)
    assert claimed(core) == []
    assert get_schedule(core, FIRST_USER, schedule_id).paused

    resume_schedule(core, FIRST_USER, schedule_id)
    pass_to_next_tick(core, clock)
    tick_due(core)
    assert len(claimed(core)) == 1


def test_a_schedule_to_a_group_takes_its_endpoints_of_the_moment(core: Core, clock: FakeClock) -> None:
    """A tick fans out to the endpoints and default headers of that moment; without group it says so."""
    upsert_endpoints(core, FIRST_USER, "g", (Endpoint(url="http://a.io/"),))
    schedule_id = created(core, "g")
    upsert_endpoints(core, FIRST_USER, "g", (Endpoint(url="http://b.io/", name="b"),))
    set_group_headers(core, FIRST_USER, "g", (("Upstash-Retries", "7"), ("Upstash-Forward-X", "y")))
    pass_to_next_tick(core, clock)
    tick_due(core)

    messages = [claim.message for claim in claimed(core)]
    assert [one.url for one in messages] == ["http://a.io/", "http://b.io/"]
    assert {(one.max_retries, one.headers) for one in messages} == {(7, (("X", "y"),))}

    delete_group(core, FIRST_USER, "g")
    pass_to_next_tick(core, clock)
    tick_due(core)
    assert get_schedule(core, FIRST_USER, schedule_id).error == "topic g not found"
    assert claimed(core) == []


def test_a_group_that_became_too_large_for_a_body_is_told(core: Core, clock: FakeClock) -> None:
    """What its endpoints would make too much of is no tick; the schedule says why and goes on."""
    core = replace(core, settings=replace(core.settings, max_batch_bytes=1_000))
    upsert_endpoints(core, FIRST_USER, "g", (Endpoint(url="http://a.io/"),))
    schedule_id = created(core, "g", body=b"x" * 501)
    upsert_endpoints(core, FIRST_USER, "g", (Endpoint(url="http://b.io/"),))
    pass_to_next_tick(core, clock)
    tick_due(core)

    error = get_schedule(core, FIRST_USER, schedule_id).error
    assert error == "body: larger than 1000 bytes for 2 endpoints together"
    assert claimed(core) == []


def test_delay_and_queue_apply_to_what_a_tick_makes(core: Core, clock: FakeClock) -> None:
    """A scheduled message is delayed from its tick and takes its place in the queue, which is made then."""
    created(core, "http://a.io/", ("Upstash-Delay", "5s"), ("Upstash-Queue-Name", "q"))
    pass_to_next_tick(core, clock)
    tick_due(core)

    assert claimed(core) == []
    assert core.store.command("ZCARD", f"{{test}}:qstash:members:{FIRST_USER}:q") == 1


def test_replacing_keeps_creation_time_and_pause(core: Core, clock: FakeClock) -> None:
    """An upsert replaces every setting, the body too, but not when it was created or that it is paused."""
    schedule_id = created(core, "http://a.io/", ("Upstash-Label", "l"))
    created_at_ms = get_schedule(core, FIRST_USER, schedule_id).schedule.created_at_ms
    pause_schedule(core, FIRST_USER, schedule_id)
    clock.advance(1_000)

    created(core, "http://b.io/", ("Upstash-Schedule-Id", schedule_id), body=b"")

    (stored,) = list_schedules(core, FIRST_USER)
    assert (stored.schedule.destination, stored.schedule.body, stored.schedule.labels) == (
        "http://b.io/",
        b"",
        (),
    )
    assert (stored.schedule.created_at_ms, stored.paused) == (created_at_ms, True)


def test_a_deleted_schedule_is_gone_at_once(core: Core, clock: FakeClock) -> None:
    """After deletion nothing ticks; deleting again is no error."""
    schedule_id = created(core)
    delete_schedule(core, FIRST_USER, schedule_id)
    delete_schedule(core, FIRST_USER, schedule_id)
    clock.advance(5 * MINUTE)

    assert tick_due(core) is None
    assert claimed(core) == []
    with pytest.raises(NotFound):
        get_schedule(core, FIRST_USER, schedule_id)


def test_a_thousand_schedules_of_a_minute_all_tick_once(core: Core, clock: FakeClock) -> None:
    """A crowd of schedules due at once is ticked in steps, each once."""
    many = 1_000
    settings_limit = core.settings.max_schedules
    assert many <= settings_limit
    for number in range(many):
        created(core, f"http://a.io/{number}")
    pass_to_next_tick(core, clock)

    tick_due(core)

    assert sorted(claim.message.url for claim in claimed(core) + claimed(core) + claimed(core)) == sorted(
        f"http://a.io/{number}" for number in range(many)
    )


def test_a_schedule_that_cannot_tick_says_why_and_keeps_no_other_from_it(
    core: Core, clock: FakeClock
) -> None:
    """A stored expression that is no longer understood ends the ticks of its schedule, and of no other."""
    broken = created(core)
    fine = created(core)
    core.store.command(
        "HSET", f"{{test}}:qstash:schedule:{FIRST_USER}:{broken}", "cron", "CRON_TZ=No/Where * * * * *"
    )
    pass_to_next_tick(core, clock)

    tick_due(core)

    assert [claim.message.schedule_id for claim in claimed(core)] == [fine]
    stored = get_schedule(core, FIRST_USER, broken)
    assert stored.error is not None
    assert stored.error.startswith("Invalid cron expression")
    assert stored.next_ms is None
