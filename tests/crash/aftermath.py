"""Everybody else carries on: a fresh scheduler and a fresh worker, on a clock that runs as fast as it can.

First an operator opens what was paused, for a message that waits for him would wait for ever.
"""

import asyncio
from typing import Any, cast

from qstash_rq.core import Core
from qstash_rq.delivery import Attempt
from qstash_rq.flow_control import list_flows, resume_flow, unpin_flow
from qstash_rq.queues import list_queues, resume_queue
from qstash_rq.schedules import delete_schedule, list_schedules
from qstash_rq.store import keys
from qstash_rq.users import FIRST_USER, list_users
from qstash_rq.waiting import open_async_store
from tests.clock import FakeClock
from tests.crash.answers import Told, answer_to
from tests.crash.arrivals import Arrivals
from workers.delivery_loop import DeliveryLoop, LoopOptions
from workers.prepared import PreparedDelivery
from workers.scheduler import DeliveryScheduler

MOST_ROUNDS = 400
# A sweep leaves alone what is younger than thirty seconds.
LONGEST_STEP_MS = 31_000
TICKING_MS = 130_000
RETENTION_MS = 90 * 86_400_000


class Survivors:
    """A scheduler and a worker that were not there when it happened."""

    def __init__(self, core: Core, runner: asyncio.Runner) -> None:
        self._core = core
        self._clock = cast("FakeClock", core.clock)
        self._runner = runner
        self.arrivals = Arrivals()

    def carry_on(self) -> None:
        """Go on until every message is terminal; fails when some never will be."""
        self._open_all()
        scheduler = DeliveryScheduler(self._core)
        users = list_users(self._core)
        schedules = [(user_id, one) for user_id in users for one in list_schedules(self._core, user_id)]
        until_ms = self._clock.now_ms() + TICKING_MS
        while schedules and self._clock.now_ms() < until_ms:
            self._round(scheduler)
        for user_id, one in schedules:
            delete_schedule(self._core, user_id, one.schedule.schedule_id)
        rounds = 0
        while not self._quiet():
            self._round(scheduler)
            rounds += 1
            assert rounds < MOST_ROUNDS, f"these never end: {self._unfinished()}"
        self._work()

    def grow_old(self) -> None:
        """Let the time pass that logs and dead letters are kept for."""
        for flow in (flow for user_id in list_users(self._core) for flow in list_flows(self._core, user_id)):
            unpin_flow(self._core, FIRST_USER, flow.key, parallelism=True, rate=True)
        self._clock.advance(RETENTION_MS)
        DeliveryScheduler(self._core).tick()

    def _round(self, scheduler: DeliveryScheduler) -> None:
        wake_ms = scheduler.tick()
        if self._work():
            return
        now_ms = self._clock.now_ms()
        step_ms = LONGEST_STEP_MS if wake_ms is None else wake_ms - now_ms
        self._clock.advance(max(1, min(step_ms, LONGEST_STEP_MS)))

    def _work(self) -> bool:
        return self._runner.run(self._deliver())

    async def _deliver(self) -> bool:
        store = open_async_store(self._core.settings)
        options = LoopOptions(worker="fresh", concurrency=50, burst=True)
        loop = DeliveryLoop(self._core, store, cast("Any", self), options)
        await loop.run()
        await store.aclose()
        return loop.claimed > 0

    async def deliver(self, prepared: PreparedDelivery) -> Attempt:
        """Stand in for the network."""
        if prepared.leave is not None and not prepared.leave():
            return Attempt(error="not sent")
        told = Told.of(prepared)
        attempt = answer_to(told)
        self.arrivals.started(told.message_id, told.retried, self._clock.now_ms())
        await asyncio.sleep(0)
        self.arrivals.ended(told.message_id, attempt.status or 0)
        return attempt

    def _open_all(self) -> None:
        self._core.store.command("DEL", keys.SUSPENDED())
        for user_id in list_users(self._core):
            for queue in list_queues(self._core, user_id):
                resume_queue(self._core, user_id, queue.name)
            for flow in list_flows(self._core, user_id):
                resume_flow(self._core, user_id, flow.key)

    def _quiet(self) -> bool:
        return not self._core.store.command("KEYS", keys.LIVE("*")) and not self._core.store.command(
            "EXISTS", keys.CLOSINGS()
        )

    def _unfinished(self) -> list[Any]:
        names: list[bytes] = self._core.store.command("KEYS", keys.LIVE("*"))
        return [self._core.store.command("ZRANGE", name, 0, -1) for name in names]
