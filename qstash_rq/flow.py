"""Read the two flow-control headers into one value (contract 3.2).

What the limits do to deliveries is for the store.
"""

import re

from qstash_rq.durations import parse_duration
from qstash_rq.errors import InvalidInput
from qstash_rq.message import Flow

FLOW_FIELDS = ("Upstash-Flow-Control-Key", "Upstash-Flow-Control-Value")

MIN_PERIOD_MS = 1_000
MAX_PERIOD_MS = 604_800_000
MAX_KEY_CHARACTERS = 1_024

_NAMES = ("parallelism", "rate", "period")
_BLANKS = " \t"
# Fifteen digits: beyond any use, and exact in the floating-point numbers of Lua and JSON.
_COUNT = re.compile(r"0*([1-9][0-9]{0,14})")


def parse_flow(key: str | None, value: str | None, *, fields: tuple[str, str] = FLOW_FIELDS) -> Flow | None:
    """Return the flow control of a message that carries `key` and `value`, None if it carries neither.

    Raises InvalidInput naming one of the two `fields`, also when only one of them is there.
    """
    key_field, value_field = fields
    if key is None and value is None:
        return None
    if key is None or value is None:
        missing, given = fields if key is None else fields[::-1]
        msg = f"{missing}: is required beside {given}"
        raise InvalidInput(msg)
    if not 1 <= len(key) <= MAX_KEY_CHARACTERS:
        msg = f"{key_field}: must have 1 to {MAX_KEY_CHARACTERS} characters"
        raise InvalidInput(msg)
    texts = _named_texts(value, value_field)
    counts = {name: parse_count(texts[name], f"{value_field}: {name}") for name in texts if name != "period"}
    if not counts:
        msg = f"{value_field}: needs parallelism=<n>, rate=<n> or both"
        raise InvalidInput(msg)
    return Flow(key=key, period_ms=parse_period(texts.get("period", "1"), f"{value_field}: period"), **counts)


def parse_count(text: str, field: str) -> int:
    """Return a parallelism or a rate: a whole number from 1; raises InvalidInput naming `field`."""
    match = _COUNT.fullmatch(text)
    if match is None:
        msg = f"{field}: must be a whole number of at least 1, of at most 15 digits"
        raise InvalidInput(msg)
    return int(match[1])


def parse_period(text: str, field: str) -> int:
    """Return the milliseconds of a period, 1s to 7d; raises InvalidInput naming `field`."""
    period_ms = parse_duration(text, field)
    if not MIN_PERIOD_MS <= period_ms <= MAX_PERIOD_MS:
        msg = f"{field}: must be from 1s to 7d"
        raise InvalidInput(msg)
    return period_ms


def _named_texts(value: str, field: str) -> dict[str, str]:
    texts: dict[str, str] = {}
    for part in value.split(","):
        name, _, text = (piece.strip(_BLANKS) for piece in part.partition("="))
        if name not in _NAMES:
            msg = f"{field}: must be name=value pairs with the names parallelism, rate and period"
            raise InvalidInput(msg)
        if name in texts:
            msg = f"{field}: {name} must be given once"
            raise InvalidInput(msg)
        texts[name] = text
    return texts
