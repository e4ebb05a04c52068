"""A server that shows the bytes of requests and answers with any bytes, well formed or not.

Runs in a thread of its own; each connection is served by the coroutine the test hands over.
"""

import asyncio
import re
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

Player = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
"""Plays one answer: gets the bytes of the request and the writer of its connection."""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)


class RawServer:
    """What the server listens on and what it has read."""

    def __init__(self, player: Player) -> None:
        self._player = player
        self.port = 0
        self.requests: list[bytes] = []
        self.connections = 0
        self.hung_up = threading.Event()  # a sender has closed a connection

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection until either side closes it."""
        self.connections += 1
        try:
            while not writer.is_closing():
                request = await _read_request(reader)
                self.requests.append(request)
                await self._player(request, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            self.hung_up.set()
        finally:
            writer.close()

    def head(self, number: int = -1) -> list[bytes]:
        """Return the lines of a request's head, the last one's unless told otherwise."""
        return self.requests[number].partition(b"\r\n\r\n")[0].split(b"\r\n")

    def body(self, number: int = -1) -> bytes:
        """Return a request's body, the last one's unless told otherwise."""
        return self.requests[number].partition(b"\r\n\r\n")[2]


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return head + (await reader.readexactly(int(length[1])) if length else b"")


def say(*parts: bytes) -> Player:
    """Return a player that writes `parts` and keeps the connection open."""

    async def play(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.writelines(parts)

    return play


def say_and_close(*parts: bytes) -> Player:
    """Return a player that writes `parts` and closes the connection."""

    async def play(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.writelines(parts)
        writer.close()

    return play


@contextmanager
def raw_server(
    player: Player, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[RawServer]:
    """Run a server that answers every request with `player`."""
    raw = RawServer(player)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="raw-server", daemon=True)
    thread.start()

    async def listen() -> asyncio.Server:
        return await asyncio.start_server(raw.serve, host, 0, ssl=tls)

    async def stop(server: asyncio.Server) -> None:
        server.close()
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result()
    raw.port = server.sockets[0].getsockname()[1]
    try:
        yield raw
    finally:
        asyncio.run_coroutine_threadsafe(stop(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
