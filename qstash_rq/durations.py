"""Turn the two written forms of a time span into milliseconds: QStash's own and Go's.

Whether a span is too long for its purpose is the caller's question.
"""

import re
from fractions import Fraction

from qstash_rq.errors import InvalidInput

_MAX_CHARS = 64  # far beyond any sensible span, and keeps the digits of one number cheap to convert

_UNIT_MS = {
    "d": Fraction(86_400_000),
    "h": Fraction(3_600_000),
    "m": Fraction(60_000),
    "s": Fraction(1_000),
    "ms": Fraction(1),
    "us": Fraction(1, 1_000),
    "\N{MICRO SIGN}s": Fraction(1, 1_000),
    "\N{GREEK SMALL LETTER MU}s": Fraction(1, 1_000),
    "ns": Fraction(1, 1_000_000),
}

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_DURATION = re.compile(
    rf"(?P<bare>{_NUMBER})"
    rf"|(?=.)(?:(?P<d>{_NUMBER})d)?(?:(?P<h>{_NUMBER})h)?(?:(?P<m>{_NUMBER})m)?(?:(?P<s>{_NUMBER})s)?"
)

# Go writes both code points for micro, and allows a number to begin or end with its point.
_GO_GROUP = r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)"
_GO_GROUPS = re.compile(_GO_GROUP)
_GO_DURATION = re.compile(rf"(?:{_GO_GROUP})+")


def parse_duration(text: str, field: str) -> int:
    """Return the milliseconds of a contract 3.2 *duration* such as `1d10h30m`, `0.5s` or `90` (seconds).

    Fractions of a millisecond are dropped. The result has no upper bound. Raises
    InvalidInput naming `field`.
    """
    match = _DURATION.fullmatch(text) if len(text) <= _MAX_CHARS else None
    if match is None:
        msg = f"{field}: not a duration, give seconds or a text such as 1d10h30m or 90s"
        raise InvalidInput(msg)
    if match["bare"]:
        return _milliseconds([(match["bare"], "s")])
    return _milliseconds([(number, unit) for unit in "dhms" if (number := match[unit])])


def parse_go_duration(text: str) -> int | None:
    """Return the milliseconds of a Go duration without sign (`6m5s`, `1.5h`, `250ms`), None if it is not one.

    Fractions of a millisecond are dropped.
    """
    if len(text) > _MAX_CHARS or not _GO_DURATION.fullmatch(text):
        return None
    return _milliseconds(_GO_GROUPS.findall(text))


def _milliseconds(groups: list[tuple[str, str]]) -> int:
    return int(sum(Fraction(number) * _UNIT_MS[unit] for number, unit in groups))
