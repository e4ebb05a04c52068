"""Clocks, and RQ's way to write a time."""

import time
from datetime import UTC, datetime

import pytest
from rq.utils import utcparse

from qstash_rq.clock import SystemClock, iso_timestamp
from tests.clock import FakeClock


def test_the_system_clock_tells_unix_milliseconds() -> None:
    """The time lies between two looks at the machine's clock."""
    before = time.time_ns() // 1_000_000
    told = SystemClock().now_ms()

    assert before <= told <= time.time_ns() // 1_000_000


@pytest.mark.parametrize(
    ("at_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_700_000_000_000, "2023-11-14T22:13:20.000000Z"),
        (1_700_000_000_001, "2023-11-14T22:13:20.001000Z"),
        (1_699_999_999_999, "2023-11-14T22:13:19.999000Z"),
    ],
)
def test_times_are_written_as_rq_reads_them(at_ms: int, text: str) -> None:
    """UTC, microseconds and a Z; RQ reads the same moment."""
    assert iso_timestamp(at_ms) == text
    read = utcparse(text)
    assert read.replace(tzinfo=UTC) == datetime.fromtimestamp(at_ms / 1000, UTC)


def test_a_fake_clock_stands_still_until_it_is_moved() -> None:
    """Tests decide what time it is."""
    clock = FakeClock(5)

    assert (clock.now_ms(), clock.now_ms(), clock.advance(3), clock.advance(-8)) == (5, 5, 8, 0)
