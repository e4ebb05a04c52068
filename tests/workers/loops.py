"""Run a delivery loop on a real server, in burst mode or through a story."""

import asyncio
from collections.abc import Awaitable, Callable

from qstash_rq.core import Core
from qstash_rq.waiting import open_async_store
from workers.deliverer import Deliverer
from workers.delivery_loop import DeliveryLoop, LoopOptions


def run_loop(
    core: Core,
    deliverer: Deliverer,
    *,
    story: Callable[[DeliveryLoop], Awaitable[None]] | None = None,
    lanes: tuple[str, ...] = (),
    concurrency: int = 50,
    max_messages: int | None = None,
) -> DeliveryLoop:
    """Run a loop in burst mode, or while `story` goes on."""

    async def go() -> DeliveryLoop:
        store = open_async_store(core.settings)
        options = LoopOptions(
            worker="w1", concurrency=concurrency, lanes=lanes, burst=story is None, max_messages=max_messages
        )
        loop = DeliveryLoop(core, store, deliverer, options)
        try:
            async with asyncio.timeout(20):
                running = asyncio.create_task(loop.run())
                if story is not None:
                    await story(loop)
                    loop.stop()
                await running
        finally:
            await deliverer.aclose()
            await store.aclose()
        return loop

    return asyncio.run(go())


async def until(condition: Callable[[], bool]) -> None:
    """Give the loop turns until `condition` holds; the time-out of the run is the limit."""
    while not condition():  # noqa: ASYNC110 - what is awaited is in another thread or in Redis
        await asyncio.sleep(0.002)
