"""Read the log: what happened to messages, newest first (contract 2.7, 5)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from qstash_rq.core import Core
from qstash_rq.delivery import Attempt
from qstash_rq.filters import Filter
from qstash_rq.message import LogState, Message
from qstash_rq.paging import PAGE_BYTES, Page, count_fitting
from qstash_rq.store import keys
from qstash_rq.store.messages import entry_order, read_bodies, read_messages, read_sizes, read_trails
from qstash_rq.store.records import decode_response
from qstash_rq.store.streams import Fields, Span, read_entries, walk_stream

Entries = list[tuple[str, Fields]]

# A filter that matches almost nothing must not hold a request for minutes: after this many
# entries the page ends early, with a cursor to go on from.
SCAN_LIMIT = 50_000
# Records of given messages are read this many at a time: each may have a response of megabytes.
TRAIL_STEP = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """One record: an event, and the message it happened to.

    `response` is there for ERROR after an HTTP answer; `cursor` is the record's own id.
    """

    time_ms: int
    cursor: str
    state: LogState
    message: Message
    error: str | None = None
    next_delivery_ms: int | None = None
    response: Attempt | None = None


def list_log(
    core: Core,
    user_id: str,
    wanted: Filter,
    *,
    states: frozenset[LogState] = frozenset(),
    cursor: str | None = None,
    count: int = 1000,
    earliest_first: bool = False,
) -> Page[LogRecord]:
    """Return up to `count` matching records beyond `cursor`; `states` empty means every state.

    The cursor is there when more records may follow. A page may hold fewer than `count`
    records and still have one: a sparse filter is answered in bounded steps, large bodies on several pages.
    """
    span = Span(from_ms=wanted.from_ms, to_ms=wanted.to_ms, cursor=cursor, earliest_first=earliest_first)
    records: list[LogRecord] = []
    scanned = held_bytes = 0
    for step in _steps(core, user_id, wanted, span):
        for record in _matching(core, user_id, step, wanted, states):
            if len(records) == count or held_bytes >= PAGE_BYTES:
                return _page(core, records, records[-1].cursor)
            records.append(record)
            held_bytes += _response_bytes(record)
        scanned += len(step)
        if scanned >= SCAN_LIMIT:
            return _page(core, records, step[-1][0])
    return _page(core, records, None)


def _page(core: Core, records: list[LogRecord], cursor: str | None) -> Page[LogRecord]:
    # Only what is shown is read with its body: a filter may have looked at many more.
    fitting = count_fitting(_sizes(core, records), PAGE_BYTES)
    if fitting < len(records):
        records, cursor = records[:fitting], records[fitting - 1].cursor
    bodies = read_bodies(core.store, list({record.message.message_id for record in records}))
    whole = {
        record.message.message_id: replace(record.message, body=bodies[record.message.message_id])
        for record in records
    }
    return Page(
        items=tuple(replace(record, message=whole[record.message.message_id]) for record in records),
        cursor=cursor,
    )


def _sizes(core: Core, records: list[LogRecord]) -> list[int]:
    ids = list({record.message.message_id for record in records})
    sizes = dict(zip(ids, read_sizes(core.store, ids), strict=True))
    return [sizes[record.message.message_id] + _response_bytes(record) for record in records]


def _response_bytes(record: LogRecord) -> int:
    return len(record.response.body) if record.response else 0


def _steps(core: Core, user_id: str, wanted: Filter, span: Span) -> Iterator[Entries]:
    key = keys.LOG(user_id)
    if not wanted.message_ids:
        yield from walk_stream(core.store, key, span)
        return
    trail = read_trails(core.store, user_id, wanted.message_ids)
    if not span.earliest_first:
        trail.reverse()
    inside = [entry_id for entry_id in trail if _within(entry_id, span)]
    for at in range(0, len(inside), TRAIL_STEP):
        entries = read_entries(core.store, key, inside[at : at + TRAIL_STEP])
        if entries:
            yield entries


def _within(entry_id: str, span: Span) -> bool:
    order = entry_order(entry_id)
    if span.cursor is not None:
        bound = entry_order(span.cursor)
        if order <= bound if span.earliest_first else order >= bound:
            return False
    return (span.from_ms is None or order[0] >= span.from_ms) and (
        span.to_ms is None or order[0] <= span.to_ms
    )


def _matching(
    core: Core, user_id: str, step: Entries, wanted: Filter, states: frozenset[LogState]
) -> Iterator[LogRecord]:
    entries = [
        (entry_id, fields)
        for entry_id, fields in step
        if not states or LogState(fields["s"].decode()) in states
    ]
    ids = list(dict.fromkeys(fields["m"].decode() for _, fields in entries))
    messages = read_messages(core.store, user_id, ids, bodies=False)
    for entry_id, fields in entries:
        stored = messages.get(fields["m"].decode())
        # The record of a message may go before its oldest entries: nothing is left to show then.
        if stored is None:
            continue
        time_ms = entry_order(entry_id)[0]
        if wanted.matches(stored.message, at_ms=time_ms):
            yield _record(entry_id, time_ms, fields, stored.message)


def _record(entry_id: str, time_ms: int, fields: Fields, message: Message) -> LogRecord:
    state = LogState(fields["s"].decode())
    response = decode_response(fields.get("d", b""), fields.get("b", b""))
    next_ms = fields.get("n", b"")
    return LogRecord(
        time_ms=time_ms,
        cursor=entry_id,
        state=state,
        message=message,
        error=response.error,
        next_delivery_ms=int(next_ms) if next_ms else None,
        response=response if state is LogState.ERROR and response.status is not None else None,
    )
