"""A page of a list and the cursor to the next one: the `<ms>-<seq>` ids of contract 6."""

import re
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

# Digits enough for any time and any sequence, and few enough for Redis, which refuses more than 64 bits.
# No leading zeros: Redis takes `1-00` for `1-0`, and one dead letter named twice would be revived twice.
_ENTRY_ID = re.compile(r"(?:0|[1-9][0-9]{0,15})-(?:0|[1-9][0-9]{0,18})")


def is_entry_id(text: str) -> bool:
    """Tell whether `text` has the form of a DLQ id or cursor; one that has not names nothing."""
    return _ENTRY_ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Items in order; `cursor` is None when nothing is left."""

    items: tuple[T, ...]
    cursor: str | None = None
