"""When the next attempt follows a failed one: contract 4.4, its three rules in order.

Whether there is a next attempt at all is `qstash_rq.verdict`'s question.
"""

import math
import re
from datetime import UTC, datetime

from qstash_rq.delivery import Attempt
from qstash_rq.durations import parse_go_duration
from qstash_rq.errors import InvalidInput
from qstash_rq.expression import cached_expression
from qstash_rq.message import Headers

_DAY_MS = 86_400_000

# The headers of a response that ask for a wait, strongest first.
_RANKS = {
    "retry-after": 0,
    "x-ratelimit-reset": 1,
    "x-ratelimit-reset-requests": 2,
    "x-ratelimit-reset-tokens": 3,
}
_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"
_MAX_DATE_CHARS = 40

# e^(2.5 n) seconds for n = 1..5; the fifth wait and all after it are one day.
_BACKOFF_MS = tuple(min(_DAY_MS, int(1_000 * math.exp(2.5 * n))) for n in range(1, 6))


def next_delay_ms(attempt: Attempt, *, retry_delay: str | None, retried: int, now_ms: int) -> int:
    """Return how long to wait after the failed `attempt`, from 0 to one day.

    `retried` counts the retries before this failure: 0 after the first attempt.
    """
    wait_ms = _asked_by_response(attempt.headers, now_ms)
    if wait_ms is None and retry_delay is not None:
        wait_ms = _asked_by_publisher(retry_delay, retried)
    if wait_ms is None:
        wait_ms = _BACKOFF_MS[min(retried, len(_BACKOFF_MS) - 1)]
    return wait_ms


def _asked_by_response(headers: Headers, now_ms: int) -> int | None:
    asking = [(name.lower(), value) for name, value in headers if name.lower() in _RANKS]
    for _, value in sorted(asking, key=lambda header: _RANKS[header[0]]):
        wait_ms = _header_wait_ms(value.strip(), now_ms)
        if wait_ms is not None and wait_ms <= _DAY_MS:
            return wait_ms
    return None


def _header_wait_ms(value: str, now_ms: int) -> int | None:
    if _SECONDS.fullmatch(value):
        return parse_go_duration(value + "s")
    wait_ms = parse_go_duration(value)
    return _until_date_ms(value, now_ms) if wait_ms is None else wait_ms


def _until_date_ms(value: str, now_ms: int) -> int | None:
    if len(value) > _MAX_DATE_CHARS:
        return None
    try:
        date = datetime.strptime(value, _HTTP_DATE).replace(tzinfo=UTC)
    except ValueError:
        return None
    return max(0, int(date.timestamp()) * 1_000 - now_ms)


def _asked_by_publisher(retry_delay: str, retried: int) -> int | None:
    try:
        wait_ms = cached_expression(retry_delay).evaluate(retried)
    except InvalidInput:
        # Accepted by a release whose grammar was wider: raising would bring the message back
        # to the same error for ever, so it waits as if it had no expression.
        return None
    return int(min(max(wait_ms, 0), _DAY_MS)) if math.isfinite(wait_ms) else None
