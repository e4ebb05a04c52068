"""Publish at a fixed rate whatever the answers do: a slow server gets no rest, as with real publishers."""

import asyncio
from time import perf_counter_ns
from typing import cast

from benchmarks.posts import content_length

_HEAD_END = b"\r\n\r\n"
_OK = b"HTTP/1.1 200 "
_PATIENCE_S = 10.0


class OpenLoop:
    """Publishes messages whose bodies are their numbers; `sent_ns` says when each one was sent."""

    def __init__(self, port: int, token: str, destination: str) -> None:
        self._port = port
        self._head = _request_head(port, token, destination)
        self._idle: list[_Connection] = []
        self._answers_due = 0
        self._all_answered = asyncio.Event()
        self.sent_ns: dict[bytes, int] = {}
        self.refused = 0

    async def publish(self, *, per_s: int, seconds: int) -> None:
        """Send `per_s` publishes a second for `seconds`, then wait for the last answer."""
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        async with asyncio.TaskGroup() as connecting:
            for number in range(per_s * seconds):
                await asyncio.sleep(start_s + number / per_s - loop.time())
                body = b"%020d" % (len(self.sent_ns) + 1)
                self.sent_ns[body] = perf_counter_ns()
                self._answers_due += 1
                self._all_answered.clear()
                if self._idle:
                    self._idle.pop().send(self._head + body)
                else:
                    # Its time runs already: a publisher that finds no free connection opens one.
                    connecting.create_task(self._connect_and_send(self._head + body))
        async with asyncio.timeout(_PATIENCE_S):
            await self._all_answered.wait()

    def answered(self, connection: "_Connection", head: bytes) -> None:
        """Take a connection back; called with the header of the answer."""
        self.refused += not head.startswith(_OK)
        self._answers_due -= 1
        if not self._answers_due:
            self._all_answered.set()
        self._idle.append(connection)

    def close(self) -> None:
        """Close all connections."""
        for connection in self._idle:
            connection.close()

    async def _connect_and_send(self, request: bytes) -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._port)
        connection.send(request)


def _request_head(port: int, token: str, destination: str) -> bytes:
    lines = (
        f"POST /v2/publish/{destination} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Authorization: Bearer {token}",
        "Content-Type: text/plain",
        "Upstash-Forward-X-Tenant: benchmark",
        "Content-Length: 20",
    )
    return "\r\n".join((*lines, "", "")).encode()


class _Connection(asyncio.Protocol):
    def __init__(self, publisher: OpenLoop) -> None:
        self._publisher = publisher
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes) -> None:
        self._transport.write(request)

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, mark, rest = self._received.partition(_HEAD_END)
        if mark and len(rest) >= content_length(head):
            self._received = b""
            self._publisher.answered(self, head)
