"""A receiver inside the benchmark that notes, for each key, when requests came and went.

The key is the body. An answer may be held back, so that requests of a key stand open together.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from time import perf_counter_ns

from benchmarks.posts import listening


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


@asynccontextmanager
async def keyed_receiver(hold_s: dict[bytes, float]) -> AsyncGenerator[KeyedReceiver]:
    """Listen until the block ends."""
    receiver = KeyedReceiver(hold_s)

    def take(key: bytes, answer: Callable[[], None]) -> None:
        def answer_now() -> None:
            receiver.note_answer(key)
            answer()

        receiver.note_arrival(key)
        held_s = receiver.hold_s.get(key, 0)
        if held_s:
            asyncio.get_running_loop().call_later(held_s, answer_now)
        else:
            answer_now()

    async with listening(take) as receiver.port:
        yield receiver
