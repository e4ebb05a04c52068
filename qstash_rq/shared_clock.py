"""Keep the clocks of workers and schedulers together: Redis' own is the one that counts.

One process writes the end of a lease, of a rate window or of a delay, and another one compares it with its
own time. A machine whose clock is wrong would start windows early, or take others for dead.
"""

import logging

from qstash_rq.clock import Clock
from qstash_rq.core import Core
from qstash_rq.events import Event, log_event

_log = logging.getLogger("qstash_rq.clock")

# Clocks that are kept are within this of each other; it is half of the slack of a rate window of a second.
MARGIN_MS = 20


class SharedClock:
    """A machine's own clock, corrected by what it has been behind Redis' when they were compared."""

    def __init__(self, own: Clock) -> None:
        self._own = own
        self._behind_ms = 0

    def now_ms(self) -> int:
        """Return the Unix time in milliseconds, as Redis tells it."""
        return self._own.now_ms() + self._behind_ms

    def compare(self, asked_ms: int, server_ms: int, heard_ms: int) -> int | None:
        """Take Redis' time, which it told between asking and hearing.

        Returns how far the own clock is behind it, or None when they agree as far as this can tell.
        """
        if asked_ms - MARGIN_MS <= server_ms <= heard_ms + MARGIN_MS:
            return None
        self._behind_ms += server_ms - (asked_ms + heard_ms) // 2
        return self._behind_ms


def correct_clock(core: Core) -> None:
    """Compare a SharedClock with Redis', and say so when they differ; any other clock is left alone."""
    clock = core.clock
    if not isinstance(clock, SharedClock):
        return
    asked_ms = clock.now_ms()
    seconds, micros = core.store.command("TIME")
    behind_ms = clock.compare(asked_ms, int(seconds) * 1_000 + int(micros) // 1_000, clock.now_ms())
    if behind_ms is not None:
        log_event(_log, logging.WARNING, Event.CLOCK_CORRECTED, behind_ms=behind_ms)
