"""Read request parameters: from the query, and for bulk calls from a JSON body of the same names.

Knows the forms values come in (repeated, listed, numbers as text), not which endpoint takes which: that is
`selection`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qsl

from qstash_rq.errors import InvalidInput
from qstash_rq.filters import split_values
from qstash_rq.json_text import parse_json

_BROKEN_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NUMBER = re.compile(r"-?[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of one request: each name with all its values, as text."""

    values: Mapping[str, tuple[str, ...]]

    def refuse_others(self, known: frozenset[str]) -> None:
        """Raise InvalidInput for a name that is not `known`: a typo must never widen a bulk call."""
        unknown = sorted(self.values.keys() - known)
        if unknown:
            msg = f"unknown parameter: {', '.join(unknown)}"
            raise InvalidInput(msg)

    def all(self, *names: str) -> tuple[str, ...]:
        """Return all values given under any of `names`, as they came."""
        return tuple(value for name in names for value in self.values.get(name, ()))

    def listed(self, *names: str) -> tuple[str, ...]:
        """Return the single values under any of `names`: repeated, comma-separated or both."""
        return split_values(self.all(*names))

    def listed_if_given(self, name: str) -> tuple[str, ...] | None:
        """Return the single values of `name`, or None when it was not given at all."""
        return self.listed(name) if name in self.values else None

    def text(self, name: str) -> str | None:
        """Return the one value of `name`, or None when absent or empty; raises InvalidInput for two."""
        given = {value for value in self.values.get(name, ()) if value}
        if len(given) > 1:
            msg = f"{name}: must be given once"
            raise InvalidInput(msg)
        return next(iter(given), None)

    def number(self, name: str) -> int | None:
        """Return the one whole number of `name`, or None when absent or empty; raises InvalidInput."""
        text = self.text(name)
        return None if text is None else whole_number(name, text)

    def flag(self, name: str) -> bool:
        """Return the one truth value of `name`, false when absent or empty; raises InvalidInput."""
        text = (self.text(name) or "false").lower()
        if text not in {"true", "false"}:
            msg = f"{name}: must be true or false"
            raise InvalidInput(msg)
        return text == "true"


def whole_number(name: str, text: str) -> int:
    """Parse a whole number; raises InvalidInput naming the parameter."""
    if not _NUMBER.fullmatch(text):
        msg = f"{name}: must be a whole number"
        raise InvalidInput(msg)
    return int(text)


def parse_parameters(query: str, body: bytes = b"") -> Parameters:
    """Read a query and, where the endpoint has one, a JSON body; raises InvalidInput."""
    values: dict[str, tuple[str, ...]] = {}
    for name, value in [*_query_pairs(query), *_body_pairs(body)]:
        values[name] = (*values.get(name, ()), *value)
    return Parameters(values)


def _query_pairs(query: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    if not query:
        return
    if _BROKEN_PERCENT.search(query):
        msg = "query: invalid percent-encoding"
        raise InvalidInput(msg)
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        msg = "query: not valid UTF-8"
        raise InvalidInput(msg) from error
    for name, value in pairs:
        yield name, (value,)


def _body_pairs(body: bytes) -> Iterator[tuple[str, tuple[str, ...]]]:
    value = parse_json(body) if body.strip() else None
    if value is None:
        return
    if not isinstance(value, dict):
        msg = "body: must be a JSON object"
        raise InvalidInput(msg)
    for name, given in cast("dict[str, Any]", value).items():
        if given is not None:
            yield name, tuple(_texts(name, given))


def _texts(name: str, given: object) -> Iterator[str]:
    items: Iterable[object] = cast("list[object]", given) if isinstance(given, list) else (given,)
    for item in items:
        if isinstance(item, bool) or not isinstance(item, str | int):
            msg = f"{name}: must be a string, a whole number, or a list of them"
            raise InvalidInput(msg)
        yield _encodable(name, str(item))


def _encodable(name: str, text: str) -> str:
    # JSON can spell half a surrogate pair, which no UTF-8 and so no Redis can hold.
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        msg = f"{name}: not valid Unicode"
        raise InvalidInput(msg)
    return text
