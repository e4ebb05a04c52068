"""close_queue.lua: a queue disappears at once, its messages are set aside."""

import pytest

from qstash_rq.core import Core
from qstash_rq.delivery import Settled
from qstash_rq.store import keys
from qstash_rq.store.message_scripts import Canceled
from qstash_rq.store.queue_scripts import Upserted
from tests import seed
from tests.clock import FakeClock
from tests.factories import NOW_MS


def _exists(core: Core, queue: str) -> bool:
    return core.store.command("EXISTS", keys.LANE(seed.lane(queue))) == 1


def test_a_closed_queue_is_gone_at_once(core: Core) -> None:
    """Gate, name, line, slots, members and RQ's index forget the queue; its messages are set aside."""
    ids = seed.seed(core, 3, "q")
    seed.claim(core)
    delayed = seed.seed(core, 1, "q", delay_ms=100)

    seed.close(core, "q")

    assert not _exists(core, "q")
    assert core.store.command("SMEMBERS", keys.QUEUE_NAMES("defaultUser")) == set()
    assert core.store.command("SISMEMBER", keys.QUEUES(), keys.QUEUE(seed.lane("q"))) == 0
    assert seed.line(core, "q") == seed.members(core, "q") == []
    assert seed.slots(core, "q") == set()
    closing = core.store.command("ZRANGE", keys.CLOSING(seed.lane("q")), 0, -1)
    assert [word.decode() for word in closing] == [*ids, *delayed]
    assert core.store.command("SMEMBERS", keys.CLOSINGS()) == {seed.lane("q").encode()}
    assert seed.claim(core) == ()
    seed.drain(core, "q")


def test_closing_what_is_not_there_writes_nothing(core: Core) -> None:
    """A queue that does not exist is closed already."""
    before = seed.contents(core)

    seed.close(core, "q")

    assert seed.contents(core) == before


def test_an_empty_queue_leaves_nothing_to_drain(core: Core) -> None:
    """Closing a queue without messages sets nothing aside."""
    before = seed.contents(core)
    seed.upsert(core, "q")

    seed.close(core, "q")

    assert seed.contents(core) == before


@pytest.mark.parametrize(
    ("outcome", "word", "state"),
    [
        (Settled.DELIVERED, Settled.DELIVERED, "delivered"),
        (Settled.RETRY, Settled.CANCELED, "canceled"),
        (Settled.FAILED, Settled.CANCELED, "canceled"),
    ],
)
def test_a_message_in_flight_finishes_and_is_not_retried(
    core: Core, outcome: Settled, word: Settled, state: str
) -> None:
    """The attempt that runs while its queue is deleted still counts; another one does not follow."""
    ids = seed.seed(core, 2, "q")
    claims = seed.claim(core)
    seed.close(core, "q")
    assert seed.drain(core, "q") == 0

    assert seed.settle(core, claims, outcome, due_ms=NOW_MS) == (word,)

    assert [seed.state(core, one) for one in ids] == [state, "canceled"]
    assert not _exists(core, "q")


def test_a_retry_between_close_and_drain_is_cancelled(core: Core, clock: FakeClock) -> None:
    """An attempt that fails after the deletion and before the drain does not save its message."""
    (message_id,) = seed.seed(core, queue="q")
    claims = seed.claim(core)
    seed.close(core, "q")

    assert seed.retry(core, claims, in_ms=10) == (Settled.RETRY,)
    clock.advance(10)
    seed.promote(core)

    assert seed.claim(core) == ()
    assert seed.drain(core, "q") == 0
    assert seed.state(core, message_id) == "canceled"
    assert seed.due(core) == {}


def test_a_queue_made_anew_has_nothing_of_the_old_one(core: Core, clock: FakeClock) -> None:
    """A queue under the same name starts empty, with its own gate; old messages hold no slot of it."""
    seed.upsert(core, "q", parallelism=3, paused=True)
    seed.upsert(core, "q", paused=False)
    seed.seed(core, 5, "q")
    old = seed.claim(core)
    seed.close(core, "q")
    clock.advance(5)
    ids = seed.seed(core, 2, "q")

    assert seed.members(core, "q") == ids
    assert seed.ids(seed.claim(core)) == ids[:1]
    seed.deliver(core, old)
    assert seed.slots(core, "q") == {ids[0]}
    assert seed.claim(core) == ()
    assert seed.drain(core, "q") == 0
    assert seed.live(core) == set(ids)
    gate = core.store.command("HMGET", keys.LANE(seed.lane("q")), "parallelism", "paused", "created_ms")
    assert gate == [b"1", b"0", str(NOW_MS + 5).encode()]


def test_a_queue_deleted_again_while_it_is_drained_loses_nothing(core: Core) -> None:
    """Messages of the first and of the second queue of one name are all drained."""
    ids = seed.seed(core, 3, "q")
    seed.close(core, "q")
    assert seed.drain(core, "q", most=1) == 2
    ids += seed.seed(core, 3, "q")
    seed.close(core, "q")

    assert seed.drain(core, "q") == 0

    assert {seed.state(core, one) for one in ids} == {"canceled"}
    assert seed.live(core) == set()


def test_a_message_of_a_closed_queue_can_still_be_cancelled(core: Core) -> None:
    """A cancel between close and drain works, and the drain finds the message gone."""
    ids = seed.seed(core, 2, "q")
    seed.close(core, "q")

    assert seed.cancel(core, ids[0]) == (Canceled.CANCELED,)
    assert seed.drain(core, "q") == 0

    assert seed.story(core, ids[0]) == ["CREATED", "CANCEL_REQUESTED", "CANCELED"]


def test_a_queue_can_be_made_again_at_the_maximum(core: Core) -> None:
    """A deleted queue no longer counts."""
    seed.upsert(core, "q", max_queues=1)
    seed.close(core, "q")

    assert seed.upsert(core, "other", max_queues=1) is Upserted.WRITTEN
