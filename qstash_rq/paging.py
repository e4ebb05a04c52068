"""A page of a list and the cursor to the next one: the `<ms>-<seq>` ids of contract 6."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

# Digits enough for any time and any sequence, and few enough for Redis, which refuses more than 64 bits.
# No leading zeros: Redis takes `1-00` for `1-0`, and one dead letter named twice would be revived twice.
_ENTRY_ID = re.compile(r"(?:0|[1-9][0-9]{0,15})-(?:0|[1-9][0-9]{0,18})")

# Of the bodies on one page; as JSON they are more than twice that.
PAGE_BYTES = 16_000_000


def count_fitting(sizes: Sequence[int], most_bytes: int) -> int:
    """Return how many of the first items have `most_bytes` together, but one at least."""
    total = 0
    for count, size in enumerate(sizes):
        total += size
        if total > most_bytes and count:
            return count
    return len(sizes)


def is_entry_id(text: str) -> bool:
    """Tell whether `text` has the form of a DLQ id or cursor; one that has not names nothing."""
    return _ENTRY_ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Items in order; `cursor` is None when nothing is left."""

    items: tuple[T, ...]
    cursor: str | None = None
