"""A receiver inside the benchmark: notes when each request arrived, and answers at once or not at all."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from time import perf_counter_ns

from benchmarks.posts import listening


class Arrivals:
    """What arrived: how many requests, and when each body, by `perf_counter_ns`.

    `hold` leaves every sender waiting.
    """

    def __init__(self, *, hold: bool = False) -> None:
        self.hold = hold
        self.requests = 0
        self._wanted = 0
        self._all_came = asyncio.Event()
        self.at_ns: dict[bytes, int] = {}
        self.port = 0

    @property
    def url(self) -> str:
        """Where to post."""
        return f"http://127.0.0.1:{self.port}/hook"

    async def wait_for(self, count: int, patience_s: float) -> None:
        """Return when `count` requests have arrived, or when that takes too long."""
        self._wanted = count
        self._all_came.clear()
        if self.requests < count:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._all_came.wait(), patience_s)

    def note(self, body: bytes) -> None:
        """Note the arrival of `body`; the first time counts."""
        self.requests += 1
        if self.requests >= self._wanted:
            self._all_came.set()
        self.at_ns.setdefault(body, perf_counter_ns())


@asynccontextmanager
async def arrivals(*, hold: bool = False) -> AsyncGenerator[Arrivals]:
    """Listen until the block ends."""
    noted = Arrivals(hold=hold)

    def take(body: bytes, answer: Callable[[], None]) -> None:
        noted.note(body)
        if not noted.hold:
            answer()

    async with listening(take) as noted.port:
        yield noted
