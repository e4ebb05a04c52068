"""A receiver inside the benchmark: notes when each request arrived, and answers at once or not at all."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from time import perf_counter_ns
from typing import cast

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"


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


class _Connection(asyncio.Protocol):
    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, mark, rest = self._received.partition(_HEAD_END)
        length = content_length(head)
        if not mark or len(rest) < length:
            return
        self._received = rest[length:]
        self._arrivals.note(rest[:length])
        if not self._arrivals.hold:
            self._transport.write(_ANSWER)


def content_length(head: bytes) -> int:
    """Return the length that the header of a request or response announces, or 0."""
    _, mark, rest = head.lower().partition(_LENGTH)
    return int(rest.partition(b"\r\n")[0]) if mark else 0


@asynccontextmanager
async def arrivals(*, hold: bool = False) -> AsyncGenerator[Arrivals]:
    """Listen until the block ends."""
    noted = Arrivals(hold=hold)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(noted), "127.0.0.1", 0, backlog=1024)
    noted.port = server.sockets[0].getsockname()[1]
    try:
        yield noted
    finally:
        server.close()
