"""End tasks for certain."""

import asyncio
from collections.abc import Collection
from typing import Any

_PATIENCE_S = 0.1


async def end_tasks(tasks: Collection[asyncio.Future[Any]]) -> None:
    """Cancel `tasks` and return when all have ended, with whatever result or error."""
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        # Once is not enough: `asyncio.wait_for` of Python 3.11, through which redis-py sends, forgets a
        # cancellation that comes as what it waits for ends.
        await asyncio.wait(running, timeout=_PATIENCE_S)
    await asyncio.gather(*tasks, return_exceptions=True)
