"""Read posts off connections and answer them with 200: what the benchmark's own receivers have in common."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import cast

# Is given the body of each post, and how to answer it.
Take = Callable[[bytes, Callable[[], None]], None]

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"


class _Connection(asyncio.Protocol):
    def __init__(self, take: Take) -> None:
        self._take = take
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
        self._take(rest[:length], self._answer)

    def _answer(self) -> None:
        # A worker that was ended with requests open has hung up.
        if not self._transport.is_closing():
            self._transport.write(_ANSWER)


def content_length(head: bytes) -> int:
    """Return the length that the header of a request or response announces, or 0."""
    _, mark, rest = head.lower().partition(_LENGTH)
    return int(rest.partition(b"\r\n")[0]) if mark else 0


@asynccontextmanager
async def listening(take: Take) -> AsyncGenerator[int]:
    """Listen until the block ends; give the port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(take), "127.0.0.1", 0, backlog=1024)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
