"""Waiting for work and for the alarm: nobody polls, nobody is forgotten."""

import asyncio
import time

import pytest

from qstash_rq.core import Core
from qstash_rq.store import keys
from qstash_rq.store.connection import BLOCK_S
from qstash_rq.waiting import open_async_store, wait_for_alarm, wait_for_work, watch_lanes
from tests import seed
from tests.factories import NOW_MS
from tests.waiting import wait_until


def _blocked(core: Core) -> bool:
    return int(core.store.client.execute_command("INFO", "clients")["blocked_clients"]) > 0


def _waits_for(core: Core, lanes: tuple[str, ...], queue: str | None, *, first: bool) -> float:
    """Return how long a worker waited that began before (or after) a message came into a queue."""

    async def go() -> float:
        store = open_async_store(core.settings)
        if first:
            await asyncio.to_thread(seed.seed, core, 1, queue)
        started = time.monotonic()
        waiting = asyncio.create_task(wait_for_work(store, lanes))
        if not first:
            await asyncio.to_thread(wait_until, lambda: _blocked(core), "the worker waits")
            await asyncio.to_thread(seed.seed, core, 1, queue)
        await waiting
        await store.aclose()
        return time.monotonic() - started

    return asyncio.run(go())


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("lanes", [(), ("defaultUser:q", "defaultUser:other")])
def test_a_worker_wakes_for_work(core: Core, lanes: tuple[str, ...], first: bool) -> None:
    """Work that is there, or comes, wakes a worker: of every lane by the ring, of named lanes by a bell."""
    watch_lanes(core, lanes)

    assert _waits_for(core, lanes, "q", first=first) < BLOCK_S / 2
    assert len(seed.claim(core, lanes=lanes)) == 1


def test_a_look_at_the_ring_takes_nothing_off(core: Core) -> None:
    """Waiting moves the first lane to the end of the ring and leaves all of them there."""
    seed.seed(core, 1, "a")
    seed.seed(core, 1, "b")

    _waits_for(core, (), "c", first=True)

    assert sorted(seed.ring(core)) == [seed.lane("a"), seed.lane("b"), seed.lane("c")]
    assert len(seed.claim(core)) == 3


def test_a_worker_of_named_lanes_is_not_woken_by_others(core: Core) -> None:
    """Work elsewhere leaves a named worker waiting until its time is over."""
    watch_lanes(core, [seed.lane("mine")])

    assert _waits_for(core, (seed.lane("mine"),), "other", first=True) >= BLOCK_S * 0.9


def test_watching_is_idempotent(core: Core) -> None:
    """A lane is watched from the first word on, and saying it again changes only its time."""
    watch_lanes(core, ["a", "b"])
    watch_lanes(core, ["b"])

    assert core.store.command("HGETALL", keys.WATCHED()) == {
        b"a": str(NOW_MS).encode(),
        b"b": str(NOW_MS).encode(),
    }


def test_the_alarm_wakes_a_scheduler_once(core: Core) -> None:
    """A message that is due first ends the wait; without one the wait ends by itself."""
    seed.seed(core, delay_ms=10)
    started = time.monotonic()
    wait_for_alarm(core, 2000)
    woken_s = time.monotonic() - started
    wait_for_alarm(core, 30)
    rested_s = time.monotonic() - started - woken_s

    assert woken_s < BLOCK_S / 2
    assert 0.03 <= rested_s < BLOCK_S / 2


@pytest.mark.parametrize("timeout_ms", [-5, 0, 1])
def test_no_time_to_wait_is_not_for_ever(core: Core, timeout_ms: int) -> None:
    """A wait that should be over already ends at once: Redis would take zero for ever."""
    started = time.monotonic()

    wait_for_alarm(core, timeout_ms)

    assert time.monotonic() - started < BLOCK_S / 2
