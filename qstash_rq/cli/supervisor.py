"""Runs processes in stages until it is told to stop, then stops the stages in reverse.

A stage starts when the one before it is ready. SIGINT, SIGTERM or SIGHUP ends everything; a second one
kills the stage that is being waited for. What runs is none of its business: see `development`.
"""

import asyncio
import signal
from collections.abc import Callable, Sequence
from typing import Literal

from qstash_rq.cli.child import ProcessSpec, Say
from qstash_rq.cli.keeper import Keeper

Stages = Sequence[Sequence[ProcessSpec]]

# A terminal and a `make` in between may both pass on one Ctrl-C.
_SAME_SIGNAL_S = 1.0
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervisor:
    """One run of all stages."""

    def __init__(self, stages: Stages, say: Say) -> None:
        self._stages = stages
        self._say = say
        self._running: list[list[Keeper]] = []
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._asked_s = 0.0

    async def run(self, on_ready: Callable[[], None]) -> int:
        """Run until told to stop; call `on_ready` once when every stage is ready.

        Returns 0 when all was stopped as asked, 1 when a process could not be started or had to be killed.
        """
        loop = asyncio.get_running_loop()
        for number in _STOP_SIGNALS:
            loop.add_signal_handler(number, self._ask_to_stop)
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        started = await self._start()
        if started:
            on_ready()
            await self._stopping.wait()
        clean = await self._stop()
        return 0 if clean and (started or self._stopping.is_set()) else 1

    def _ask_to_stop(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if not self._stopping.is_set():
            self._asked_s = now_s
            self._stopping.set()
        elif now_s - self._asked_s > _SAME_SIGNAL_S:
            self._hurry.set()

    def _reap(self) -> None:
        for stage in self._running:
            for keeper in stage:
                keeper.reap()

    async def _start(self) -> bool:
        """Start stage after stage; returns whether all became ready before a stop was asked for."""
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            for specs in self._stages:
                stage = [Keeper(spec, self._say) for spec in specs]
                self._running.append(stage)
                if not await _all_ready(stage, stopping):
                    return False
        finally:
            stopping.cancel()
        return True

    async def _stop(self) -> bool:
        """Stop the stages in reverse; returns whether every process ended by itself."""
        clean = True
        for stage in reversed(self._running):
            self._hurry.clear()
            clean &= all(await asyncio.gather(*(keeper.stop(self._hurry) for keeper in stage)))
        return clean


async def _all_ready(stage: list[Keeper], stopping: asyncio.Future[Literal[True]]) -> bool:
    waiting = {keeper.started for keeper in stage}
    while waiting:
        done, _ = await asyncio.wait({*waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if stopping in done or not all(future.result() for future in done):
            return False
        waiting -= done
    return True
