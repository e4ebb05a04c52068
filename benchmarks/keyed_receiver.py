"""A receiver inside the benchmark that notes, for each key, when requests came and went.

The key is the body. An answer may be held back, so that requests of a key stand open together.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from time import perf_counter_ns
from typing import cast

from benchmarks.arrivals import content_length

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_HEAD_END = b"\r\n\r\n"


class KeyedReceiver:
    """When the requests of each key came and, held for `hold_s[key]`, were answered, by `perf_counter_ns`.

    `came_ns` and `answered_ns` grow side by side, except for what is still open.
    """

    def __init__(self, hold_s: dict[bytes, float]) -> None:
        self.hold_s = hold_s
        self.came_ns: defaultdict[bytes, list[int]] = defaultdict(list)
        self.answered_ns: defaultdict[bytes, list[int]] = defaultdict(list)
        self.most_open: defaultdict[bytes, int] = defaultdict(int)
        self.first_came = asyncio.Event()
        self.port = 0

    @property
    def url(self) -> str:
        """Where to post."""
        return f"http://127.0.0.1:{self.port}/hook"

    def note_arrival(self, key: bytes) -> None:
        """Note a request of `key`, and how many of its stand open now."""
        came = self.came_ns[key]
        came.append(perf_counter_ns())
        self.first_came.set()
        self.most_open[key] = max(self.most_open[key], len(came) - len(self.answered_ns[key]))

    def note_answer(self, key: bytes) -> None:
        """Note the answer to a request of `key`; called before it is sent."""
        self.answered_ns[key].append(perf_counter_ns())


class _Connection(asyncio.Protocol):
    def __init__(self, receiver: KeyedReceiver) -> None:
        self._receiver = receiver
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, mark, rest = self._received.partition(_HEAD_END)
        length = content_length(head)
        if not mark or len(rest) < length:
            return
        key, self._received = rest[:length], rest[length:]
        self._receiver.note_arrival(key)
        hold_s = self._receiver.hold_s.get(key, 0)
        if hold_s:
            asyncio.get_running_loop().call_later(hold_s, self._answer, key)
        else:
            self._answer(key)

    def _answer(self, key: bytes) -> None:
        self._receiver.note_answer(key)
        # A worker that was ended with requests open has hung up.
        if not self._transport.is_closing():
            self._transport.write(_ANSWER)


@asynccontextmanager
async def keyed_receiver(hold_s: dict[bytes, float]) -> AsyncGenerator[KeyedReceiver]:
    """Listen until the block ends."""
    receiver = KeyedReceiver(hold_s)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(receiver), "127.0.0.1", 0, backlog=1024)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
