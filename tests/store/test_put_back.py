"""put_back.lua: a message that a stock RQ worker popped stands in its line again."""

import pytest

from qstash_rq.core import Core
from qstash_rq.store import keys
from qstash_rq.store.message_scripts import put_back
from tests import seed
from tests.clock import FakeClock


def _pop(core: Core, queue: str | None = None) -> str:
    """Do what a stock worker does: pop an id and call its job started."""
    message_id = core.store.command("LPOP", keys.QUEUE(seed.lane(queue))).decode()
    core.store.command("HSET", keys.JOB(message_id), "status", "started")
    return message_id


def _put_back(core: Core, message_id: str) -> str:
    return core.store.run(put_back(message_id=message_id))


@pytest.mark.parametrize("queue", [None, "q"])
def test_a_popped_message_is_the_first_again(core: Core, queue: str | None) -> None:
    """The message stands in front, is queued in RQ's eyes, and its lane is on the ring."""
    ids = seed.seed(core, 3, queue)
    seed.claim(core, 0)

    assert _put_back(core, _pop(core, queue)) == seed.lane(queue)

    assert seed.line(core, queue) == ids
    assert seed.record(core, ids[0])["status"] == "queued"
    assert seed.ring(core) == [seed.lane(queue)]


def test_the_only_message_of_a_lane_wakes_it_again(core: Core) -> None:
    """A lane that had left the ring because its line was popped empty comes back."""
    (message_id,) = seed.seed(core)
    popped = _pop(core)
    assert seed.claim(core) == ()
    assert seed.ring(core) == []

    _put_back(core, popped)

    assert seed.ids(seed.claim(core)) == [message_id]


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_messages_put_back_in_any_order_keep_their_turn(
    core: Core, clock: FakeClock, order: list[int]
) -> None:
    """Of two popped ids the one that holds a slot goes first, then the queue goes on in order."""
    ids = seed.seed(core, 3, "q")
    seed.retry(core, seed.claim(core), in_ms=1)
    clock.advance(1)
    seed.promote(core)
    popped = [_pop(core, "q"), _pop(core, "q")]

    for index in order:
        _put_back(core, popped[index])
    seen: list[str] = []
    while claims := seed.claim(core):
        seen += seed.ids(claims)
        seed.deliver(core, claims)

    assert seen == ids


@pytest.mark.usefixtures("tampered")
def test_put_back_twice_is_harmless(core: Core) -> None:
    """A second id of the same message is dropped by the claim."""
    ids = seed.seed(core, 2, "q")
    popped = _pop(core, "q")
    _put_back(core, popped)
    _put_back(core, popped)

    seen: list[str] = []
    while claims := seed.claim(core):
        seen += seed.ids(claims)
        seed.deliver(core, claims)

    assert seen == ids
    assert seed.line(core, "q") == []


@pytest.mark.parametrize("state", ["due", "active", "delivered", "failed", "canceled", "unknown"])
def test_put_back_refuses_what_does_not_wait_in_line(core: Core, state: str) -> None:
    """A message that is in flight, due later, terminal or unknown is left alone: nothing is written."""
    (message_id,) = seed.seed(core, delay_ms=100 if state == "due" else 0)
    claims = () if state in ("due", "canceled") else seed.claim(core)
    if state == "delivered":
        seed.deliver(core, claims)
    elif state == "failed":
        seed.fail(core, claims)
    elif state == "canceled":
        seed.cancel(core, message_id)
    before = seed.contents(core)

    assert _put_back(core, "msg_unknown" if state == "unknown" else message_id) == ""

    assert seed.contents(core) == before
