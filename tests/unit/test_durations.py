"""The two duration grammars: contract 3.2 for what is published, Go's for what endpoints answer."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_rq.durations import parse_duration, parse_go_duration
from qstash_rq.errors import InvalidInput

_HOSTILE = st.text(alphabet="0123456789.dhmsnuµ -+e٣\n", max_size=80) | st.text()


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [
        ("0", 0),
        ("90", 90_000),
        ("1.5", 1_500),
        ("90s", 90_000),
        ("0.5s", 500),
        ("10m", 600_000),
        ("2h", 7_200_000),
        ("7d", 604_800_000),
        ("1d10h30m", 124_200_000),
        ("1d1h1m1s", 90_061_000),
        ("1d1s", 86_401_000),
        ("90m", 5_400_000),
        ("0.1s", 100),
        ("1.5h0.5m", 5_430_000),
        ("0.0009s", 0),
        ("1.9999s", 1_999),
        ("007s", 7_000),
    ],
)
def test_reads_a_duration(text: str, expected_ms: int) -> None:
    """Groups add up, a bare number is seconds, and parts of a millisecond are dropped."""
    assert parse_duration(text, "Upstash-Delay") == expected_ms


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "s", "-1", "+1s", "1 s", " 1s", "1s ", "1s\n", "1m 30s"),
        *("30s1m", "1s1s", "1ms", "1w", "1S", "1m30", ".5s", "5.s", "1.2.3s", "1e3", "1_000"),
        *("nan", "inf", "٣s", "0x10", "1,5s"),
    ],
)
def test_refuses_what_is_no_duration(text: str) -> None:
    """Anything outside the grammar is refused with the name of the field."""
    with pytest.raises(InvalidInput, match=r"^Upstash-Timeout: "):
        parse_duration(text, "Upstash-Timeout")


def test_refuses_an_absurdly_long_text() -> None:
    """A text of thousands of digits is refused before its number is built."""
    with pytest.raises(InvalidInput, match=r"^Upstash-Delay: "):
        parse_duration("9" * 10_000 + "d", "Upstash-Delay")


def test_a_huge_span_is_exact() -> None:
    """A span too long for a float loses nothing, so that the caller's maximum decides."""
    assert parse_duration("9" * 60 + "d", "Upstash-Delay") == int("9" * 60) * 86_400_000


@given(
    days=st.integers(0, 400), hours=st.integers(0, 99), minutes=st.integers(0, 99), seconds=st.integers(0, 99)
)
def test_agrees_with_timedelta(days: int, hours: int, minutes: int, seconds: int) -> None:
    """A text of all four groups means what the standard library makes of the same numbers."""
    span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)

    read_ms = parse_duration(f"{days}d{hours}h{minutes}m{seconds}s", "f")

    assert read_ms == span // timedelta(milliseconds=1)


@given(st.floats(min_value=0.001, max_value=1e9))
def test_reads_the_floats_that_clients_print(seconds: float) -> None:
    """A float as Python prints it is its value in milliseconds, rounded down."""
    assert parse_duration(f"{seconds}s", "f") == pytest.approx(seconds * 1_000, abs=1)


@given(_HOSTILE)
def test_any_text_gives_a_duration_or_a_refusal(text: str) -> None:
    """No input ends in anything but a count of milliseconds or InvalidInput."""
    try:
        value_ms = parse_duration(text, "f")
    except InvalidInput as error:
        assert str(error).startswith("f: ")  # noqa: PT017 - the other outcome is as good
    else:
        assert value_ms >= 0


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [
        ("6m5s", 365_000),
        ("1.5h", 5_400_000),
        ("250ms", 250),
        ("1h15m30.918s", 4_530_918),
        ("1500us", 1),
        ("1500µs", 1),
        ("1500\N{GREEK SMALL LETTER MU}s", 1),
        ("2000000ns", 2),
        ("1ns", 0),
        ("0s", 0),
        ("5s6m", 365_000),
        ("1s1s", 2_000),
        (".5s", 500),
        ("5.s", 5_000),
        ("0.6ms400us", 1),
    ],
)
def test_reads_a_go_duration(text: str, expected_ms: int) -> None:
    """Groups may come in any order and repeat, as in Go."""
    assert parse_go_duration(text) == expected_ms


@pytest.mark.parametrize(
    "text",
    [*("", "5", "1d", "-5s", "1 s", "s", ".s", "1m30", "5S", "1s\n", "٣s", "soon"), "9" * 5_000 + "s"],
)
def test_anything_else_is_no_go_duration(text: str) -> None:
    """What Go's grammar has no place for is None, and so are negative and absurdly long texts."""
    assert parse_go_duration(text) is None


@given(_HOSTILE)
def test_any_text_gives_a_go_duration_or_none(text: str) -> None:
    """No input raises, and no result is negative."""
    value_ms = parse_go_duration(text)

    assert value_ms is None or value_ms >= 0
