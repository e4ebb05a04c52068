"""The one place that reads the system clock; everything else is handed `now_ms`."""

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol


class Clock(Protocol):
    """Tell the time; tests pass one that stands still."""

    def now_ms(self) -> int:
        """Return the Unix time in milliseconds."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_ms(self) -> int:
        """Return the Unix time in milliseconds."""
        return time.time_ns() // 1_000_000


def iso_timestamp(at_ms: int) -> str:
    """Return `at_ms` as RQ writes dates into its hashes (UTC, microseconds, trailing Z)."""
    return f"{_iso_second(at_ms // 1_000)}.{at_ms % 1_000:03d}000Z"


@lru_cache(maxsize=64)  # strftime alone was a fifth of what it costs to write a message down
def _iso_second(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")
