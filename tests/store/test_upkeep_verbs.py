"""What the timers call."""

import time
from dataclasses import replace

import pytest

from qstash_rq import upkeep
from qstash_rq.core import Core
from qstash_rq.store import keys
from qstash_rq.upkeep import (
    beat_scheduler,
    drain_closed,
    expire_old,
    forget_scheduler,
    list_due,
    promote_due,
    recover_lost,
)
from qstash_rq.users import FIRST_USER, add_user
from tests import seed
from tests.clock import FakeClock
from tests.factories import NOW_MS, make_message


def test_everything_due_is_promoted_over_several_steps(core: Core, clock: FakeClock) -> None:
    """More due messages than one step moves are all promoted, in order; the answer is the next time."""
    number = upkeep.PROMOTE_STEP * 2 + 1
    messages = [make_message(not_before_ms=NOW_MS + 1 + index % 7) for index in range(number)]
    seed.accept(core, messages)
    seed.seed(core, delay_ms=5000)
    clock.advance(100)

    assert promote_due(core) == NOW_MS + 5000

    times = {one.message_id: one.not_before_ms for one in messages}
    line = seed.line(core)
    assert len(line) == number
    assert [times[one] for one in line] == sorted(times.values())


def test_a_flood_leaves_redis_half_of_its_time(
    core: Core, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each full step of a promotion Redis is left alone for as long as the step took."""
    number = 4_000
    # Steps so large that the time around them does not count.
    monkeypatch.setattr(upkeep, "PROMOTE_STEP", number // 2)
    monkeypatch.setattr(upkeep, "LONGEST_BREATH_S", 60)
    seed.accept(core, [make_message(not_before_ms=NOW_MS + 1) for _ in range(number)])
    clock.advance(1)
    before_us, began_us = _scripts_us(core), time.perf_counter_ns() // 1_000

    promote_due(core)

    assert time.perf_counter_ns() // 1_000 - began_us >= 2 * (_scripts_us(core) - before_us)
    assert len(seed.line(core)) == number


def test_nothing_due_is_no_next_time(core: Core) -> None:
    """An empty set says that nothing waits."""
    assert promote_due(core) is None
    assert recover_lost(core) is None


def test_everything_lost_is_recovered_over_several_steps(core: Core, clock: FakeClock) -> None:
    """More lost messages than one step moves all come back; the answer is the end of the next lease."""
    number = upkeep.RECOVER_STEP + 1
    seed.accept(core, [make_message() for _ in range(number)])
    seed.claim(core, 2000)
    clock.advance(seed.LEASE_MS + 1)
    seed.seed(core)
    (held,) = seed.claim(core)

    assert recover_lost(core) == clock.now_ms() + seed.LEASE_MS

    assert len(seed.line(core)) == number
    assert list(seed.leases(core)) == [held.message.message_id]


def test_due_messages_are_listed_in_order(core: Core) -> None:
    """The first due comes first; a time bounds the list, an offset and a count cut it."""
    later, soon = seed.seed(core, delay_ms=20) + seed.seed(core, delay_ms=10)
    seed.seed(core)

    assert list_due(core, None) == [(soon, NOW_MS + 10), (later, NOW_MS + 20)]
    assert list_due(core, NOW_MS + 10) == [(soon, NOW_MS + 10)]
    assert list_due(core, NOW_MS + 9) == []
    assert list_due(core, None, offset=1) == [(later, NOW_MS + 20)]
    assert list_due(core, None, count=1) == [(soon, NOW_MS + 10)]


def test_deletions_cut_short_are_finished(core: Core) -> None:
    """What a crash left of deleted queues is cancelled, however many there are."""
    ids = seed.seed(core, upkeep.DRAIN_STEP + 50, "a") + seed.seed(core, 1, "b")
    seed.seed(core, 1, "kept")
    seed.close(core, "a")
    seed.close(core, "b")

    drain_closed(core)
    drain_closed(core)

    assert {seed.state(core, one) for one in ids} == {"canceled"}
    assert len(seed.live(core)) == 1
    assert core.store.command("EXISTS", keys.CLOSINGS()) == 0


def test_every_users_log_is_trimmed_to_the_last_step(core: Core, clock: FakeClock) -> None:
    """Old entries of all users go over as many steps as it takes; the number of all is the answer."""
    add_user(core, "other")
    number = upkeep.EXPIRE_STEP + 10
    seed.accept(core, [make_message() for _ in range(number)])
    seed.deliver(core, seed.claim(core, 2000))
    seed.seed_dead(core, user_id="other")
    clock.advance(core.settings.log_retention_ms + 1)

    assert expire_old(core) == 3 * number + 4 + 1

    assert seed.log(core) == seed.log(core, user_id="other") == []
    assert core.store.command("KEYS", keys.JOB("*")) == []
    assert expire_old(core) == 0


def test_retention_is_a_setting(core: Core, clock: FakeClock) -> None:
    """Age and length of the log and the age of dead letters are what the settings say."""
    seed.seed_dead(core)
    seed.seed(core, 4)
    clock.advance(1001)

    def trimmed(**changes: int) -> tuple[int, int]:
        expire_old(replace(core, settings=replace(core.settings, **changes)))
        return len(seed.log(core)), len(seed.dead(core))

    assert trimmed() == (8, 1)
    assert trimmed(log_max_entries=7) == (7, 1)
    assert trimmed(dlq_retention_ms=1000) == (7, 0)
    assert trimmed(log_retention_ms=1000) == (0, 0)


def test_a_scheduler_that_stops_beating_is_forgotten(core: Core) -> None:
    """A scheduler's record expires by itself, or is taken back."""
    beat_scheduler(core, "s1")
    assert 0 < core.store.command("TTL", keys.SCHEDULER("s1")) <= upkeep.SCHEDULER_TTL_S
    assert core.store.command("HGET", keys.SCHEDULER("s1"), "beat_ms") == str(NOW_MS).encode()

    forget_scheduler(core, "s1")

    assert core.store.command("EXISTS", keys.SCHEDULER("s1")) == 0


@pytest.mark.parametrize("user_id", [FIRST_USER, "stranger"])
def test_messages_of_users_that_are_not_listed_are_moved_too(
    core: Core, clock: FakeClock, user_id: str
) -> None:
    """Promotion and recovery go by the messages, not by the users."""
    (message_id,) = seed.seed(core, user_id=user_id, delay_ms=5)
    clock.advance(5)
    promote_due(core)
    seed.claim(core)
    clock.advance(seed.LEASE_MS + 1)

    recover_lost(core)

    assert seed.ids(seed.claim(core)) == [message_id]


def _scripts_us(core: Core) -> int:
    stats = core.store.command("INFO", "commandstats")
    return sum(stats[name]["usec"] for name in ("cmdstat_eval", "cmdstat_evalsha") if name in stats)
