"""Decide what an attempt means for its message: contract 4.3 to 4.5.

Nothing is written here; settle does what the verdict says.
"""

from http import HTTPStatus

from qstash_rq.delivery import Attempt, Delivered, Failed, Retry, Verdict
from qstash_rq.message import Headers
from qstash_rq.retry import next_delay_ms

_NON_RETRYABLE_STATUS = 489
_NON_RETRYABLE_HEADER = "upstash-nonretryable-error"

_DELIVERED = Delivered()
_ERRORS = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


def judge(
    attempt: Attempt, *, max_retries: int, retry_delay: str | None, retried: int, now_ms: int
) -> Verdict:
    """Return what follows from `attempt`; `retried` counts the retries before it."""
    if attempt.status is not None and 200 <= attempt.status < 300:  # noqa: PLR2004 - the class 2xx
        return _DELIVERED
    error = _error(attempt)
    if retried >= max_retries or _is_non_retryable(attempt):
        return Failed(error)
    wait_ms = next_delay_ms(attempt, retry_delay=retry_delay, retried=retried, now_ms=now_ms)
    return Retry(now_ms + wait_ms, error)


def _error(attempt: Attempt) -> str:
    if attempt.status is None:
        return attempt.error or "no response"
    return _ERRORS.get(attempt.status, str(attempt.status))


def _is_non_retryable(attempt: Attempt) -> bool:
    return attempt.status == _NON_RETRYABLE_STATUS and _says_true(attempt.headers)


def _says_true(headers: Headers) -> bool:
    return any(
        name.lower() == _NON_RETRYABLE_HEADER and value.strip().lower() == "true" for name, value in headers
    )
