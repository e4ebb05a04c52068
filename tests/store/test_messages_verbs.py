"""The verbs of messages: look and cancel (contract 2.2, 4.11)."""

from dataclasses import replace

import pytest

from qstash_rq.core import Core
from qstash_rq.errors import InvalidInput, NotFound
from qstash_rq.filters import Filter
from qstash_rq.message import State
from qstash_rq.messages import MessageView, cancel_message, cancel_messages, get_message
from qstash_rq.users import FIRST_USER
from tests import seed
from tests.clock import FakeClock
from tests.factories import NOW_MS, make_message

EVERYTHING = Filter()


def _state(core: Core, message_id: str) -> State | None:
    try:
        return get_message(core, FIRST_USER, message_id).state
    except NotFound:
        return None


def test_a_message_is_seen_as_it_was_published(core: Core) -> None:
    """Every field comes back as it went in."""
    message = make_message(
        url="https://example.com/a?b=%2F",
        method="PATCH",
        headers=(("Content-Type", "text/plain"), ("X", "1"), ("X", "2"), ("Y", "grün")),
        body=bytes(range(256)),
        max_retries=0,
        retry_delay="1000 * (1 + retried)",
        timeout_ms=1500,
        caller_ip="10.0.0.1",
        labels=("a", "b"),
        queue_name="q",
        topic_name="t",
        endpoint_name="e",
        schedule_id="s",
    )
    seed.accept(core, [message])

    assert get_message(core, FIRST_USER, message.message_id) == MessageView(
        message=message, state=State.READY, not_before_ms=NOW_MS
    )


def test_the_next_delivery_is_seen(core: Core, clock: FakeClock) -> None:
    """`not_before_ms` is the time of the delay, then of the next attempt."""
    (message_id,) = seed.seed(core, delay_ms=50)
    assert get_message(core, FIRST_USER, message_id).not_before_ms == NOW_MS + 50
    clock.advance(50)
    seed.promote(core)
    seed.retry(core, seed.claim(core), in_ms=700)

    view = get_message(core, FIRST_USER, message_id)

    assert (view.state, view.not_before_ms) == (State.DUE, NOW_MS + 750)
    assert view.message.not_before_ms == NOW_MS + 50


def test_a_message_is_found_in_every_living_state(core: Core, clock: FakeClock) -> None:
    """From publish to its end a message can be seen, whatever it waits for."""
    (message_id,) = seed.seed(core, delay_ms=10)
    seen = [_state(core, message_id)]
    clock.advance(10)
    seed.promote(core)
    seen.append(_state(core, message_id))
    claims = seed.claim(core)
    seen.append(_state(core, message_id))
    seed.retry(core, claims)
    seen.append(_state(core, message_id))

    assert seen == [State.DUE, State.READY, State.ACTIVE, State.DUE]


@pytest.mark.parametrize("end", ["delivered", "failed"])
def test_a_finished_message_is_found_for_the_grace_period(core: Core, clock: FakeClock, end: str) -> None:
    """Up to the last millisecond of the grace a finished message is found, then it is not."""
    (message_id,) = seed.seed(core)
    claims = seed.claim(core)
    if end == "delivered":
        seed.deliver(core, claims)
    else:
        seed.fail(core, claims)

    clock.advance(core.settings.grace_ms)
    assert _state(core, message_id) is State(end)
    clock.advance(1)
    assert _state(core, message_id) is None


@pytest.mark.parametrize("state", ["ready", "active", "due"])
def test_a_cancelled_message_is_not_found_at_once(core: Core, state: str) -> None:
    """After a cancel a message is gone for its publisher, in flight or not, and cannot be cancelled again."""
    (message_id,) = seed.seed(core, delay_ms=100 if state == "due" else 0)
    if state == "active":
        seed.claim(core)

    cancel_message(core, FIRST_USER, message_id)

    assert _state(core, message_id) is None
    with pytest.raises(NotFound, match=f"message {message_id} not found"):
        cancel_message(core, FIRST_USER, message_id)
    if state == "ready":
        seed.claim(core)


def test_nobody_elses_message_is_found(core: Core) -> None:
    """Another user's message cannot be seen or cancelled, one by one or in bulk; nothing is written."""
    (message_id,) = seed.seed(core, user_id="other")
    before = seed.contents(core)

    for verb in (get_message, cancel_message):
        with pytest.raises(NotFound):
            verb(core, FIRST_USER, message_id)
    assert cancel_messages(core, FIRST_USER, EVERYTHING, message_ids=(message_id,)) == 0
    assert cancel_messages(core, FIRST_USER, EVERYTHING) == 0

    assert seed.contents(core) == before


@pytest.mark.parametrize("message_id", ["msg_unknown", "", "*", "x:y"])
def test_an_unknown_message_is_not_found(core: Core, message_id: str) -> None:
    """Any word that names no message is simply not found."""
    with pytest.raises(NotFound):
        get_message(core, FIRST_USER, message_id)
    with pytest.raises(NotFound):
        cancel_message(core, FIRST_USER, message_id)


# ── many at once ───────────────────────────────────────────────────────────────────────────────


def test_only_what_lives_is_cancelled_and_counted(core: Core) -> None:
    """Two of three living messages and then all of them are 2 and then 1; what is over never counts."""
    done = seed.seed(core, 2)
    claims = seed.claim(core)
    seed.deliver(core, claims[:1])
    seed.fail(core, claims[1:])
    ids = seed.seed(core, 2) + seed.seed(core, 1, delay_ms=10)

    assert cancel_messages(core, FIRST_USER, EVERYTHING, message_ids=(ids[0], ids[2])) == 2
    assert cancel_messages(core, FIRST_USER, EVERYTHING) == 1
    assert cancel_messages(core, FIRST_USER, EVERYTHING) == 0
    seed.claim(core)

    assert [seed.state(core, one) for one in done] == ["delivered", "failed"]


def test_given_ids_make_filters_and_count_idle(core: Core) -> None:
    """With ids, nothing else chooses; unknown and repeated ones are skipped."""
    ids = seed.seed(core, 3, "q")

    canceled = cancel_messages(
        core,
        FIRST_USER,
        Filter(queue_names=("other",)),
        message_ids=(ids[2], ids[0], "msg_unknown", ids[0]),
        count=1,
    )

    assert canceled == 2
    assert seed.line(core, "q") == [ids[1]]


def test_no_ids_are_not_all_ids(core: Core) -> None:
    """An empty list of ids cancels nothing."""
    seed.seed(core, 2)

    assert cancel_messages(core, FIRST_USER, EVERYTHING, message_ids=()) == 0


def test_count_takes_the_oldest(core: Core, clock: FakeClock) -> None:
    """A limited cancel takes the oldest living messages, and counts those that it really cancelled."""
    ids: list[str] = []
    for _ in range(5):
        ids += seed.seed(core)
        clock.advance(1)
    seed.deliver(core, seed.claim(core, 1))
    seed.claim(core, 1)
    cancel_message(core, FIRST_USER, ids[1])

    assert cancel_messages(core, FIRST_USER, EVERYTHING, count=2) == 2

    assert [seed.state(core, one) for one in ids] == ["delivered", "active", "canceled", "canceled", "ready"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(), {0, 1, 2, 3}),
        (Filter(queue_names=("q",)), {1}),
        (Filter(queue_names=("q", "r")), {1, 2}),
        (Filter(labels=("x",)), {0, 1}),
        (Filter(labels=("x",), queue_names=("q",)), {1}),
        (Filter(urls=("https://b.io/",)), {3}),
        (Filter(from_ms=NOW_MS + 1, to_ms=NOW_MS + 2), {1, 2}),
        (Filter(from_ms=NOW_MS + 9), set()),
    ],
)
def test_a_filter_chooses_by_the_message(
    core: Core, clock: FakeClock, wanted: Filter, expected: set[int]
) -> None:
    """Criteria are those of contract 2.12; dates bound the time of creation, inclusive."""
    kinds = [
        {"labels": ("x",)},
        {"queue": "q", "labels": ("y", "x")},
        {"queue": "r"},
        {"url": "https://b.io/"},
    ]
    ids: list[str] = []
    for kind in kinds:
        ids += seed.seed(core, 1, **kind)  # type: ignore[arg-type] # one of several fields
        clock.advance(1)

    assert cancel_messages(core, FIRST_USER, wanted) == len(expected)

    assert {index for index, one in enumerate(ids) if seed.state(core, one) == "canceled"} == expected
    seed.claim(core)


def test_many_messages_of_one_millisecond_are_all_cancelled(core: Core) -> None:
    """More messages than one page holds, all of the same age, are each cancelled once."""
    seed.accept(core, [make_message() for _ in range(1100)])

    assert cancel_messages(core, FIRST_USER, EVERYTHING, count=150) == 150
    assert cancel_messages(core, FIRST_USER, EVERYTHING) == 950

    assert seed.live(core) == set()
    seed.claim(core)


def test_messages_in_flight_are_counted_once_and_not_in_the_way(core: Core) -> None:
    """A message in flight counts as cancelled the first time; a limited cancel then goes on behind it."""
    active = seed.seed(core, 600)
    seed.claim(core)
    (waiting,) = seed.seed(core)

    assert cancel_messages(core, FIRST_USER, EVERYTHING, message_ids=tuple(active)) == 600
    assert cancel_messages(core, FIRST_USER, EVERYTHING, count=1) == 1

    assert seed.state(core, waiting) == "canceled"
    seed.claim(core)


@pytest.mark.parametrize("count", [0, -1, 501])
def test_a_count_out_of_range_is_refused(core: Core, count: int) -> None:
    """Nothing is cancelled by a count that makes no sense."""
    seed.seed(core)
    before = seed.contents(core)

    with pytest.raises(InvalidInput, match="count: "):
        cancel_messages(core, FIRST_USER, EVERYTHING, count=count)

    assert seed.contents(core) == before


def test_the_maximum_of_a_bulk_cancel_is_a_setting(core: Core) -> None:
    """The largest count is what the settings say."""
    seed.seed(core, 3)
    small = replace(core, settings=replace(core.settings, max_bulk_cancel=2))

    with pytest.raises(InvalidInput, match="between 1 and 2"):
        cancel_messages(small, FIRST_USER, EVERYTHING, count=3)
    assert cancel_messages(small, FIRST_USER, EVERYTHING, count=2) == 2
