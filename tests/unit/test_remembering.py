"""Remembering what a function made of short texts."""

import pytest

from qstash_rq.remembering import remember_short


def test_a_short_text_is_read_once() -> None:
    """The same text with the same second argument is not read again."""
    asked: list[tuple[str, int]] = []

    @remember_short
    def read(text: str, other: int) -> str:
        asked.append((text, other))
        return text * other

    assert [read("a", 2), read("a", 2), read("a", 3)] == ["aa", "aa", "aaa"]
    assert asked == [("a", 2), ("a", 3)]


def test_a_long_text_is_not_kept() -> None:
    """What may be megabytes is read each time."""
    asked: list[int] = []

    @remember_short
    def read(text: str, other: int) -> int:
        asked.append(other)
        return len(text)

    assert [read("a" * 1_025, 1), read("a" * 1_025, 1)] == [1_025, 1_025]
    assert asked == [1, 1]


def test_what_is_raised_is_raised_again() -> None:
    """A text that is refused is refused each time."""

    @remember_short
    def refuse(text: str, other: int) -> int:
        raise ValueError(text, other)

    for _ in range(2):
        with pytest.raises(ValueError, match="a"):
            refuse("a", 1)
