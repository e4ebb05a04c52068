"""Work on claims side by side in tasks that are kept: each takes the next claim when it has ended one.

A task for every delivery, with its first step and its end, cost 1 µs more than waking one that waits.
"""

import asyncio
from collections.abc import Awaitable, Callable

from qstash_rq.delivery import Claim


class Hands:
    """As many tasks as there were claims at a time; `work` is handed a claim and the end of its lease."""

    def __init__(self, work: Callable[[Claim, int], Awaitable[None]]) -> None:
        self._work = work
        self._idle: list[asyncio.Future[tuple[Claim, int]]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def give(self, claimed: Claim, lease_until_ms: int) -> None:
        """Have a hand that is idle work on `claimed`, or a new one."""
        if self._idle:
            self._idle.pop().set_result((claimed, lease_until_ms))
            return
        task = asyncio.create_task(self._work_for_ever(claimed, lease_until_ms))
        # The loop keeps only weak references to tasks. One that fails is let go, so that asyncio reports it.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """All hands, to be cancelled."""
        return list(self._tasks)

    async def _work_for_ever(self, claimed: Claim, lease_until_ms: int) -> None:
        events = asyncio.get_running_loop()
        while True:
            await self._work(claimed, lease_until_ms)
            next_one: asyncio.Future[tuple[Claim, int]] = events.create_future()
            self._idle.append(next_one)
            claimed, lease_until_ms = await next_one
