"""The one place that reads the system clock; everything else is handed `now_ms`."""

import time
from datetime import UTC, datetime
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
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
