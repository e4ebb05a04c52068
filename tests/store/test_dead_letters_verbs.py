"""The verbs of dead letters: list, delete, revive (contract 2.6)."""

from dataclasses import replace

import pytest

from qstash_rq import dead_letters
from qstash_rq.core import Core
from qstash_rq.dead_letters import (
    Deleted,
    delete_dead_letter,
    delete_dead_letters,
    get_dead_letter,
    list_dead_letters,
    retry_dead_letter,
    retry_dead_letters,
)
from qstash_rq.delivery import Attempt
from qstash_rq.errors import InvalidInput, LimitExceeded, NotFound
from qstash_rq.filters import Filter
from qstash_rq.messages import get_message
from qstash_rq.queues import delete_queue
from qstash_rq.users import FIRST_USER
from tests import seed
from tests.clock import FakeClock
from tests.factories import NOW_MS, make_message

EVERYTHING = Filter()


def _ids(core: Core, wanted: Filter = EVERYTHING, **changes: object) -> list[str]:
    page = list_dead_letters(core, FIRST_USER, wanted, **changes)  # type: ignore[arg-type] # one of several
    return [letter.dlq_id for letter in page.items]


def _seed_apart(core: Core, clock: FakeClock, number: int) -> list[str]:
    """Make dead letters a millisecond apart; the first is the oldest."""
    dlq_ids: list[str] = []
    for _ in range(number):
        dlq_ids += seed.seed_dead(core)
        clock.advance(1)
    return dlq_ids


def test_a_letter_is_its_message_and_the_last_response(core: Core) -> None:
    """A letter carries the message as published and what came back last."""
    message = make_message(body=b"\x00", labels=("a",), queue_name="q", headers=(("X", "1"),))
    seed.accept(core, [message])
    seed.fail(core, seed.claim(core), body=b"gone")

    letter = get_dead_letter(core, FIRST_USER, f"{NOW_MS}-0")

    assert letter.message == message
    assert letter.response == Attempt(status=404, headers=(("a", "b"),), body=b"gone", error="404 Not Found")


def test_the_newest_letters_come_first(core: Core, clock: FakeClock) -> None:
    """Letters are listed by the time they came, either way round."""
    dlq_ids = _seed_apart(core, clock, 3)

    assert _ids(core) == dlq_ids[::-1]
    assert _ids(core, earliest_first=True) == dlq_ids


@pytest.mark.parametrize("earliest_first", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3, 5, 7])
def test_pages_cover_everything_once(core: Core, clock: FakeClock, count: int, earliest_first: bool) -> None:
    """Following the cursor shows each letter once, in order; the last page has none."""
    dlq_ids = _seed_apart(core, clock, 5)
    seen: list[str] = []
    cursor: str | None = None
    pages = 0
    while pages == 0 or cursor:
        page = list_dead_letters(
            core, FIRST_USER, EVERYTHING, cursor=cursor, count=count, earliest_first=earliest_first
        )
        seen += [letter.dlq_id for letter in page.items]
        cursor, pages = page.cursor, pages + 1

    assert seen == (dlq_ids if earliest_first else dlq_ids[::-1])
    assert pages == -(-5 // count)


def test_given_ids_make_filters_idle(core: Core) -> None:
    """With ids nothing else chooses; unknown, malformed and repeated ones are skipped; order is as given."""
    first, second, third = seed.seed_dead(core, 3)

    found = _ids(
        core, Filter(queue_names=("no",)), dlq_ids=(third, "1-1", first, third, "x", f"{NOW_MS}"), count=1
    )

    assert found == [third, first]
    assert second not in found


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(queue_names=("q",)), [1]),
        (Filter(response_statuses=(404,)), [2, 1, 0]),
        (Filter(response_statuses=(0, 500)), []),
        (Filter(from_ms=NOW_MS + 1), [2, 1]),
        (Filter(to_ms=NOW_MS + 1), [1, 0]),
        (Filter(from_ms=NOW_MS + 1, to_ms=NOW_MS + 1), [1]),
        (Filter(labels=("x",)), [2]),
    ],
)
def test_a_filter_chooses_letters(core: Core, clock: FakeClock, wanted: Filter, expected: list[int]) -> None:
    """Dates bound the time the letter came, inclusive; a status is that of the last response."""
    dlq_ids: list[str] = []
    for queue, labels in ((None, ()), ("q", ()), (None, ("x",))):
        dlq_ids += seed.seed_dead(core, 1, queue, labels=labels)
        clock.advance(1)

    assert _ids(core, wanted) == [dlq_ids[index] for index in expected]


def test_a_letter_without_a_response_has_status_zero(core: Core) -> None:
    """A network error is found by the status 0."""
    seed.seed(core)
    seed.settle(core, seed.claim(core), outcome=seed.Settled.FAILED, response='{"error":"refused"}')

    (letter,) = list_dead_letters(core, FIRST_USER, Filter(response_statuses=(0,))).items

    assert (letter.response.status, letter.response.error) == (None, "refused")


def test_a_count_over_the_page_is_clamped(core: Core) -> None:
    """No page holds more than a hundred letters."""
    seed.accept(core, [make_message() for _ in range(101)])
    seed.fail(core, seed.claim(core))

    page = list_dead_letters(core, FIRST_USER, EVERYTHING, count=1000)

    assert len(page.items) == 100
    assert page.cursor == page.items[-1].dlq_id


def test_a_sparse_filter_ends_early_with_a_cursor(
    core: Core, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A filter that matches almost nothing is answered in bounded steps, each with a cursor to go on."""
    monkeypatch.setattr(dead_letters, "SCAN_LIMIT", 500)
    (wanted,) = seed.seed_dead(core, labels=("x",))
    clock.advance(1)
    seed.accept(core, [make_message() for _ in range(600)])
    seed.fail(core, seed.claim(core))

    first = list_dead_letters(core, FIRST_USER, Filter(labels=("x",)))
    second = list_dead_letters(core, FIRST_USER, Filter(labels=("x",)), cursor=first.cursor)

    assert first.items == ()
    assert [letter.dlq_id for letter in second.items] == [wanted]
    assert second.cursor is None


@pytest.mark.parametrize("dlq_id", ["1-1", "x", "", f"{NOW_MS}", f"{NOW_MS}-9", "-", "+", "*"])
def test_an_unknown_letter_is_not_found(core: Core, dlq_id: str) -> None:
    """Whatever names no letter is not found, for every verb; nothing is written."""
    seed.seed_dead(core)
    before = seed.contents(core)

    for verb in (get_dead_letter, delete_dead_letter, retry_dead_letter):
        with pytest.raises(NotFound, match="dlqId "):
            verb(core, FIRST_USER, dlq_id)
    with pytest.raises(NotFound):
        retry_dead_letters(core, FIRST_USER, EVERYTHING, dlq_ids=(f"{NOW_MS}-0", dlq_id))
    assert delete_dead_letters(core, FIRST_USER, EVERYTHING, dlq_ids=(dlq_id,)) == Deleted(count=0)

    assert seed.contents(core) == before


def test_another_users_letter_is_not_found(core: Core) -> None:
    """A letter is its owner's alone, whatever the id."""
    (dlq_id,) = seed.seed_dead(core, user_id="other")
    before = seed.contents(core)

    assert _ids(core) == []
    with pytest.raises(NotFound):
        retry_dead_letter(core, FIRST_USER, dlq_id)
    assert delete_dead_letters(core, FIRST_USER, EVERYTHING) == Deleted(count=0)

    assert seed.contents(core) == before


# ── delete ─────────────────────────────────────────────────────────────────────────────────────


def test_one_letter_is_deleted_once(core: Core) -> None:
    """A deleted letter is gone; deleting it again is an error."""
    first, second = seed.seed_dead(core, 2)

    delete_dead_letter(core, FIRST_USER, first)

    assert _ids(core) == [second]
    with pytest.raises(NotFound):
        delete_dead_letter(core, FIRST_USER, first)


def test_letters_are_deleted_by_id_by_filter_and_in_pages(core: Core, clock: FakeClock) -> None:
    """Ids delete just those; a filter deletes the newest that match, and says when there are more."""
    dlq_ids = _seed_apart(core, clock, 6)

    by_ids = delete_dead_letters(core, FIRST_USER, EVERYTHING, dlq_ids=(dlq_ids[0], dlq_ids[0], "1-1"))
    assert by_ids == Deleted(count=1)
    paged = delete_dead_letters(core, FIRST_USER, EVERYTHING, count=2)
    assert paged == Deleted(count=2, cursor=dlq_ids[4])
    assert _ids(core) == dlq_ids[3:0:-1]
    assert delete_dead_letters(core, FIRST_USER, EVERYTHING, count=2, cursor=paged.cursor).count == 2
    assert delete_dead_letters(core, FIRST_USER, Filter(queue_names=("q",))) == Deleted(count=0)
    assert delete_dead_letters(core, FIRST_USER, EVERYTHING) == Deleted(count=1)


# ── revive ─────────────────────────────────────────────────────────────────────────────────────


def test_a_revived_letter_is_a_new_message_with_everything_stored(core: Core, clock: FakeClock) -> None:
    """The new message has a new id, is created now and ready, and is otherwise what was published."""
    message = make_message(
        method="PUT",
        headers=(("Content-Type", "a/b"), ("X", "1")),
        body=b"\xff\x00",
        max_retries=7,
        retry_delay="5",
        timeout_ms=9,
        caller_ip="1.2.3.4",
        labels=("a",),
        topic_name="t",
        endpoint_name="e",
        schedule_id="s",
    )
    seed.accept(core, [message])
    seed.fail(core, seed.claim(core))
    clock.advance(60_000)

    new_id = retry_dead_letter(core, FIRST_USER, f"{NOW_MS}-0")

    assert new_id != message.message_id
    assert get_message(core, FIRST_USER, new_id).message == replace(
        message, message_id=new_id, created_at_ms=clock.now_ms(), not_before_ms=clock.now_ms()
    )
    assert _ids(core) == []
    (claimed,) = seed.claim(core)
    assert (claimed.attempt, claimed.retried) == (1, 0)


def test_overrides_replace_what_was_stored(core: Core) -> None:
    """Configuration headers of the retry call win, others stay; a plain Content-Type is the call's own."""
    (dlq_id,) = seed.seed_dead(core, headers=(("X", "1"), ("Y", "2")), labels=("a",), max_retries=3)

    new_id = retry_dead_letter(
        core,
        FIRST_USER,
        dlq_id,
        (
            ("Upstash-Retries", "0"),
            ("Upstash-Delay", "10s"),
            ("Upstash-Forward-X", "9"),
            ("Content-Type", "application/json"),
        ),
    )

    view = get_message(core, FIRST_USER, new_id)
    assert (view.message.max_retries, view.message.labels) == (0, ("a",))
    assert dict(view.message.headers) == {"X": "9", "Y": "2"}
    assert view.not_before_ms == NOW_MS + 10_000


def test_bad_overrides_leave_the_letter(core: Core) -> None:
    """A refused retry writes nothing."""
    (dlq_id,) = seed.seed_dead(core)
    before = seed.contents(core)

    with pytest.raises((InvalidInput, LimitExceeded), match="Upstash-Retries"):
        retry_dead_letter(core, FIRST_USER, dlq_id, (("Upstash-Retries", "x"),))

    assert seed.contents(core) == before


def test_a_revived_letter_of_a_queue_goes_to_its_end(core: Core) -> None:
    """A message that was queued is appended; a deleted queue is made again."""
    first, second = seed.seed_dead(core, 2, "q")
    waiting = seed.seed(core, 1, "q")

    new_id = retry_dead_letter(core, FIRST_USER, first)
    assert seed.members(core, "q") == [*waiting, new_id]

    delete_queue(core, FIRST_USER, "q")
    newer = retry_dead_letter(core, FIRST_USER, second)
    assert seed.members(core, "q") == [newer]


def test_many_letters_are_revived_in_order(core: Core, clock: FakeClock) -> None:
    """By ids in the order given, by filter the newest first, with a cursor when more may match."""
    dlq_ids = _seed_apart(core, clock, 5)
    old = seed.dead(core)

    by_ids = retry_dead_letters(core, FIRST_USER, EVERYTHING, dlq_ids=(dlq_ids[1], dlq_ids[0], dlq_ids[1]))
    by_filter = retry_dead_letters(core, FIRST_USER, EVERYTHING, count=2)

    assert len(by_ids.items) == 2
    assert (len(by_filter.items), by_filter.cursor) == (2, dlq_ids[3])
    assert _ids(core) == [dlq_ids[2]]
    assert seed.live(core) == {*by_ids.items, *by_filter.items}
    assert seed.line(core) == [*by_ids.items, *by_filter.items]
    assert not seed.live(core) & set(old.values())


def test_one_unknown_id_revives_nothing(core: Core) -> None:
    """Reviving by ids is all or none."""
    (dlq_id,) = seed.seed_dead(core)
    before = seed.contents(core)

    with pytest.raises(NotFound, match="dlqId 1-1 not found"):
        retry_dead_letters(core, FIRST_USER, EVERYTHING, dlq_ids=(dlq_id, "1-1"))

    assert seed.contents(core) == before


@pytest.mark.parametrize("spelling", ["{ms}-00", "0{ms}-0"])
def test_another_spelling_of_an_id_revives_nothing_twice(core: Core, spelling: str) -> None:
    """Redis reads `1-0` and `1-00` as the same entry: a letter must not become two messages."""
    (dlq_id,) = seed.seed_dead(core)
    other = spelling.format(ms=NOW_MS)

    with pytest.raises(NotFound):
        retry_dead_letters(core, FIRST_USER, EVERYTHING, dlq_ids=(dlq_id, other))

    assert seed.live(core) == set()


def test_reviving_nothing_is_nothing(core: Core) -> None:
    """No match, no message."""
    assert retry_dead_letters(core, FIRST_USER, EVERYTHING).items == ()
    assert retry_dead_letters(core, FIRST_USER, EVERYTHING, dlq_ids=()).items == ()
