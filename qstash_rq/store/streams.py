"""Walk a stream in bounded steps, from either end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from qstash_rq.paging import is_entry_id
from qstash_rq.store.executor import Executor
from qstash_rq.store.script import Call, load_script

Fields = dict[str, bytes]
STEP = 500
# After which a step ends: a record of a failed attempt has the response with it.
STEP_BYTES = 16_000_000
FIRST_ENTRY_ID = "0-0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A part of a stream: times inclusive, the cursor exclusive."""

    from_ms: int | None = None
    to_ms: int | None = None
    cursor: str | None = None
    earliest_first: bool = False

    def bounds(self, cursor: str | None) -> tuple[str, str]:
        """Return (low, high) for XRANGE beyond `cursor`."""
        low = "-" if self.from_ms is None else str(self.from_ms)
        high = "+" if self.to_ms is None else str(self.to_ms)
        if cursor is not None:
            low, high = (f"({cursor}", high) if self.earliest_first else (low, f"({cursor}")
        return low, high


def walk_stream(store: Executor, key: str, span: Span) -> Iterator[list[tuple[str, Fields]]]:
    """Yield steps of (entry id, fields)."""
    cursor = span.cursor
    # Redis answers an error, not an empty range, to what lies before its first id.
    if cursor == FIRST_ENTRY_ID and not span.earliest_first:
        return
    more = True
    while more:
        step, more = store.run(walk(key, span, cursor))
        if not step:
            return
        yield step
        cursor = step[-1][0]


def walk(key: str, span: Span, cursor: str | None) -> Call[tuple[list[tuple[str, Fields]], bool]]:
    """Read the next step of (entry id, fields) beyond `cursor`; answers whether there may be more, too."""
    low, high = span.bounds(cursor)
    ends = ("XRANGE", low, high) if span.earliest_first else ("XREVRANGE", high, low)

    def decode(answer: list[Any]) -> tuple[list[tuple[str, Fields]], bool]:
        return [(entry_id.decode(), _paired(words)) for entry_id, words in answer[1:]], bool(answer[0])

    return Call(load_script("walk"), (key,), (*ends, STEP, STEP_BYTES), decode)


def entry_ids_among(words: Sequence[str]) -> list[str]:
    """Return those of `words`, each once, that can be entry ids.

    Redis would refuse others, or take a bare millisecond for all of its entries.
    """
    return [word for word in dict.fromkeys(words) if is_entry_id(word)]


def read_entries(store: Executor, key: str, entry_ids: Sequence[str]) -> list[tuple[str, Fields]]:
    """Return the given entries in the given order; missing ones are left out."""
    known = entry_ids_among(entry_ids)
    answers = store.commands([("XRANGE", key, entry_id, entry_id) for entry_id in known])
    return [(rows[0][0].decode(), _fields(rows[0][1])) for rows in answers if rows]


def _paired(words: list[bytes]) -> Fields:
    return {name.decode(): value for name, value in zip(words[::2], words[1::2], strict=True)}


def _fields(fields: dict[bytes, bytes]) -> Fields:
    return {name.decode(): value for name, value in fields.items()}
