"""Let one request leave only within the rate window it was counted in, and find out when it arrived."""

import asyncio
from collections.abc import Callable

from qstash_rq.clock import Clock
from qstash_rq.delivery import RateWindow


class Departure:
    """The departure of one delivery; the deliverer asks `leave`, whoever waits for it calls `end`.

    `confirm` is handed the time by which the request has arrived: when it was answered, or when it had
    been on its way for as long as requests may be; then perhaps once more, with an earlier time.
    """

    def __init__(self, window: RateWindow, clock: Clock, confirm: Callable[[int], None]) -> None:
        self._window = window
        self._clock = clock
        self._confirm = confirm
        self._arrives_by_ms: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.missed = False

    def leave(self) -> bool:
        """Tell whether the request may leave now, and take it that it does then."""
        now_ms, window = self._clock.now_ms(), self._window
        self.missed = now_ms >= window.leave_by_ms
        if self.missed or not window.slack_ms:
            return not self.missed
        # Asked again when libcurl finds a kept connection closed: the second request is the one that counts.
        self._stop_timer()
        self._arrives_by_ms = now_ms + window.slack_ms
        is_late = now_ms > window.began_ms + window.slack_ms
        self._timer = asyncio.get_running_loop().call_later(
            0 if is_late else window.slack_ms / 1000, self._confirm, self._arrives_by_ms
        )
        return True

    def end(self) -> None:
        """Take note that the attempt is over; what never left has not arrived."""
        self._stop_timer()
        if self._arrives_by_ms is not None:
            # The clock counts whole milliseconds: it may have been almost one later.
            self._confirm(min(self._clock.now_ms() + 1, self._arrives_by_ms))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
