"""Wait for something to do without asking all the time: workers at the ring, the scheduler at its alarm."""

from collections.abc import Sequence

from qstash_rq.core import Core
from qstash_rq.settings import Settings
from qstash_rq.store import keys
from qstash_rq.store.connection import BLOCK_S, CALL_TIMEOUT_S, open_async_client
from qstash_rq.store.executor import AsyncExecutor, redis_trouble

__all__ = [
    "CALL_TIMEOUT_S",
    "AsyncExecutor",
    "open_async_store",
    "redis_trouble",
    "wait_for_alarm",
    "wait_for_work",
    "watch_lanes",
]

# Well below the time-out of the connection that waits.
LONGEST_ALARM_MS = 3_000


def open_async_store(settings: Settings) -> AsyncExecutor:
    """Return the asyncio executor of a worker; it connects when first used."""
    return AsyncExecutor(open_async_client(settings.redis_url))


async def wait_for_work(store: AsyncExecutor, lanes: Sequence[str]) -> None:
    """Return when a lane may have claimable work, or after two seconds.

    A worker for every lane looks at the ring, which a look leaves as it is but for its
    turn; one with named lanes pops their bells.
    """
    if lanes:
        await store.command("BLPOP", *[keys.BELL(lane) for lane in lanes], str(BLOCK_S))
    else:
        await store.command("BLMOVE", keys.RING(), keys.RING(), "LEFT", "RIGHT", str(BLOCK_S))


def watch_lanes(core: Core, lanes: Sequence[str]) -> None:
    """Have the bells of these lanes rung from now on; idempotent, and never undone by a crash."""
    for lane in lanes:
        core.store.command("HSET", keys.WATCHED(), lane, core.clock.now_ms())


def wait_for_alarm(core: Core, timeout_ms: int) -> None:
    """Return when a message became the earliest due one, or after `timeout_ms` (three seconds at most)."""
    seconds = min(max(timeout_ms, 1), LONGEST_ALARM_MS) / 1000
    core.store.command("BLPOP", keys.ALARM(), f"{seconds:.3f}")
