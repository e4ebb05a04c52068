"""Keeps one process running: starts it, and starts it again with backoff when it ends unasked."""

import asyncio
import signal
from contextlib import suppress

from qstash_rq.cli.child import Child, ProcessSpec, Say

_SHORTEST_S = 0.5
_LONGEST_S = 10.0
_ASK_AGAIN_S = 0.05


def next_pause_s(pause_s: float, ran_s: float) -> float:
    """Return how long to wait before the next start; a run of some length starts from the bottom."""
    return _SHORTEST_S if ran_s > _LONGEST_S else min(max(pause_s * 2, _SHORTEST_S), _LONGEST_S)


def describe(status: int) -> str:
    """Say how a process ended."""
    return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


class Keeper:
    """One process and its successors."""

    def __init__(self, spec: ProcessSpec, say: Say) -> None:
        """Start the first process."""
        self._spec = spec
        self._say = say
        self._child: Child | None = None
        self._stopping = asyncio.Event()
        # Whether the first process became ready; False: it ended before, and is given up.
        self.started: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._keep())

    def reap(self) -> None:
        """Look whether the process has ended; to be called on SIGCHLD."""
        if self._child is not None:
            self._child.reap()

    async def stop(self, hurry: asyncio.Event) -> bool:
        """End the process for good; returns whether it ended by itself."""
        self._stopping.set()
        clean = self._child is None or await self._child.stop(hurry)
        await self._task
        return clean

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        pause_s = 0.0
        while not self._stopping.is_set():
            began_s = loop.time()
            how = await self._run_once()
            if self._stopping.is_set():
                return
            if not self.started.done():
                self._tell(f"{how} before it was ready")
                self.started.set_result(False)
                return
            pause_s = next_pause_s(pause_s, loop.time() - began_s)
            self._tell(f"{how}; it starts again in {pause_s:g} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_s)

    async def _run_once(self) -> str:
        try:
            self._child = Child(self._spec, self._say)
        except OSError as error:
            return f"cannot be started: {error}"
        if self._spec.is_ready is None:
            self._is_ready()
        asking = asyncio.create_task(self._ask())
        self._child.reap()  # it may have ended before anybody listened
        status = await self._child.ended()
        self._child = None
        asking.cancel()
        return describe(status)

    async def _ask(self) -> None:
        if self._spec.is_ready is None:
            return
        while not await self._spec.is_ready():  # noqa: ASYNC110 - another process sets no event of ours
            await asyncio.sleep(_ASK_AGAIN_S)
        self._is_ready()

    def _is_ready(self) -> None:
        if not self.started.done():
            self.started.set_result(True)

    def _tell(self, text: str) -> None:
        self._say(self._spec.name, text.encode())
