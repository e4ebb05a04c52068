"""Remember what a pure function made of short texts that come again and again, such as names of headers."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

T = TypeVar("T")
Other = TypeVar("Other")

_MOST = 2_048
# What anybody may send is not to fill the memory.
_LONGEST = 1_024


def remember_short(function: Callable[[str, Other], T]) -> Callable[[str, Other], T]:
    """Return `function`, which remembers its answers for short texts; what it raises is not remembered."""
    remembered = lru_cache(maxsize=_MOST)(function)

    @wraps(function)
    def ask(text: str, other: Other) -> T:
        return remembered(text, other) if len(text) <= _LONGEST else function(text, other)

    return ask
