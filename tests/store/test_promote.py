"""promote.lua: messages whose time has come join their lines."""

import pytest

from qstash_rq.core import Core
from qstash_rq.store import keys
from qstash_rq.store.upkeep_scripts import Moved
from tests import seed
from tests.clock import FakeClock
from tests.factories import NOW_MS


@pytest.mark.parametrize(("after_ms", "promoted"), [(0, 0), (999, 0), (1000, 1), (50_000, 1)])
def test_a_message_joins_the_line_when_it_is_due(
    core: Core, clock: FakeClock, after_ms: int, promoted: int
) -> None:
    """At its millisecond, and not before, a message is ready and its lane on the ring."""
    (message_id,) = seed.seed(core, delay_ms=1000)
    clock.advance(after_ms)

    assert seed.promote(core) == Moved(promoted, None if promoted else NOW_MS + 1000)

    assert seed.state(core, message_id) == ("ready" if promoted else "due")
    assert seed.record(core, message_id)["status"] == ("queued" if promoted else "scheduled")
    assert seed.line(core) == [message_id] * promoted
    assert seed.ring(core) == [seed.lane()] * promoted


def test_promotion_writes_no_log_record(core: Core, clock: FakeClock) -> None:
    """Joining the line is no event of the log."""
    (message_id,) = seed.seed(core, delay_ms=1)
    clock.advance(1)

    seed.promote(core)

    assert seed.story(core, message_id) == ["CREATED"]


def test_messages_are_promoted_in_the_order_they_are_due_in_bounded_steps(
    core: Core, clock: FakeClock
) -> None:
    """One call moves at most as many as told, the earliest first, and says when the next one is due."""
    ids = {delay_ms: seed.seed(core, queue="q", delay_ms=delay_ms)[0] for delay_ms in (300, 100, 400, 200)}
    clock.advance(350)

    assert seed.promote(core, 2) == Moved(2, NOW_MS + 300)
    assert seed.line(core, "q") == [ids[100], ids[200]]
    assert seed.promote(core, 2) == Moved(1, NOW_MS + 400)
    assert seed.members(core, "q") == [ids[100], ids[200], ids[300], ids[400]]


def test_a_delayed_message_takes_its_place_behind_what_is_in_line(core: Core, clock: FakeClock) -> None:
    """In a queue a delayed message stands behind those that became ready before it."""
    (delayed,) = seed.seed(core, queue="q", delay_ms=100)
    before = seed.seed(core, 2, "q")
    clock.advance(100)
    seed.promote(core)
    after = seed.seed(core, 1, "q")

    assert seed.line(core, "q") == seed.members(core, "q") == [*before, delayed, *after]


def test_a_delayed_message_holds_up_nobody_before_its_time(core: Core) -> None:
    """A queue whose only other message is delayed gives what is ready, and then nothing."""
    seed.seed(core, queue="q", delay_ms=100)
    (ready,) = seed.seed(core, queue="q")

    claims = seed.claim(core)
    seed.deliver(core, claims)

    assert seed.ids(claims) == [ready]
    assert seed.claim(core) == ()
    assert seed.ring(core) == []


def test_a_retry_goes_back_to_the_front(core: Core, clock: FakeClock) -> None:
    """A message that holds a slot stands in front again when its wait is over."""
    ids = seed.seed(core, 3, "q")
    seed.retry(core, seed.claim(core), in_ms=50)
    clock.advance(50)

    seed.promote(core)

    assert seed.line(core, "q") == ids


def test_promote_sent_twice_promotes_once(core: Core, clock: FakeClock) -> None:
    """Two schedulers that promote at the same time put a message into line once."""
    seed.seed(core, 3, "q", delay_ms=10)
    seed.seed(core, 3, delay_ms=10)
    clock.advance(10)
    seed.promote(core)
    before = seed.contents(core)

    assert seed.promote(core) == Moved(0, None)

    assert seed.contents(core) == before


def test_ids_of_nothing_are_taken_off(core: Core, clock: FakeClock) -> None:
    """An id in the due set whose message is gone, or no longer due, is dropped."""
    (done,) = seed.seed(core)
    seed.deliver(core, seed.claim(core))
    core.store.command("ZADD", keys.DUE(), NOW_MS, "msg_unknown", NOW_MS, done)

    assert seed.promote(core) == Moved(2, None)

    assert seed.due(core) == {}
    assert seed.line(core) == []
    assert seed.state(core, done) == "delivered"
    del clock


@pytest.mark.parametrize("remade", [False, True])
def test_a_message_of_a_deleted_queue_joins_no_line(core: Core, clock: FakeClock, remade: bool) -> None:
    """What is due between the deletion of a queue and its drain enters no line, old or new."""
    seed.upsert(core, "q", parallelism=5)
    (late,) = seed.seed(core, queue="q", delay_ms=10)
    seed.close(core, "q")
    if remade:
        seed.upsert(core, "q", parallelism=5)
    clock.advance(10)

    assert seed.promote(core) == Moved(1, None)

    assert core.store.command("EXISTS", keys.LANE(seed.lane("q"))) == remade
    (newer,) = seed.seed(core, queue="q")
    assert seed.ids(seed.claim(core)) == [newer]
    assert seed.drain(core, "q") == 0
    assert seed.story(core, late) == ["CREATED", "CANCEL_REQUESTED", "CANCELED"]
