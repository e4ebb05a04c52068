"""A page shows only so many bytes: what a web process holds does not grow with what is stored."""

from dataclasses import replace

import pytest

from qstash_rq.core import Core
from qstash_rq.dead_letters import (
    delete_dead_letters,
    get_dead_letter,
    list_dead_letters,
    retry_dead_letters,
)
from qstash_rq.errors import InvalidInput
from qstash_rq.filters import Filter
from qstash_rq.logs import list_log
from qstash_rq.message import LogState
from qstash_rq.paging import count_fitting
from qstash_rq.store import keys
from qstash_rq.store.streams import Span, walk_stream
from qstash_rq.users import FIRST_USER
from tests import seed

_BODY = bytes(5_000_000)


def _seed_letters(core: Core) -> list[str]:
    """Make five dead letters of 5 MB, of which three fit on a page; return their ids, newest first."""
    return seed.seed_dead(core, 5, body=_BODY)[::-1]


@pytest.mark.parametrize(
    ("sizes", "most", "count"),
    [([], 5, 0), ([9], 5, 1), ([9, 0], 5, 1), ([2, 3], 5, 2), ([2, 3, 1], 5, 2), ([0, 9], 5, 1)],
)
def test_as_many_as_fit_and_one_at_least(sizes: list[int], most: int, count: int) -> None:
    """The first one is always shown, the others while they have no more bytes together."""
    assert count_fitting(sizes, most) == count


def test_large_dead_letters_come_on_several_pages(core: Core) -> None:
    """A page ends where its bodies are enough, and the cursor goes on behind it."""
    ids = _seed_letters(core)

    first = list_dead_letters(core, FIRST_USER, Filter())
    second = list_dead_letters(core, FIRST_USER, Filter(), cursor=first.cursor)

    assert [one.dlq_id for one in first.items] == ids[:3]
    assert [one.dlq_id for one in second.items] == ids[3:]
    assert second.cursor is None
    assert {len(one.message.body) for one in (*first.items, *second.items)} == {len(_BODY)}


def test_large_dead_letters_are_retried_page_by_page(core: Core) -> None:
    """A call retries what one page shows, and answers the cursor to the rest."""
    ids = _seed_letters(core)

    first = retry_dead_letters(core, FIRST_USER, Filter())

    assert len(first.items) == 3
    assert first.cursor == ids[2]
    assert [one.dlq_id for one in list_dead_letters(core, FIRST_USER, Filter()).items] == ids[3:]


def test_large_dead_letters_are_deleted_unread(core: Core) -> None:
    """Deleting shows no body, so it takes all of them in one call and sends next to nothing."""
    _seed_letters(core)
    sent = core.store.client.execute_command("INFO", "stats")["total_net_output_bytes"]

    deleted = delete_dead_letters(core, FIRST_USER, Filter())

    assert (deleted.count, deleted.cursor) == (5, None)
    after = core.store.client.execute_command("INFO", "stats")["total_net_output_bytes"]
    assert after - sent < len(_BODY)


def test_dead_letters_asked_for_by_id_must_fit_together(core: Core) -> None:
    """More than a batch may have is refused by name; less is answered on one page, and each alone."""
    core = replace(core, settings=replace(core.settings, max_batch_bytes=21_000_000))
    ids = tuple(_seed_letters(core))

    with pytest.raises(InvalidInput, match=r"^dlqIds: .* 21000000 bytes"):
        list_dead_letters(core, FIRST_USER, Filter(), dlq_ids=ids)
    with pytest.raises(InvalidInput, match=r"^dlqIds: "):
        retry_dead_letters(core, FIRST_USER, Filter(), dlq_ids=ids)

    assert len(list_dead_letters(core, FIRST_USER, Filter(), dlq_ids=ids[:4]).items) == 4
    small = replace(core, settings=replace(core.settings, max_batch_bytes=1))
    assert get_dead_letter(small, FIRST_USER, ids[0]).message.body == _BODY


def test_log_records_of_large_messages_come_on_several_pages(core: Core) -> None:
    """Each record is shown with its message's body: records follow one another without a gap or a double."""
    for _ in range(5):
        seed.seed(core, body=_BODY)
    whole = [record.cursor for record in list_log(core, FIRST_USER, Filter(), count=3).items]
    shown: list[str] = []
    cursor: str | None = None
    while len(shown) < 5:
        page = list_log(core, FIRST_USER, Filter(), cursor=cursor)
        assert len(page.items) in (2, 3)
        shown += [record.cursor for record in page.items]
        cursor = page.cursor

    assert cursor is None
    assert shown[:3] == whole
    assert shown == sorted(set(shown), key=lambda one: tuple(map(int, one.split("-"))), reverse=True)


def test_responses_in_the_log_are_read_in_steps(core: Core) -> None:
    """Records with large responses are walked a few at a time, and none is left out."""
    ids = [seed.seed(core, max_retries=9)[0] for _ in range(12)]
    seed.retry(core, seed.claim(core), in_ms=60_000, body=_BODY)
    pages: list[int] = []
    shown: list[str] = []
    cursor: str | None = None
    while not pages or cursor is not None:
        page = list_log(core, FIRST_USER, Filter(), states=frozenset({LogState.ERROR}), cursor=cursor)
        assert {len(one.response.body) for one in page.items if one.response} == {len(_BODY)}
        pages.append(len(page.items))
        shown += [one.message.message_id for one in page.items]
        cursor = page.cursor

    assert shown == ids[::-1]
    assert max(pages) == 3


@pytest.mark.parametrize("earliest_first", [True, False])
def test_a_step_ends_where_its_bytes_are_enough(core: Core, earliest_first: bool) -> None:
    """What Redis answers to one step has 16 MB and one record more at most."""
    seed.seed(core, 12, max_retries=9)
    seed.retry(core, seed.claim(core), in_ms=60_000, body=_BODY)
    steps = [
        [fields["s"] for _, fields in step if "b" in fields]
        for step in walk_stream(core.store, keys.LOG(FIRST_USER), Span(earliest_first=earliest_first))
    ]

    assert [len(step) for step in steps if step] == [4, 4, 4]
