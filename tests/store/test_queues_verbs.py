"""The verbs of queues (contract 2.3, 4.8)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from qstash_rq.core import Core
from qstash_rq.errors import InvalidInput, LimitExceeded, NotFound
from qstash_rq.lanes import Queue
from qstash_rq.queues import (
    delete_queue,
    get_queue,
    list_queues,
    pause_queue,
    resume_queue,
    upsert_queue,
)
from qstash_rq.users import FIRST_USER
from tests import seed
from tests.clock import FakeClock
from tests.factories import NOW_MS

Verb = Callable[[Core, str, str], object]


def test_a_queue_is_seen_as_it_was_made(core: Core) -> None:
    """What upsert writes, get and list show at once."""
    upsert_queue(core, FIRST_USER, "q", parallelism=4, paused=True)

    queue = Queue(name="q", parallelism=4, created_at_ms=NOW_MS, updated_at_ms=NOW_MS, lag=0, paused=True)
    assert get_queue(core, FIRST_USER, "q") == queue
    assert list_queues(core, FIRST_USER) == [queue]


def test_lag_counts_everything_that_is_not_terminal(core: Core) -> None:
    """Waiting, delayed, in flight and between attempts all count; delivered, dead and cancelled do not."""
    upsert_queue(core, FIRST_USER, "q", parallelism=4)
    seed.seed(core, 6, "q")
    seed.seed(core, 1, "q", delay_ms=100)
    claims = seed.claim(core)
    assert get_queue(core, FIRST_USER, "q").lag == 7

    seed.retry(core, claims[:1])
    seed.deliver(core, claims[1:2])
    seed.fail(core, claims[2:3])
    seed.cancel(core, seed.line(core, "q")[0])

    assert get_queue(core, FIRST_USER, "q").lag == 4


def test_queues_are_listed_by_name_and_user(core: Core) -> None:
    """A user sees the own queues in order, those made by enqueueing too, and nobody else's."""
    seed.seed(core, 1, "b")
    upsert_queue(core, FIRST_USER, "a.b-C_1")
    upsert_queue(core, "other", "c")

    assert [queue.name for queue in list_queues(core, FIRST_USER)] == ["a.b-C_1", "b"]
    assert [queue.name for queue in list_queues(core, "other")] == ["c"]
    assert list_queues(core, "nobody") == []


def test_pause_and_resume(core: Core, clock: FakeClock) -> None:
    """Both show at once, are idempotent, move the time of change and keep the parallelism."""
    upsert_queue(core, FIRST_USER, "q", parallelism=3)
    clock.advance(5)

    for _ in range(2):
        pause_queue(core, FIRST_USER, "q")
        assert get_queue(core, FIRST_USER, "q").paused
    for _ in range(2):
        resume_queue(core, FIRST_USER, "q")
        assert not get_queue(core, FIRST_USER, "q").paused
    found = get_queue(core, FIRST_USER, "q")
    assert (found.parallelism, found.created_at_ms, found.updated_at_ms) == (3, NOW_MS, NOW_MS + 5)


def test_an_upsert_without_a_word_on_the_pause_keeps_it(core: Core) -> None:
    """Changing the parallelism of a paused queue leaves it paused; saying so resumes it."""
    upsert_queue(core, FIRST_USER, "q", paused=True)
    upsert_queue(core, FIRST_USER, "q", parallelism=2)
    assert get_queue(core, FIRST_USER, "q").paused

    upsert_queue(core, FIRST_USER, "q", parallelism=2, paused=False)
    assert not get_queue(core, FIRST_USER, "q").paused


@pytest.mark.parametrize("verb", [get_queue, pause_queue, resume_queue])
def test_an_unknown_queue_is_not_found(core: Core, verb: Verb) -> None:
    """Neither an unknown name nor another user's queue is found, and none is made."""
    upsert_queue(core, "other", "q")
    before = seed.contents(core)

    with pytest.raises(NotFound, match="queue q not found"):
        verb(core, FIRST_USER, "q")

    assert seed.contents(core) == before


@pytest.mark.parametrize("verb", [get_queue, pause_queue, resume_queue, upsert_queue, delete_queue])
@pytest.mark.parametrize("name", ["", "a:b", "a b", "a/b", "ü", "a\n", "q*"])
def test_a_bad_name_is_refused(core: Core, verb: Verb, name: str) -> None:
    """Names are checked before anything else, also by those who only look."""
    before = seed.contents(core)

    with pytest.raises(InvalidInput, match="queueName: "):
        verb(core, FIRST_USER, name)

    assert seed.contents(core) == before


@pytest.mark.parametrize(
    ("parallelism", "error"), [(0, InvalidInput), (-1, InvalidInput), (101, LimitExceeded)]
)
def test_a_parallelism_out_of_bounds_is_refused(core: Core, parallelism: int, error: type[Exception]) -> None:
    """Too small is malformed, too large is over the limit; a queue that exists stays as it was."""
    upsert_queue(core, FIRST_USER, "q", parallelism=100)
    before = seed.contents(core)

    for name in ("q", "new"):
        with pytest.raises(error, match="parallelism: "):
            upsert_queue(core, FIRST_USER, name, parallelism=parallelism)

    assert seed.contents(core) == before


def test_the_number_of_queues_is_limited(core: Core) -> None:
    """A queue too many is refused by name of the field; updating at the limit works."""
    limited = replace(core, settings=replace(core.settings, max_queues=1))
    upsert_queue(limited, FIRST_USER, "q")

    with pytest.raises(LimitExceeded, match="queueName: "):
        upsert_queue(limited, FIRST_USER, "other")

    upsert_queue(limited, FIRST_USER, "q", parallelism=2)
    pause_queue(limited, FIRST_USER, "q")


def test_a_deleted_queue_is_gone_and_its_messages_cancelled(core: Core) -> None:
    """After delete nothing is listed, what waits is cancelled and what is in flight is marked."""
    ids = seed.seed(core, 300, "q")
    claims = seed.claim(core)
    (delayed,) = seed.seed(core, 1, "q", delay_ms=100)

    delete_queue(core, FIRST_USER, "q")

    assert list_queues(core, FIRST_USER) == []
    assert {seed.state(core, one) for one in [*ids[1:], delayed]} == {"canceled"}
    assert seed.story(core, ids[0]) == ["CREATED", "ACTIVE", "CANCEL_REQUESTED"]
    seed.deliver(core, claims)
    assert seed.story(core, ids[0])[-1] == "DELIVERED"
    assert seed.live(core) == set()


def test_deleting_is_idempotent_and_each_users_own(core: Core) -> None:
    """Deleting what is not there is no error, and another user's queue of that name stays."""
    upsert_queue(core, "other", "q")
    before = seed.contents(core)

    delete_queue(core, FIRST_USER, "q")

    assert seed.contents(core) == before
    assert get_queue(core, "other", "q").name == "q"
