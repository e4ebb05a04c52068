"""A page of a list and the cursor to the next one."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Items in order; `cursor` is None when nothing is left."""

    items: tuple[T, ...]
    cursor: str | None = None
