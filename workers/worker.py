"""The delivery worker as an RQ worker: `rq worker -w workers.DeliveryWorker`.

RQ's base class gives birth, death, heartbeat and remote commands; the work loop is
ours (`delivery_loop`), because RQ's runs one job at a time. Queue names on the command
line restrict the worker to those lanes; none, or `default`, means every lane.
"""

import asyncio
import contextlib
import gc
import logging
import signal
import time
from dataclasses import replace
from datetime import UTC, datetime
from math import ceil
from types import FrameType
from typing import Any

import uvloop
from rq.defaults import DEFAULT_LOGGING_DATE_FORMAT, DEFAULT_LOGGING_FORMAT
from rq.logutils import setup_loghandlers
from rq.worker.base import BaseWorker, DequeueStrategy, WorkerStatus

from qstash_rq.clock import SystemClock
from qstash_rq.core import Core, open_core
from qstash_rq.errors import StoreDefect, StoreUnavailable
from qstash_rq.events import Event, log_event
from qstash_rq.lanes import EVERY_LANE, lane_names
from qstash_rq.settings import Settings
from qstash_rq.shared_clock import SharedClock, correct_clock
from qstash_rq.starting import redis_url_of, refuse_unfit_server
from qstash_rq.users import ensure_first_user, list_users
from qstash_rq.waiting import CALL_TIMEOUT_S, open_async_store, redis_trouble, watch_lanes
from workers.deliverer import Deliverers
from workers.delivery_loop import DeliveryLoop, LoopOptions
from workers.patience import Patience

_log = logging.getLogger("qstash_rq.workers")

# How often the state shown by `rq info` may change.
STATE_S = 1.0
HEARTBEAT_S = 30.0
# `rq worker-pool` and a terminal may both pass on one Ctrl-C.
SAME_SIGNAL_S = 1.0

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class DeliveryWorker(BaseWorker):
    """Deliver messages; started by `rq worker` or `rq worker-pool`."""

    def work(
        self,
        burst: bool = False,  # noqa: FBT001, FBT002 - RQ's signature
        logging_level: str | None = None,
        date_format: str = DEFAULT_LOGGING_DATE_FORMAT,
        log_format: str = DEFAULT_LOGGING_FORMAT,
        max_jobs: int | None = None,
        max_idle_time: int | None = None,
        with_scheduler: bool = False,  # noqa: FBT001, FBT002 - RQ's signature
        dequeue_strategy: DequeueStrategy = DequeueStrategy.DEFAULT,
    ) -> bool:
        """Deliver until told to stop; returns whether anything was delivered.

        The first SIGTERM or SIGINT lets what is in flight finish, a second one stops at
        once. `max_idle_time`, `with_scheduler` and `dequeue_strategy` do not apply: lanes take turns, and
        `python -m workers.scheduler` is the scheduler.
        """
        del max_idle_time, with_scheduler, dequeue_strategy
        settings = Settings.from_env()
        setup_loghandlers(logging_level or "INFO", date_format, log_format, name="qstash_rq")
        settings = replace(settings, redis_url=redis_url_of(self.connection, settings.redis_url))
        core = open_core(settings, SharedClock(SystemClock()))
        refuse_unfit_server(core)
        correct_clock(core)
        if settings.token:
            ensure_first_user(core)
        lanes = self._choose_lanes(core)
        self._remember_signals()
        self.bootstrap(logging_level, date_format, log_format)
        _collect_seldom()
        try:
            return uvloop.run(self._deliver(core, lanes, burst=burst, max_jobs=max_jobs))
        finally:
            self.teardown()

    def _remember_signals(self) -> None:
        # Until the loop runs: a worker that is told to stop while it is being born dies properly too.
        self._told_to_stop = False
        self._farewells: list[asyncio.Task[None]] = []

        def remember(_number: int, _frame: FrameType | None) -> None:
            self._told_to_stop = True

        for number in _STOP_SIGNALS:
            signal.signal(number, remember)

    def _choose_lanes(self, core: Core) -> tuple[str, ...]:
        """Return the lanes to serve, none meaning all, and show them as this worker's RQ queues.

        `rq info` lists the workers of the queues it knows; every user's own lane is
        always among those.
        """
        user_ids = list_users(core)
        lanes = tuple(lane_names(self.queue_names(), user_ids))
        self.queues = [
            self.queue_class(name, connection=self.connection)
            for name in lanes or dict.fromkeys([EVERY_LANE, *user_ids])
        ]
        return lanes

    async def _deliver(
        self, core: Core, lanes: tuple[str, ...], *, burst: bool, max_jobs: int | None
    ) -> bool:
        options = LoopOptions(
            worker=self.name,
            concurrency=core.settings.worker_concurrency,
            lanes=lanes,
            burst=burst,
            max_messages=max_jobs,
        )
        watch_lanes(core, lanes)
        store, deliverers = open_async_store(core.settings), Deliverers(core.settings)
        loop = DeliveryLoop(core, store, deliverers, options)
        running = asyncio.create_task(loop.run())
        tending = asyncio.create_task(self._tend(core, loop))
        self._obey_signals(loop, running)
        try:
            # A second signal cancels the run; what was in flight waits for its leases to end.
            with contextlib.suppress(asyncio.CancelledError):
                await running
        finally:
            tending.cancel()
            await deliverers.aclose()
            await asyncio.gather(tending, *self._farewells, return_exceptions=True)
            await store.aclose()
        return loop.claimed > 0

    def _obey_signals(self, loop: DeliveryLoop, running: asyncio.Task[None]) -> None:
        events = asyncio.get_running_loop()
        first_at: float | None = None

        def obey() -> None:
            nonlocal first_at
            if first_at is None:
                first_at = events.time()
                self._farewells.append(events.create_task(self._say_that_it_stops()))
                log_event(_log, logging.INFO, Event.WORKER_STOPPING, in_flight=loop.in_flight)
                loop.stop()
            elif events.time() - first_at > SAME_SIGNAL_S:
                running.cancel()

        for number in _STOP_SIGNALS:
            events.add_signal_handler(number, obey)
        if self._told_to_stop:
            obey()

    async def _say_that_it_stops(self) -> None:
        """Tell Redis, so that what this worker may leave behind is not held against any message."""
        self._shutdown_requested_date = datetime.now(UTC)
        with contextlib.suppress(StoreUnavailable), redis_trouble():
            if await asyncio.to_thread(self.connection.exists, self.key):
                await asyncio.to_thread(self.set_shutdown_requested_date)

    async def _tend(self, core: Core, loop: DeliveryLoop) -> None:
        """Keep what `rq info` shows true: the state, and that this worker lives."""
        events = asyncio.get_running_loop()
        patience = Patience("heartbeat")
        shown: WorkerStatus | None = None
        beat_at = events.time() + HEARTBEAT_S
        while True:
            state = _state(loop)
            # Redis trouble is logged by the loop that has work to do; here it only makes the picture stale.
            try:
                with contextlib.suppress(StoreUnavailable), redis_trouble():
                    if state is not shown:
                        await asyncio.to_thread(self.set_state, state)
                        shown = state
                    if events.time() >= beat_at:
                        beat_at = events.time() + HEARTBEAT_S
                        await asyncio.to_thread(self._beat, core)
            except StoreDefect as error:
                patience.next_wait_s(error)
            await asyncio.sleep(STATE_S)

    def _beat(self, core: Core) -> None:
        correct_clock(core)
        if self.connection.exists(self.key):
            self.heartbeat()
        else:
            # Redis came back empty.
            self.register_birth()

    @property
    def connection_timeout(self) -> int:
        """How long RQ's own calls may take, in seconds: no longer than ours, since none waits for a job."""
        return ceil(CALL_TIMEOUT_S)

    def _set_connection(self, connection: Any) -> Any:  # noqa: ANN401 - RQ's signature
        connection = super()._set_connection(connection)
        # The command line has connected before the time-out was set.
        connection.connection_pool.disconnect()
        return connection

    def subscribe(self) -> None:
        """Listen to RQ's commands, in a thread."""
        self._listening = Patience("commands")
        super().subscribe()

    def _pubsub_exception_handler(self, exc: Exception, pubsub: object, pubsub_thread: object) -> None:
        # RQ's own ends the thread at a time-out: the worker would hear no command until it is started anew.
        del pubsub, pubsub_thread
        try:
            with redis_trouble():
                raise exc
        except (StoreUnavailable, StoreDefect) as error:
            time.sleep(self._listening.next_wait_s(error))

    def teardown(self) -> None:
        """Register this worker's death, unless Redis is away; its record expires by itself then."""
        try:
            with redis_trouble():
                super().teardown()
        except (StoreUnavailable, StoreDefect) as error:
            log_event(_log, logging.WARNING, Event.STORE_UNAVAILABLE, who="teardown", error=error)

    def execute_job(self, job: Any, queue: Any) -> None:  # noqa: ANN401 - RQ's signature
        """Refuse: this worker never runs RQ's own loop."""
        raise NotImplementedError


def _collect_seldom() -> None:
    # A delivery leaves hardly a cycle, yet looking for them took 9 % of a busy worker's time. What is
    # loaded by now stays for good and is not looked at again.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _state(loop: DeliveryLoop) -> WorkerStatus:
    if loop.suspended:
        return WorkerStatus.SUSPENDED
    return WorkerStatus.BUSY if loop.in_flight else WorkerStatus.IDLE
