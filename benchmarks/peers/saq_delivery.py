"""The peer of delivery: a SAQ worker that posts with aiohttp.

The argument is JSON: redisUrl, url, count, concurrency, headers, body. Prints jobs per second, from the
first one taken to the last one finished.
"""

import asyncio
import json
import sys
import time
from typing import Any

import aiohttp
import uvloop
from redis.asyncio import Redis
from saq import Queue, Worker
from saq.queue.redis import RedisQueue

_ARGUMENT: dict[str, Any] = json.loads(sys.argv[1])
_COUNT: int = _ARGUMENT["count"]
_CONCURRENCY: int = _ARGUMENT["concurrency"]
# Filling takes an order of magnitude longer one call after the other.
_ENQUEUED_TOGETHER = 100


class _Unswept(RedisQueue):
    async def sweep(self, lock: int = 60, abort: float = 5.0) -> list[str]:
        """Leave all jobs alone: none is stuck, and the first sweep aborted some just taken."""
        del lock, abort
        return []


async def post(context: dict[str, Any], *, url: str, headers: dict[str, str], body: str) -> None:
    """Post `body` over the worker's session."""
    async with context["session"].post(url, headers=headers, data=body.encode()) as response:
        response.raise_for_status()
        await response.read()


async def _main() -> float:
    # Each job that runs holds a connection, and the client would stop at a hundred.
    queue = _Unswept(Redis.from_url(_ARGUMENT["redisUrl"], max_connections=2 * _CONCURRENCY))
    await queue.connect()
    request = {name: _ARGUMENT[name] for name in ("url", "headers", "body")}
    for start in range(0, _COUNT, _ENQUEUED_TOGETHER):
        together = min(_ENQUEUED_TOGETHER, _COUNT - start)
        await asyncio.gather(*(queue.enqueue("post", **request) for _ in range(together)))
    return await _work_off(queue)


async def _work_off(queue: Queue) -> float:
    started_s: list[float] = []
    finished_s: list[float] = []
    all_finished = asyncio.Event()

    async def before(_context: dict[str, Any]) -> None:
        if not started_s:
            started_s.append(time.perf_counter())

    async def after(context: dict[str, Any]) -> None:
        finished_s.append(time.perf_counter())
        if context["job"].error:
            sys.exit(context["job"].error)
        if len(finished_s) == _COUNT:
            all_finished.set()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_CONCURRENCY)) as session:
        worker = Worker(
            queue,
            [post],
            concurrency=_CONCURRENCY,
            startup=lambda context: context.update(session=session),
            before_process=before,
            after_process=after,
        )
        working = asyncio.create_task(worker.start())
        await all_finished.wait()
        await worker.stop()
        working.cancel()
    return _COUNT / (finished_s[-1] - started_s[0])


print(uvloop.run(_main()))
