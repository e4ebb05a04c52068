"""What an attempt means for its message, contract 4.3 to 4.5."""

import pytest

from qstash_rq.delivery import Attempt, Delivered, Failed, Retry, Verdict
from qstash_rq.message import Headers
from qstash_rq.verdict import judge

_NOW_MS = 1_725_323_658_779


def _judge(attempt: Attempt, *, max_retries: int = 3, retried: int = 0) -> Verdict:
    return judge(attempt, max_retries=max_retries, retry_delay="1000", retried=retried, now_ms=_NOW_MS)


@pytest.mark.parametrize("status", [200, 201, 204, 226, 299])
@pytest.mark.parametrize("retried", [0, 3])
def test_2xx_is_delivered(status: int, retried: int) -> None:
    """Any 2xx is a success, also on the last attempt."""
    assert _judge(Attempt(status=status), retried=retried) == Delivered()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (199, "199"),
        (300, "300 Multiple Choices"),
        (302, "302 Found"),
        (400, "400 Bad Request"),
        (404, "404 Not Found"),
        (429, "429 Too Many Requests"),
        (489, "489"),
        (500, "500 Internal Server Error"),
        (503, "503 Service Unavailable"),
        (599, "599"),
        (999, "999"),
        (0, "0"),
    ],
)
def test_any_other_status_is_retried(status: int, error: str) -> None:
    """The error is the code with its standard reason, or the code alone."""
    assert _judge(Attempt(status=status)) == Retry(_NOW_MS + 1_000, error)


@pytest.mark.parametrize(
    ("error", "text"),
    [("connection refused", "connection refused"), (None, "no response"), ("", "no response")],
)
def test_no_response_is_retried(error: str | None, text: str) -> None:
    """Without a response the error is the deliverer's description, and is never empty."""
    assert _judge(Attempt(error=error)) == Retry(_NOW_MS + 1_000, text)


@pytest.mark.parametrize(
    ("retried", "max_retries", "last"), [(0, 0, True), (0, 1, False), (2, 3, False), (3, 3, True)]
)
def test_one_attempt_more_than_retries(retried: int, max_retries: int, last: bool) -> None:
    """A message has 1 + retries attempts; the last failure is final."""
    expected = Failed("404 Not Found") if last else Retry(_NOW_MS + 1_000, "404 Not Found")

    assert _judge(Attempt(status=404), retried=retried, max_retries=max_retries) == expected


def test_more_retried_than_allowed_is_failed() -> None:
    """A count beyond the maximum does not open an endless series."""
    assert _judge(Attempt(status=500), retried=9, max_retries=3) == Failed("500 Internal Server Error")


@pytest.mark.parametrize(
    ("status", "headers", "final"),
    [
        (489, (("Upstash-NonRetryable-Error", "true"),), True),
        (489, (("upstash-nonretryable-error", "True "),), True),
        (489, (("X", "y"), ("UPSTASH-NONRETRYABLE-ERROR", "true")), True),
        (489, (("Upstash-NonRetryable-Error", "false"),), False),
        (489, (("Upstash-NonRetryable-Error", ""),), False),
        (489, (), False),
        (400, (("Upstash-NonRetryable-Error", "true"),), False),
    ],
)
def test_489_with_its_header_is_final(status: int, headers: Headers, final: bool) -> None:
    """Status and header together end a message at once; either alone is an ordinary failure."""
    verdict = _judge(Attempt(status=status, headers=headers))

    assert isinstance(verdict, Failed if final else Retry)


def test_the_response_chooses_the_time() -> None:
    """The wait that the endpoint asks for sets the time of the next attempt."""
    verdict = _judge(Attempt(status=429, headers=(("Retry-After", "0"),)))

    assert verdict == Retry(_NOW_MS, "429 Too Many Requests")


def test_the_count_of_retries_reaches_the_backoff() -> None:
    """Without header and expression the third retry waits the third default."""
    verdict = judge(Attempt(status=500), max_retries=3, retry_delay=None, retried=2, now_ms=_NOW_MS)

    assert verdict == Retry(_NOW_MS + 1_808_042, "500 Internal Server Error")
