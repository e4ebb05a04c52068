"""Reading the log (contract 2.7, 5)."""

from collections.abc import Callable

import pytest

from qstash_rq import logs
from qstash_rq.core import Core
from qstash_rq.delivery import Attempt
from qstash_rq.filters import Filter
from qstash_rq.logs import LogRecord, list_log
from qstash_rq.message import LogState
from qstash_rq.store import keys
from qstash_rq.users import FIRST_USER
from tests import seed
from tests.clock import FakeClock
from tests.factories import NOW_MS, make_message

EVERYTHING = Filter()


def _records(core: Core, wanted: Filter = EVERYTHING, **changes: object) -> tuple[LogRecord, ...]:
    return list_log(core, FIRST_USER, wanted, **changes).items  # type: ignore[arg-type] # one of several


def _states(core: Core, wanted: Filter = EVERYTHING, **changes: object) -> list[str]:
    return [one.state.value for one in _records(core, wanted, **changes)]


def test_records_come_newest_first_with_all_of_their_message(core: Core, clock: FakeClock) -> None:
    """The first record of a finished message is its terminal one; each carries the whole message."""
    message = make_message(body=b"x", labels=("a",))
    seed.accept(core, [message])
    claims = seed.claim(core)
    clock.advance(5)
    seed.deliver(core, claims)

    records = _records(core)

    assert [(one.state, one.time_ms) for one in records] == [
        (LogState.DELIVERED, NOW_MS + 5),
        (LogState.ACTIVE, NOW_MS),
        (LogState.CREATED, NOW_MS),
    ]
    assert {one.message for one in records} == {message}
    assert [one.cursor for one in records] == [f"{NOW_MS + 5}-0", f"{NOW_MS}-1", f"{NOW_MS}-0"]


def test_what_an_event_adds(core: Core) -> None:
    """ERROR carries the response and the next time, RETRY and a delayed CREATED just the time."""
    seed.seed(core, delay_ms=70)
    (message_id,) = seed.seed(core)
    seed.retry(core, seed.claim(core), in_ms=50)

    retry, error, active, created, delayed = _records(core)

    response = Attempt(status=500, error="500")
    assert (error.response, error.error, error.next_delivery_ms) == (response, "500", NOW_MS + 50)
    assert (retry.response, retry.error, retry.next_delivery_ms) == (None, None, NOW_MS + 50)
    assert (active.response, active.next_delivery_ms) == (None, None)
    assert (created.next_delivery_ms, delayed.next_delivery_ms) == (None, NOW_MS + 70)
    assert created.message.message_id == message_id


def test_the_last_error(core: Core) -> None:
    """The ERROR of a last attempt names no next one; FAILED says the error and shows no response."""
    seed.seed(core)
    seed.fail(core, seed.claim(core), body=b"no")

    failed, error = _records(core)[:2]

    assert (failed.error, failed.response) == ("404 Not Found", None)
    assert (error.error, error.next_delivery_ms) == ("404 Not Found", None)
    assert error.response == Attempt(status=404, headers=(("a", "b"),), body=b"no", error="404 Not Found")


def test_a_network_error_has_no_response(core: Core) -> None:
    """An attempt without an answer is an ERROR with its text alone."""
    seed.seed(core)
    seed.settle(core, seed.claim(core), seed.Settled.FAILED, response='{"error":"refused"}')

    error = _records(core, states=frozenset({LogState.ERROR}))[0]

    assert (error.error, error.response) == ("refused", None)


@pytest.mark.parametrize("earliest_first", [False, True])
@pytest.mark.parametrize("by_message", [False, True])
@pytest.mark.parametrize("count", [1, 2, 4, 6, 7])
def test_pages_cover_everything_once(core: Core, count: int, by_message: bool, earliest_first: bool) -> None:
    """Following the cursor shows each record once, in order, along the stream or the trails of messages."""
    ids = seed.seed(core, 2)
    seed.deliver(core, seed.claim(core))
    wanted = Filter(message_ids=tuple(ids)) if by_message else EVERYTHING
    seen: list[str] = []
    cursor: str | None = None
    pages = 0
    while pages == 0 or cursor:
        page = list_log(core, FIRST_USER, wanted, cursor=cursor, count=count, earliest_first=earliest_first)
        seen += [one.cursor for one in page.items]
        cursor, pages = page.cursor, pages + 1

    expected = [f"{NOW_MS}-{number}" for number in range(6)]
    assert seen == (expected if earliest_first else expected[::-1])
    assert pages == -(-6 // count)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({LogState.CREATED}, ["CREATED"] * 3),
        ({LogState.DELIVERED, LogState.FAILED}, ["FAILED", "DELIVERED"]),
        ({LogState.RETRY}, []),
        ({LogState.CANCELED}, ["CANCELED"]),
    ],
)
def test_states_choose_records(core: Core, states: set[LogState], expected: list[str]) -> None:
    """Only records of the wanted states are listed."""
    ids = seed.seed(core, 3)
    claims = seed.claim(core, 2)
    seed.deliver(core, claims[:1])
    seed.fail(core, claims[1:])
    seed.cancel(core, ids[2])
    seed.claim(core)

    assert _states(core, states=frozenset(states)) == expected


def test_filters_choose_by_the_message_and_the_time_of_the_event(core: Core, clock: FakeClock) -> None:
    """Labels and queues are the message's, dates the event's, inclusive."""
    seed.seed(core, 1, "q", labels=("x",))
    seed.seed(core)
    clock.advance(10)
    seed.claim(core)

    assert _states(core, Filter(labels=("x",))) == ["ACTIVE", "CREATED"]
    assert _states(core, Filter(queue_names=("q",), from_ms=NOW_MS + 10)) == ["ACTIVE"]
    assert _states(core, Filter(to_ms=NOW_MS + 9)) == ["CREATED", "CREATED"]
    assert _states(core, Filter(from_ms=NOW_MS + 1, to_ms=NOW_MS + 9)) == []


def test_a_messages_own_records_are_found_without_the_stream(core: Core) -> None:
    """Records of given messages, in either order, within dates, with states; unknown messages have none."""
    first, second, third = seed.seed(core, 3)
    seed.deliver(core, seed.claim(core))
    wanted = Filter(message_ids=(third, "msg_unknown", first, first))

    assert _states(core, wanted) == ["DELIVERED", "DELIVERED", "ACTIVE", "ACTIVE", "CREATED", "CREATED"]
    assert {one.message.message_id for one in _records(core, wanted)} == {first, third}
    assert _states(core, wanted, states=frozenset({LogState.ACTIVE}), count=1) == ["ACTIVE"]
    assert _states(core, Filter(message_ids=(second,), from_ms=NOW_MS + 1)) == []


def test_other_users_records_are_not_seen(core: Core) -> None:
    """Neither along the stream nor by a message's id."""
    (message_id,) = seed.seed(core, user_id="other")

    assert _states(core) == []
    assert _states(core, Filter(message_ids=(message_id,))) == []


@pytest.mark.parametrize("trim", ["stream", "record"])
def test_what_retention_took_is_left_out(core: Core, trim: str) -> None:
    """A trail may name entries that are trimmed, and an entry a record that is gone: neither is shown."""
    first, second = seed.seed(core, 2)
    seed.deliver(core, seed.claim(core))
    if trim == "stream":
        core.store.command("XTRIM", keys.LOG(FIRST_USER), "MAXLEN", 3)
    else:
        core.store.command("DEL", keys.JOB(first))

    along = {one.message.message_id for one in _records(core)}
    by_id = _states(core, Filter(message_ids=(first, second)))

    assert along == ({first, second} if trim == "stream" else {second})
    assert len(by_id) == 3


def test_a_sparse_filter_ends_early_with_a_cursor(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter that matches almost nothing is answered in bounded steps, each with a cursor to go on."""
    monkeypatch.setattr(logs, "SCAN_LIMIT", 500)
    seed.seed(core, labels=("x",))
    seed.accept(core, [make_message() for _ in range(600)])
    wanted = Filter(labels=("x",))

    first = list_log(core, FIRST_USER, wanted)
    second = list_log(core, FIRST_USER, wanted, cursor=first.cursor)

    assert (first.items, second.cursor) == ((), None)
    assert [one.state for one in second.items] == [LogState.CREATED]


def test_a_long_log_is_walked_in_steps(core: Core) -> None:
    """More records than one step reads are all there, newest first."""
    seed.accept(core, [make_message() for _ in range(1203)])

    records = _records(core, count=2000)

    assert len(records) == 1203
    order: Callable[[LogRecord], int] = lambda one: int(one.cursor.partition("-")[2])  # noqa: E731 - a key
    assert list(records) == sorted(records, key=order, reverse=True)


def test_a_cursor_that_was_trimmed_away_still_works(core: Core) -> None:
    """A page that begins behind entries that are gone goes on with what is left."""
    seed.seed(core, 5)
    page = list_log(core, FIRST_USER, EVERYTHING, count=2, earliest_first=True)
    core.store.command("XTRIM", keys.LOG(FIRST_USER), "MAXLEN", 2)

    rest = list_log(core, FIRST_USER, EVERYTHING, cursor=page.cursor, earliest_first=True)

    assert [one.cursor for one in rest.items] == [f"{NOW_MS}-3", f"{NOW_MS}-4"]
