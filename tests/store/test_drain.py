"""drain.lua: messages of a deleted queue are cancelled in bounded steps."""

import pytest

from qstash_rq.core import Core
from qstash_rq.store import keys
from tests import seed


@pytest.mark.parametrize(("most", "left"), [(1, [4, 3, 2, 1, 0]), (2, [3, 1, 0]), (5, [0]), (100, [0])])
def test_a_closed_queue_is_drained_step_by_step(core: Core, most: int, left: list[int]) -> None:
    """Each call cancels at most as many as told and says how many are left; then nothing is set aside."""
    ids = seed.seed(core, 4, "q") + seed.seed(core, 1, "q", delay_ms=100)
    seed.close(core, "q")

    assert [seed.drain(core, "q", most) for _ in left] == left

    assert {seed.state(core, one) for one in ids} == {"canceled"}
    assert all(seed.story(core, one) == ["CREATED", "CANCEL_REQUESTED", "CANCELED"] for one in ids)
    assert all(0 < seed.ttl_ms(core, one) <= seed.KEEP_MS for one in ids)
    assert core.store.command("SMEMBERS", keys.CLOSINGS()) == set()
    assert seed.due(core) == {}
    seed.claim(core)


def test_a_lane_stays_on_the_list_until_it_is_drained(core: Core) -> None:
    """A crash between two steps leaves the lane where the scheduler finds it."""
    seed.seed(core, 3, "q")
    seed.close(core, "q")

    seed.drain(core, "q", most=1)

    assert core.store.command("SMEMBERS", keys.CLOSINGS()) == {seed.lane("q").encode()}
    seed.drain(core, "q")


def test_draining_what_is_not_closed_writes_nothing(core: Core) -> None:
    """Two processes that drain the same lane do no more than one."""
    seed.seed(core, 1, "q")
    before = seed.contents(core)

    assert seed.drain(core, "q") == 0
    assert seed.drain(core, "unknown") == 0

    assert seed.contents(core) == before


def test_messages_that_are_over_are_left_alone(core: Core) -> None:
    """A message that was delivered after the deletion stays delivered."""
    ids = seed.seed(core, 2, "q")
    claims = seed.claim(core)
    seed.close(core, "q")
    seed.deliver(core, claims)

    seed.drain(core, "q")

    assert seed.story(core, ids[0]) == ["CREATED", "ACTIVE", "DELIVERED"]
    assert seed.state(core, ids[1]) == "canceled"


def test_a_message_in_flight_is_marked(core: Core) -> None:
    """A drained message that is in flight keeps its lease and is only marked as cancelled."""
    (message_id,) = seed.seed(core, queue="q")
    seed.claim(core)
    seed.close(core, "q")

    assert seed.drain(core, "q") == 0

    assert seed.story(core, message_id) == ["CREATED", "ACTIVE", "CANCEL_REQUESTED"]
    assert list(seed.leases(core)) == [message_id]
