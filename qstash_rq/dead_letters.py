"""Dead letters: list, delete and revive messages whose attempts are exhausted (contract 2.6)."""

from collections.abc import Iterator
from dataclasses import dataclass

from qstash_rq.core import Core
from qstash_rq.delivery import DeadLetter
from qstash_rq.errors import InvalidInput, NotFound
from qstash_rq.filters import Filter
from qstash_rq.message import Headers
from qstash_rq.paging import PAGE_BYTES, Page, count_fitting
from qstash_rq.revival import revive
from qstash_rq.store import keys
from qstash_rq.store.message_scripts import discard
from qstash_rq.store.messages import read_messages, read_sizes
from qstash_rq.store.streams import Fields, Span, entry_ids_among, read_entries, walk_stream

Entries = list[tuple[str, Fields]]

PAGE_LIMIT = 100
SCAN_LIMIT = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """How many dead letters went, and the cursor when more may match."""

    count: int
    cursor: str | None = None


def list_dead_letters(
    core: Core,
    user_id: str,
    wanted: Filter,
    *,
    dlq_ids: tuple[str, ...] | None = None,
    cursor: str | None = None,
    count: int = PAGE_LIMIT,
    earliest_first: bool = False,
) -> Page[DeadLetter]:
    """Return the given dead letters, or up to `count` that match beyond `cursor`.

    `dlq_ids` makes every other filter and `count` idle; unknown ids are skipped, and InvalidInput is raised
    when the others are too large for one answer. A larger count than 100 is clamped, and a page whose bodies
    are large is shorter. Dates bound the time the message entered the DLQ.
    """
    if dlq_ids is not None:
        entries = read_entries(core.store, keys.DEAD(user_id), dlq_ids)
        most_bytes = core.settings.max_batch_bytes
        if _count_fitting(core, entries, most_bytes) < len(entries):
            msg = f"dlqIds: the bodies of these are larger than {most_bytes} bytes together: name fewer"
            raise InvalidInput(msg)
        return Page(items=tuple(_letters(core, user_id, entries)))
    span = Span(from_ms=wanted.from_ms, to_ms=wanted.to_ms, cursor=cursor, earliest_first=earliest_first)
    chosen, cursor = _choose(core, user_id, wanted, span, min(count, PAGE_LIMIT))
    fitting = _count_fitting(core, chosen, PAGE_BYTES)
    if fitting < len(chosen):
        chosen, cursor = chosen[:fitting], chosen[fitting - 1][0]
    return Page(items=tuple(_letters(core, user_id, chosen)), cursor=cursor)


def get_dead_letter(core: Core, user_id: str, dlq_id: str) -> DeadLetter:
    """Return one dead letter; raises NotFound."""
    page = list_dead_letters(core, user_id, Filter(), dlq_ids=(dlq_id,))
    if not page.items:
        raise NotFound(_not_found(dlq_id))
    return page.items[0]


def delete_dead_letter(core: Core, user_id: str, dlq_id: str) -> None:
    """Delete one dead letter; raises NotFound."""
    if core.store.run(discard(user_id=user_id, dlq_ids=entry_ids_among([dlq_id]))) == 0:
        raise NotFound(_not_found(dlq_id))


def delete_dead_letters(
    core: Core,
    user_id: str,
    wanted: Filter,
    *,
    dlq_ids: tuple[str, ...] | None = None,
    cursor: str | None = None,
    count: int = PAGE_LIMIT,
) -> Deleted:
    """Delete the given dead letters, or up to `count` that match, newest first; one script call."""
    if dlq_ids is not None:
        return Deleted(count=core.store.run(discard(user_id=user_id, dlq_ids=entry_ids_among(dlq_ids))))
    span = Span(from_ms=wanted.from_ms, to_ms=wanted.to_ms, cursor=cursor)
    chosen, cursor = _choose(core, user_id, wanted, span, min(count, PAGE_LIMIT))
    ids = [dlq_id for dlq_id, _ in chosen]
    return Deleted(count=core.store.run(discard(user_id=user_id, dlq_ids=ids)), cursor=cursor)


def retry_dead_letter(core: Core, user_id: str, dlq_id: str, overrides: Headers = ()) -> str:
    """Revive one dead letter as a new message and return its id; raises NotFound.

    `overrides` are configuration headers that replace stored values. The letter goes in
    the same step the message comes.
    """
    return revive(core, [get_dead_letter(core, user_id, dlq_id)], overrides)[0]


def retry_dead_letters(
    core: Core,
    user_id: str,
    wanted: Filter,
    *,
    dlq_ids: tuple[str, ...] | None = None,
    cursor: str | None = None,
    count: int = PAGE_LIMIT,
    overrides: Headers = (),
) -> Page[str]:
    """Revive the given dead letters, or up to `count` that match, newest first; returns new ids.

    All or none: raises NotFound when one of the given ids is unknown.
    """
    unique = None if dlq_ids is None else tuple(dict.fromkeys(dlq_ids))
    page = list_dead_letters(core, user_id, wanted, dlq_ids=unique, cursor=cursor, count=count)
    if unique is not None and len(page.items) < len(unique):
        known = {letter.dlq_id for letter in page.items}
        raise NotFound(_not_found(next(dlq_id for dlq_id in unique if dlq_id not in known)))
    return Page(items=tuple(revive(core, page.items, overrides)), cursor=page.cursor)


def _choose(core: Core, user_id: str, wanted: Filter, span: Span, most: int) -> tuple[Entries, str | None]:
    """Return up to `most` matching entries, and the cursor when more may match; reads no body."""
    scanned, chosen = 0, Entries()
    for step in walk_stream(core.store, keys.DEAD(user_id), span):
        entries = dict(step)
        for letter in _letters(core, user_id, step, bodies=False):
            if not _matches(wanted, letter):
                continue
            if len(chosen) == most:
                return chosen, chosen[-1][0]
            chosen.append((letter.dlq_id, entries[letter.dlq_id]))
        scanned += len(step)
        if scanned >= SCAN_LIMIT:
            return chosen, step[-1][0]
    return chosen, None


def _count_fitting(core: Core, entries: Entries, most_bytes: int) -> int:
    if len(entries) < 2:  # noqa: PLR2004 - the first one is answered however large it is
        return len(entries)
    return count_fitting(read_sizes(core.store, [fields["m"].decode() for _, fields in entries]), most_bytes)


def _letters(core: Core, user_id: str, entries: Entries, *, bodies: bool = True) -> Iterator[DeadLetter]:
    ids = [fields["m"].decode() for _, fields in entries]
    stored = read_messages(core.store, user_id, ids, bodies=bodies)
    for dlq_id, fields in entries:
        one = stored.get(fields["m"].decode())
        if one is not None:
            yield DeadLetter(dlq_id=dlq_id, message=one.message, response=one.response)


def _matches(wanted: Filter, letter: DeadLetter) -> bool:
    at_ms = int(letter.dlq_id.partition("-")[0])
    return wanted.matches(letter.message, at_ms=at_ms, response_status=letter.response.status or 0)


def _not_found(dlq_id: str) -> str:
    return f"dlqId {dlq_id} not found"
