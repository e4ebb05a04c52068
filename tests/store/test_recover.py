"""recover.lua: messages come back from workers that have gone silent."""

import pytest

from qstash_rq.core import Core
from qstash_rq.store.message_scripts import Canceled
from qstash_rq.store.upkeep_scripts import Moved
from tests import seed
from tests.clock import FakeClock
from tests.factories import NOW_MS


@pytest.mark.parametrize(("after_ms", "recovered"), [(0, 0), (seed.LEASE_MS, 0), (seed.LEASE_MS + 1, 1)])
def test_a_message_is_recovered_when_its_lease_is_over(
    core: Core, clock: FakeClock, after_ms: int, recovered: int
) -> None:
    """Up to the last millisecond of the lease a message stays with its worker."""
    (message_id,) = seed.seed(core)
    seed.claim(core)
    clock.advance(after_ms)
    next_ms = None if recovered else NOW_MS + seed.LEASE_MS

    assert seed.recover(core) == Moved(recovered, next_ms)

    assert seed.state(core, message_id) == ("ready" if recovered else "active")
    assert seed.line(core) == [message_id] * recovered
    assert seed.ring(core) == [seed.lane()] * recovered


def test_recovered_messages_stand_in_front_in_their_old_order(core: Core, clock: FakeClock) -> None:
    """What was in flight in a queue comes back before what waited, in the order in which it was claimed."""
    seed.upsert(core, "q", parallelism=3)
    ids = seed.seed(core, 5, "q")
    seed.claim(core)
    clock.advance(seed.LEASE_MS + 1)

    seed.recover(core)

    assert seed.line(core, "q") == ids
    assert seed.slots(core, "q") == set(ids[:3])
    assert seed.ids(seed.claim(core)) == ids[:3]


def test_recovery_goes_in_bounded_steps(core: Core, clock: FakeClock) -> None:
    """One call takes back at most as many as told, those first whose lease ended first."""
    ids = seed.seed(core, 3)
    for _ in ids:
        seed.claim(core, 1)
        clock.advance(10)
    clock.advance(seed.LEASE_MS)

    assert seed.recover(core, 2) == Moved(2, NOW_MS + 20 + seed.LEASE_MS)
    assert set(seed.line(core)) == set(ids[:2])
    assert seed.recover(core, 2) == Moved(1, None)
    assert seed.recover(core, 2) == Moved(0, None)


def test_a_message_whose_cancellation_was_requested_is_cancelled(core: Core, clock: FakeClock) -> None:
    """A cancelled message of a dead worker is not delivered again: it is cancelled and its slot freed."""
    ids = seed.seed(core, 2, "q")
    seed.claim(core)
    assert seed.cancel(core, ids[0]) == (Canceled.REQUESTED,)
    clock.advance(seed.LEASE_MS + 1)

    assert seed.recover(core).count == 1

    assert seed.story(core, ids[0]) == ["CREATED", "ACTIVE", "CANCEL_REQUESTED", "CANCELED"]
    assert 0 < seed.ttl_ms(core, ids[0]) <= seed.KEEP_MS
    assert seed.ids(seed.claim(core)) == ids[1:]


def test_recovery_costs_no_retry_and_no_log_record(core: Core, clock: FakeClock) -> None:
    """A worker's death shows as a second ACTIVE and costs the message none of its retries."""
    (message_id,) = seed.seed(core)
    seed.claim(core)
    clock.advance(seed.LEASE_MS + 1)

    seed.recover(core)
    (one,) = seed.claim(core)

    assert (one.attempt, one.retried) == (2, 0)
    assert seed.story(core, message_id) == ["CREATED", "ACTIVE", "ACTIVE"]


def test_recover_sent_twice_recovers_once(core: Core, clock: FakeClock) -> None:
    """Two schedulers that recover at the same time put a message back once."""
    ids = seed.seed(core, 2)
    seed.claim(core)
    clock.advance(seed.LEASE_MS + 1)
    seed.recover(core)
    before = seed.contents(core)

    assert seed.recover(core) == Moved(0, None)

    assert seed.contents(core) == before
    assert sorted(seed.line(core)) == sorted(ids)


def test_a_message_of_a_deleted_queue_comes_back_to_no_line(core: Core, clock: FakeClock) -> None:
    """A lease that ends between the deletion of a queue and its drain does not bring the queue back."""
    (message_id,) = seed.seed(core, queue="q")
    seed.claim(core)
    seed.close(core, "q")
    clock.advance(seed.LEASE_MS + 1)

    assert seed.recover(core) == Moved(1, None)

    assert seed.line(core, "q") == []
    (newer,) = seed.seed(core, queue="q")
    assert seed.ids(seed.claim(core)) == [newer]
    assert seed.drain(core, "q") == 0
    assert seed.state(core, message_id) == "canceled"
