"""One connection of the scripted receiver: reads requests and plays the replies it is handed."""

import asyncio
import struct
from socket import SO_LINGER, SOL_SOCKET
from typing import Protocol

from tests.replies import Reply, Request
from tests.wire import Incoming, RequestReader

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Desk(Protocol):
    """Where a connection reports what comes and asks what to answer."""

    connections: "set[Connection]"

    def opened(self, incoming: Incoming) -> tuple[Request, Reply]:
        """Remember a request and choose its reply."""
        ...

    def closed(self, *, answered: bool) -> None:
        """Count a request as over, answered or given up by its sender."""
        ...


class Connection(asyncio.Protocol):
    """One connection: reads requests one by one and plays the scripted answers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._reader = RequestReader()
        self._answering: asyncio.Task[None] | None = None
        self._busy = False
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Sign in at the desk."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._desk.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how it was lost does not matter
        """Give up what is not answered."""
        self._desk.connections.discard(self)
        self._writable.set()
        if self._answering is not None:
            self._answering.cancel()
        if self._busy:
            self._busy = False
            self._desk.closed(answered=False)

    def pause_writing(self) -> None:
        """Let an endless body wait for its reader."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let an endless body go on."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._reader.feed(data)
        self._next()

    async def drop(self) -> None:
        """Close the connection without an answer and wait for what was answering."""
        self._transport.abort()
        if self._answering is not None:
            self._answering.cancel()
            await asyncio.wait({self._answering})

    def _next(self) -> None:
        while not self._busy and (incoming := self._reader.next_request()) is not None:
            self._busy = True
            request, reply = self._desk.opened(incoming)
            if reply.gate or reply.body_gate or reply.endless:
                self._answering = asyncio.get_running_loop().create_task(self._answer_slowly(request, reply))
            else:
                self._answer(request, reply)
        if self._reader.take_expectation():
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _done(self) -> None:
        self._busy = False
        self._desk.closed(answered=True)

    def _answer(self, request: Request, reply: Reply) -> None:
        if reply.reset:
            self._done()
            self._transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, _RESET_ON_CLOSE)
            self._transport.abort()
            return
        whole = reply.head() + (b"" if reply.bodiless or request.method == "HEAD" else reply.body)
        self._transport.write(whole if reply.raw is None else reply.raw)
        self._done()
        if reply.close or reply.raw is not None:
            self._transport.close()

    async def _answer_slowly(self, request: Request, reply: Reply) -> None:
        if reply.gate:
            await reply.gate.wait()
        if reply.endless:
            await self._pour(reply)
        elif reply.body_gate:
            half = len(reply.body) // 2
            self._transport.write(reply.head() + reply.body[:half])
            await reply.body_gate.wait()
            self._transport.write(reply.body[half:])
            self._done()
        else:
            self._answer(request, reply)
        self._next()

    async def _pour(self, reply: Reply) -> None:
        self._transport.write(reply.head())
        while not self._transport.is_closing():
            await self._writable.wait()
            self._transport.write(reply.body)
            await asyncio.sleep(0)
