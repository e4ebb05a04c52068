"""Tells when an endpoint stood still: what came then came late through no fault of who sent it."""

import asyncio
from time import monotonic_ns

from tests.receiver import Reply, Request

_BEAT_S = 0.005
# A request may take 40 ms of a window of a second; half of that is what a busy endpoint may use up.
_STILL_MS = 20


class Pulse:
    """A script for a receiver: answers 200, and counts the time in the receiver's own loop."""

    def __init__(self) -> None:
        self._last_ms: int | None = None
        self._still: list[tuple[int, int]] = []

    def __call__(self, _request: Request) -> Reply:
        """Answer at once; the first request starts the pulse."""
        if self._last_ms is None:
            self._beat()
        return Reply()

    def stood_still(self, at_ms: int) -> bool:
        """Whether what came then had waited for the endpoint."""
        return any(start_ms <= at_ms <= end_ms + _STILL_MS for start_ms, end_ms in self._still)

    def _beat(self) -> None:
        now_ms = monotonic_ns() // 1_000_000
        if self._last_ms is not None and now_ms - self._last_ms > _STILL_MS:
            self._still.append((self._last_ms, now_ms))
        self._last_ms = now_ms
        asyncio.get_running_loop().call_later(_BEAT_S, self._beat)
