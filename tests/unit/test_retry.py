"""The three rules for the wait before a retry, contract 4.4."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_rq.delivery import Attempt
from qstash_rq.retry import next_delay_ms

_NOW_MS = 1_725_323_658_779  # Tue, 03 Sep 2024 00:34:18.779 GMT
_DAY_MS = 86_400_000
_DEFAULT_MS = 12_182
_NAMES = ["Retry-After", "X-RateLimit-Reset", "X-RateLimit-Reset-Requests", "X-RateLimit-Reset-Tokens"]


def _wait_ms(*headers: tuple[str, str], retry_delay: str | None = None, retried: int = 0) -> int:
    attempt = Attempt(status=503, headers=headers)
    return next_delay_ms(attempt, retry_delay=retry_delay, retried=retried, now_ms=_NOW_MS)


@pytest.mark.parametrize(
    ("retried", "expected_s"),
    [(0, 12), (1, 2 * 60 + 28), (2, 30 * 60 + 8), (3, 6 * 3600 + 7 * 60 + 6), (4, 86_400), (999, 86_400)],
)
def test_default_backoff(retried: int, expected_s: int) -> None:
    """Without headers and expression the wait grows as the contract lists it, up to one day."""
    assert _wait_ms(retried=retried) // 1_000 == expected_s


@pytest.mark.parametrize(
    ("value", "expected_ms"),
    [
        ("0", 0),
        ("7", 7_000),
        (" 7 ", 7_000),
        ("1.5", 1_500),
        ("0.25", 250),
        ("6m5s", 365_000),
        ("1.5h", 5_400_000),
        ("250ms", 250),
        ("86400", _DAY_MS),
        ("24h", _DAY_MS),
        ("Tue, 03 Sep 2024 00:34:28 GMT", 9_221),
        ("Wed, 04 Sep 2024 00:34:18 GMT", _DAY_MS - 779),
        ("Tue, 03 Sep 2024 00:34:18 GMT", 0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Mon, 01 Jan 0001 00:00:00 GMT", 0),
    ],
)
@pytest.mark.parametrize("name", _NAMES)
def test_the_response_decides(name: str, value: str, expected_ms: int) -> None:
    """Seconds, a Go duration or an HTTP date in any of the four headers beat the expression."""
    assert _wait_ms((name, value), retry_delay="1234") == expected_ms


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            "soon",
            "-1",
            "-5s",
            "+5",
            "86401",
            "86400.001",
            "24h1ns1ms",
            "1725323700",
            "1e3",
            "inf",
            "nan",
        ),
        *("1d", "1m30", "٣", "Wed, 04 Sep 2024 00:34:19 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"),
        *("Tue, 31 Feb 2024 00:00:00 GMT", "2024-09-03T00:34:28Z", "9" * 5_000, "Tue, " * 1_000),
    ],
)
def test_ignores_a_header_that_is_not_valid(value: str) -> None:
    """What is unparsable, negative or beyond one day leaves the choice to the expression."""
    assert _wait_ms(("Retry-After", value), retry_delay="1234") == 1_234
    assert _wait_ms(("Retry-After", value)) == _DEFAULT_MS


def test_headers_rank() -> None:
    """The order of the contract counts, not the order in the response."""
    headers = [(name, str(number)) for number, name in enumerate(_NAMES, start=1)]

    while headers:
        assert _wait_ms(*reversed(headers)) == int(headers[0][1]) * 1_000
        headers = headers[1:]


def test_an_invalid_header_gives_way_to_the_next() -> None:
    """The first valid value wins, among the four headers and among repetitions of one."""
    assert _wait_ms(("X-RateLimit-Reset", "9"), ("Retry-After", "soon")) == 9_000
    assert _wait_ms(("Retry-After", "soon"), ("Retry-After", "8"), ("Retry-After", "7")) == 8_000


@pytest.mark.parametrize("name", ["retry-after", "RETRY-AFTER", "rEtRy-AfTeR"])
def test_header_names_ignore_case(name: str) -> None:
    """HTTP/2 endpoints send lower-case names; they mean the same."""
    assert _wait_ms((name, "7")) == 7_000


def test_other_headers_mean_nothing() -> None:
    """A header that only resembles one of the four is not asked."""
    assert _wait_ms(("X-Retry-After", "7"), ("RateLimit-Reset", "7")) == _DEFAULT_MS


@pytest.mark.parametrize(
    ("retry_delay", "retried", "expected_ms"),
    [
        ("1000", 0, 1_000),
        ("7000 * retried", 0, 0),
        ("7000 * retried", 2, 14_000),
        ("0.9", 0, 0),
        ("1000 - 2000", 0, 0),
        ("86400001", 0, _DAY_MS),
        ("1e300", 0, _DAY_MS),
        ("1 / retried", 0, _DEFAULT_MS),
        ("-1 / retried", 0, _DEFAULT_MS),
        ("sqrt(-1)", 0, _DEFAULT_MS),
        ("exp(1000)", 1, 148_413),
        ("min(9000, exp(1000))", 0, 9_000),
    ],
)
def test_the_expression_decides(retry_delay: str, retried: int, expected_ms: int) -> None:
    """A negative result is 0, one beyond a day is a day, and one that is not finite is the default."""
    assert _wait_ms(retry_delay=retry_delay, retried=retried) == expected_ms


def test_an_expression_that_no_longer_parses_is_none() -> None:
    """A stored text that this release refuses must not stop the worker: the default applies."""
    assert _wait_ms(retry_delay="retried ^ 2") == _DEFAULT_MS


def test_a_network_error_has_no_headers() -> None:
    """Without a response the expression decides at once."""
    attempt = Attempt(error="connection refused")

    assert next_delay_ms(attempt, retry_delay="5", retried=0, now_ms=_NOW_MS) == 5


@given(
    value=st.text() | st.text(alphabet="0123456789.hmsnu -TueSp:GMT,", max_size=50) | st.datetimes().map(str),
    retried=st.integers(0, 2_000),
)
def test_any_header_gives_a_wait_within_a_day(value: str, retried: int) -> None:
    """Whatever an endpoint answers, the wait is between 0 and one day."""
    assert 0 <= _wait_ms(("Retry-After", value), retried=retried) <= _DAY_MS
