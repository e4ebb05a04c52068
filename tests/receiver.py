"""An HTTP endpoint that answers as scripted and remembers what came.

It runs an event loop in a thread of its own, fast enough for some thousands of
requests a second. `tests/wire.py` reads the bytes, `tests/connection.py` plays the
replies, `tests/replies.py` says what they can be; this file keeps script and memory.
"""

import asyncio
import socket
import ssl
import threading
from collections import Counter
from contextlib import suppress
from time import monotonic_ns
from types import TracebackType
from typing import Self

from tests.connection import Connection
from tests.replies import Gate, Reply, Request, Script, hang
from tests.waiting import wait_until
from tests.wire import Incoming

__all__ = ["Gate", "Receiver", "Reply", "Request", "Script", "hang"]


class Receiver:
    """The endpoint: give it answers per path, then look at `requests`."""

    def __init__(self, host: str = "127.0.0.1", *, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self._host = host
        self.port = port  # 0 until it listens means: any free one
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="receiver", daemon=True)
        self._scripts: dict[str, list[Script]] = {}
        self.connections: set[Connection] = set()
        self._admitting: set[asyncio.Task[None]] = set()
        self._taken: Counter[str] = Counter()
        self._requests: list[Request] = []
        self.open_requests = 0
        self.most_open_requests = 0
        self.hung_up = 0  # requests whose sender closed the connection before the answer

    def __enter__(self) -> Self:
        """Start listening."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        self.port = self._listening.getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and drop every connection."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # Not asyncio's own server: one that closes leaks each connection it has accepted and not yet attached.
    async def _listen(self) -> None:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        self._listening = socket.create_server((self._host, self.port), family=family, backlog=1024)
        self._listening.setblocking(False)
        self._loop.add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        try:
            accepted, _ = self._listening.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        accepted.setblocking(False)
        task = self._loop.create_task(self._admit(accepted))
        self._admitting.add(task)
        task.add_done_callback(self._admitting.discard)

    async def _admit(self, accepted: socket.socket) -> None:
        # A sender may hang up, or speak no TLS, before it is let in.
        with suppress(OSError):
            await self._loop.connect_accepted_socket(lambda: Connection(self), accepted, ssl=self._tls)

    async def _close(self) -> None:
        self._loop.remove_reader(self._listening)
        self._listening.close()
        if self._admitting:
            _, stalled = await asyncio.wait(self._admitting, timeout=1)
            for task in stalled:
                task.cancel()
            await asyncio.gather(*stalled, return_exceptions=True)
        while self.connections:
            for connection in tuple(self.connections):
                await connection.drop()
            await asyncio.sleep(0)

    @property
    def requests(self) -> tuple[Request, ...]:
        """Everything that arrived, in order."""
        return tuple(self._requests)

    def requests_to(self, path: str) -> tuple[Request, ...]:
        """Return what arrived at `path`, in order."""
        return tuple(request for request in self.requests if request.path == path)

    def url(self, target: str = "/") -> str:
        """Return the absolute URL of `target` here."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{target}"

    def script(self, path: str, *answers: Script) -> None:
        """Answer `path` with each of `answers` in turn, then with the last of them for ever."""
        self._taken[path] = 0
        self._scripts[path] = list(answers)

    def wait_for(self, count: int, path: str | None = None, timeout_s: float = 10) -> tuple[Request, ...]:
        """Return the requests (to `path`) once at least `count` of them have arrived."""

        def arrived() -> tuple[Request, ...]:
            return self.requests if path is None else self.requests_to(path)

        sentence = f"{count} requests have arrived at {path or 'the receiver'}"
        wait_until(lambda: len(arrived()) >= count, sentence, timeout_s)
        return arrived()

    def wait_until_hung_up(self, count: int, timeout_s: float = 10) -> None:
        """Return once `count` senders have closed their connection before the answer."""
        wait_until(lambda: self.hung_up >= count, f"{count} senders have hung up", timeout_s)

    def opened(self, incoming: Incoming) -> tuple[Request, Reply]:
        """Remember a request and choose its reply; the connection calls it."""
        self.open_requests += 1
        self.most_open_requests = max(self.most_open_requests, self.open_requests)
        request = Request(
            method=incoming.method,
            target=incoming.target,
            headers=incoming.headers,
            body=incoming.body,
            number=len(self._requests) + 1,
            open_requests=self.open_requests,
            arrived_ms=monotonic_ns() // 1_000_000,
        )
        self._requests.append(request)
        return request, self._reply_to(request)

    def closed(self, *, answered: bool) -> None:
        """Count a request as over; the connection calls it."""
        self.open_requests -= 1
        self.hung_up += not answered

    def _reply_to(self, request: Request) -> Reply:
        answers = self._scripts.get(request.path)
        if not answers:
            return Reply()
        answer = answers[min(self._taken[request.path], len(answers) - 1)]
        self._taken[request.path] += 1
        return answer if isinstance(answer, Reply) else answer(request)
