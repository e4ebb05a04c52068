"""The endpoint of a chaos run: answers by the path alone and notes when each request came."""

import asyncio
import threading
from collections import Counter
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from qstash_rq.clock import SystemClock
from tests.wire import Incoming, RequestReader

_now_ms = SystemClock().now_ms
# How long an answer takes: enough for requests of a lane to stand open together.
HOLD_S = 0.015
_GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_BAD = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One request: where it went, of which message, in which attempt, and when."""

    kind: str
    line: str
    number: int
    message_id: str
    retried: int
    came_ms: int
    open_in_line: int  # unanswered requests of its queue or key, this one included

    @property
    def exchange(self) -> tuple[str, int]:
        """What should arrive once: a message's attempt that was not repeated."""
        return self.message_id, self.retried


class Endpoint:
    """Listens in its own thread; `/<kind>/<line>/<number>/<failures>` fails that often and then succeeds."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="endpoint", daemon=True)
        self._open: Counter[str] = Counter()
        self._connections: set[asyncio.Transport] = set()
        self.arrivals: list[Arrival] = []
        self.port = 0

    def __enter__(self) -> Self:
        """Start listening."""
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and drop every connection."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        """What paths are put behind."""
        return f"http://127.0.0.1:{self.port}"

    def note(self, incoming: Incoming) -> Arrival:
        """Note a request as open."""
        _, kind, line, number, _ = incoming.target.split("/")
        lane = f"{kind}/{line}"
        self._open[lane] += 1
        arrival = Arrival(
            kind=kind,
            line=line,
            number=int(number),
            message_id=incoming.header("upstash-message-id"),
            retried=int(incoming.header("upstash-retried") or 0),
            came_ms=_now_ms(),
            open_in_line=self._open[lane],
        )
        self.arrivals.append(arrival)
        return arrival

    def close(self, arrival: Arrival) -> None:
        """Count a request as over."""
        self._open[f"{arrival.kind}/{arrival.line}"] -= 1

    def connected(self, transport: asyncio.Transport) -> None:
        """Remember a connection until `disconnected`."""
        self._connections.add(transport)

    def disconnected(self, transport: asyncio.Transport) -> None:
        """Forget a connection."""
        self._connections.discard(transport)

    async def _listen(self) -> asyncio.Server:
        return await self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, backlog=1024)

    async def _close(self) -> None:
        self._server.close()
        while self._connections:
            for transport in tuple(self._connections):
                transport.abort()
            await asyncio.sleep(0)


class _Connection(asyncio.Protocol):
    """One connection, which serves one request after the other."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._reader = RequestReader()
        self._answering: tuple[asyncio.TimerHandle, Arrival] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Sign in."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._endpoint.connected(transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how it was lost does not matter
        """Give up the request that is not answered: its sender is gone."""
        self._endpoint.disconnected(self._transport)
        if self._answering is not None:
            timer, arrival = self._answering
            timer.cancel()
            self._endpoint.close(arrival)

    def data_received(self, data: bytes) -> None:
        """Take the next request, if it is whole."""
        self._reader.feed(data)
        incoming = self._reader.next_request()
        if incoming is None:
            return
        arrival = self._endpoint.note(incoming)
        failures = int(incoming.target.rpartition("/")[2])
        answer = _BAD if arrival.retried < failures else _GOOD
        timer = asyncio.get_running_loop().call_later(HOLD_S, self._answer, answer)
        self._answering = (timer, arrival)

    def _answer(self, answer: bytes) -> None:
        assert self._answering is not None
        self._endpoint.close(self._answering[1])
        self._answering = None
        self._transport.write(answer)
