"""give_back.lua: claims whose request has not left return to the front of their lanes."""

import pytest

from qstash_rq.core import Core
from qstash_rq.message import Flow
from tests import seed
from tests.clock import FakeClock
from tests.store import gates


def test_claims_stand_in_front_again_and_hold_nothing(core: Core) -> None:
    """No lease and no place of the key is left, and no attempt has failed; a later claim counts anew."""
    ids = seed.seed(core, 3, flow=Flow(key="k", parallelism=2))
    claims = seed.claim(core)

    assert gates.give_back(core, claims) == 2

    assert seed.leases(core) == {}
    assert gates.in_flight(core, "k") == set()
    again = seed.claim(core)
    assert set(seed.ids(again)) == set(ids[:2])
    assert {(one.attempt, one.retried) for one in again} == {(2, 0)}


def test_a_queue_goes_on_with_what_was_given_back(core: Core) -> None:
    """Messages of a queue keep their order and their slots."""
    seed.upsert(core, "q", parallelism=2)
    ids = seed.seed(core, 3, "q")
    claims = seed.claim(core)

    gates.give_back(core, reversed(claims))

    assert seed.line(core, "q") == ids
    assert seed.slots(core, "q") == set(ids[:2])
    assert seed.ids(seed.claim(core)) == ids[:2]


def test_what_was_recovered_is_not_given_back_again(core: Core, clock: FakeClock) -> None:
    """A worker that was frozen for longer than a lease takes nothing from whoever has the message now."""
    seed.seed(core)
    late = seed.claim(core)
    clock.advance(seed.LEASE_MS + 1)
    seed.recover(core)
    assert gates.give_back(core, late) == 0
    (newer,) = seed.claim(core)

    assert gates.give_back(core, late) == 0

    assert seed.leases(core) == {newer.message.message_id: clock.now_ms() + seed.LEASE_MS}


@pytest.mark.parametrize("queue", [None, "q"])
def test_what_was_cancelled_meanwhile_is_cancelled(core: Core, queue: str | None) -> None:
    """A message whose cancellation was asked for while it was claimed is not delivered again."""
    (message_id,) = seed.seed(core, 1, queue)
    claims = seed.claim(core)
    seed.cancel(core, message_id)

    assert gates.give_back(core, claims) == 1

    assert seed.state(core, message_id) == "canceled"
    assert seed.story(core, message_id)[-2:] == ["CANCEL_REQUESTED", "CANCELED"]
    assert seed.claim(core) == ()


def test_what_is_in_no_line_stays_out(core: Core) -> None:
    """A message whose queue was deleted while it was claimed is left to be cancelled."""
    (message_id,) = seed.seed(core, 1, "q")
    claims = seed.claim(core)
    seed.close(core, "q")

    gates.give_back(core, claims)

    assert seed.line(core, "q") == []
    seed.drain(core, "q")
    assert seed.state(core, message_id) == "canceled"
