"""Read the five fields of a cron expression (contract 3.5) and write them as plain lists of numbers.

What comes out has no names, ranges, steps or blanks to misunderstand, so that whoever evaluates it cannot be
led outside the contract's grammar. Time zones and descriptors belong to `cron`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from qstash_rq.errors import InvalidInput

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_SUNDAY = 0
_SHOWN_CHARS = 40

_BLANKS = re.compile(r"[ \t]+")
_PART = re.compile(
    r"(?:(?P<any>[*?])|(?P<first>[A-Za-z0-9]+)(?:-(?P<last>[A-Za-z0-9]+))?)(?:/(?P<step>[0-9]+))?"
)
_DIGITS = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class _Field:
    """What one field may hold: `*` runs from `low` to `high`, a number may go up to `highest`."""

    name: str
    low: int
    high: int
    highest: int
    numbers: Mapping[str, int] = field(default_factory=dict[str, int])


_MINUTE = _Field("minute", 0, 59, 59)
_HOUR = _Field("hour", 0, 23, 23)
_DAY = _Field("day of month", 1, 31, 31)
_MONTH = _Field("month", 1, 12, 12, {name: number for number, name in enumerate(_MONTHS, 1)})
_WEEKDAY = _Field("day of week", 0, 6, 7, {name: number for number, name in enumerate(_WEEKDAYS)})
_FIELDS = (_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY)


def refuse_cron(detail: str) -> NoReturn:
    """Raise InvalidInput for an expression outside the grammar, worded as in contract 0.2."""
    msg = f"Invalid cron expression {detail}"
    raise InvalidInput(msg)


def plain_fields(spec: str) -> str | None:
    """Return the five fields `spec` in numbers only, such as `0,30 9 * * 1`; None: a date that never comes.

    Where both day fields are restricted either of them is enough; a field is restricted unless it holds `*`,
    `?` or one of them with step 1. Raises InvalidInput.
    """
    texts = _BLANKS.split(spec)
    if len(texts) != len(_FIELDS):
        refuse_cron(f"expected exactly {len(_FIELDS)} fields, found {len(texts)}")
    minutes, hours, days, months, weekdays = (
        _values(one, text) for one, text in zip(_FIELDS, texts, strict=True)
    )
    longest = max(_LONGEST[month - 1] for month in months or range(1, 13))
    if days is not None and min(days) > longest:
        if weekdays is None:
            return None
        days = None
    elif days is not None and weekdays is not None and _is_every_day(days, weekdays):
        days = weekdays = None
    return " ".join(_list(values) for values in (minutes, hours, days, months, weekdays))


def _is_every_day(days: frozenset[int], weekdays: frozenset[int]) -> bool:
    return len(days) == len(range(_DAY.low, _DAY.high + 1)) or len(weekdays) == len(_WEEKDAYS)


def _list(values: frozenset[int] | None) -> str:
    return "*" if values is None else ",".join(map(str, sorted(values)))


def _values(one: _Field, text: str) -> frozenset[int] | None:
    """Return the numbers that a field names; None: it is not restricted."""
    values: set[int] = set()
    is_restricted = True
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            refuse_cron(f"{one.name}: {_shown(part)} is not a value, a range or a step")
        step = int(match["step"] or "1")
        if step < 1:
            refuse_cron(f"{one.name}: the step of {_shown(part)} must be a positive number")
        first, last = _bounds(one, match)
        values.update(range(first, last + 1, step))
        is_restricted = is_restricted and not (match["any"] and step == 1)
    if not is_restricted:
        return None
    return frozenset(_SUNDAY if one is _WEEKDAY and value == one.highest else value for value in values)


def _bounds(one: _Field, match: re.Match[str]) -> tuple[int, int]:
    if match["any"]:
        return one.low, one.high
    first = _number(one, match["first"])
    if match["last"] is None:
        # `N/step` runs to the end of the field.
        return first, max(first, one.high) if match["step"] else first
    last = _number(one, match["last"])
    if last < first:
        refuse_cron(f"{one.name}: the range {_shown(match[0])} ends before it begins")
    return first, last


def _number(one: _Field, text: str) -> int:
    if not _DIGITS.fullmatch(text):
        number = one.numbers.get(text.lower())
        if number is None:
            refuse_cron(f"{one.name}: {_shown(text)} is not a value of this field")
        return number
    number = int(text)
    if not one.low <= number <= one.highest:
        refuse_cron(f"{one.name}: {_shown(text)} is not from {one.low} to {one.highest}")
    return number


def _shown(text: str) -> str:
    # ascii: the text may hold anything, also what a log line must not.
    return ascii(text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "...")
