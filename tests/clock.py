"""A clock that stands still until a test moves it."""


class FakeClock:
    """Tell the time a test has set; takes the place of `qstash_rq.clock.SystemClock`."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """Return the Unix time in milliseconds."""
        return self._now_ms

    def advance(self, ms: int) -> int:
        """Move the clock by `ms` milliseconds (backwards when negative) and return the new time."""
        self._now_ms += ms
        return self._now_ms
