"""What a child acts with: the product's own parts over clients that pass the seam."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from flask import request
from redis import Redis

from api.app import create_app
from qstash_rq.core import Core, open_core
from qstash_rq.delivery import Attempt, Claim
from qstash_rq.settings import DEVELOPMENT_TOKEN, Settings
from qstash_rq.waiting import open_async_store
from tests.api.serving import Caller
from tests.clock import FakeClock
from tests.crash.answers import Told, answer_to
from tests.crash.report import Report
from tests.crash.seam import Seam, WatchedRedis, watch
from workers.delivery_loop import DeliveryLoop, LoopOptions
from workers.prepared import PreparedDelivery


def _at_once() -> None:
    """Wait for nothing."""


async def _in_a_turn() -> None:
    await asyncio.sleep(0)


class Stage:
    """One process of the product, in a forked child."""

    def __init__(
        self,
        *,
        seam: Seam,
        report: Report,
        settings: Settings,
        clock: FakeClock,
        known: Mapping[str, str],
        may_be_refused: bool,
    ) -> None:
        self.seam = seam
        self.known = known
        self._report = report
        self._may_be_refused = may_be_refused
        watch(seam)
        self.clock = clock
        self.settings = settings
        self.core: Core = open_core(self.settings, self.clock)

    def call(self, method: str, target: str, *, status: int = 200, **options: Any) -> Any:
        """Send a request to the web application; fails unless it is answered with success, or `status`."""
        app = create_app(self.core)

        @app.before_request
        def tell_endpoint() -> None:
            self._report.tell("endpoint", name=request.endpoint)

        answer = Caller(app.test_client()).call(method, target.format(**self.known), **options)
        refused = answer.status_code == 404 and self._may_be_refused
        success = 200 <= answer.status_code < 300 or answer.status_code == status
        assert refused or success, answer.text
        return answer

    def work(
        self,
        *,
        concurrency: int = 10,
        lanes: tuple[str, ...] = (),
        most: int | None = None,
        story: Callable[[DeliveryLoop], Awaitable[None]] | None = None,
        before_leaving: Callable[[], None] = _at_once,
        before_answer: Callable[[], Awaitable[None]] = _in_a_turn,
    ) -> None:
        """Run a worker's loop until there is nothing to claim, or to the end of `story`."""
        options = LoopOptions(
            worker="victim", concurrency=concurrency, lanes=lanes, burst=story is None, max_messages=most
        )

        async def go() -> None:
            store = open_async_store(self.settings)
            loop = DeliveryLoop(self.core, store, _Deliverer(self, before_leaving, before_answer), options)
            running = asyncio.create_task(loop.run())
            if story is not None:
                await story(loop)
                loop.stop()
            await running
            await store.aclose()

        asyncio.run(go())

    def started(self, prepared: PreparedDelivery) -> Attempt:
        """Tell of a delivery that begins, and return what it will be answered."""
        told = Told.of(prepared)
        self._report.tell("starts", message_id=told.message_id, retried=told.retried)
        return answer_to(told)

    def ended(self, prepared: PreparedDelivery, status: int) -> None:
        """Tell of a delivery that is over."""
        self._report.tell("ends", message_id=Told.of(prepared).message_id, status=status)

    def sent(self, claims: Iterable[Claim], status: int) -> None:
        """Tell of deliveries that are over, of a worker that is played by its verbs alone."""
        for one in claims:
            self._report.tell("starts", message_id=one.message.message_id, retried=one.retried)
            self._report.tell("ends", message_id=one.message.message_id, status=status)

    async def until_called(self, call: str, nth: int = 1) -> None:
        """Return once a call of this name has left."""
        while self.seam.heard[call] < nth:  # noqa: ASYNC110 - the seam knows no loop to wake
            await asyncio.sleep(0.001)

    def rq_client(self) -> Redis:
        """Return a client for RQ's own classes."""
        return WatchedRedis.from_url(self.settings.redis_url)

    def export_settings(self, **more: str) -> None:
        """Let what reads the environment find these settings there."""
        os.environ |= {
            "REDIS_URL": self.settings.redis_url,
            "QSTASH_TOKEN": DEVELOPMENT_TOKEN,
            "QSTASH_CURRENT_SIGNING_KEY": self.settings.current_signing_key,
            "QSTASH_NEXT_SIGNING_KEY": self.settings.next_signing_key,
            "QSTASH_ALLOW_PRIVATE_NETWORKS": "true",
            **more,
        }


class _Deliverer:
    """Answers by the message's URL, and tells of everything that leaves."""

    def __init__(
        self,
        stage: Stage,
        before_leaving: Callable[[], None],
        before_answer: Callable[[], Awaitable[None]],
    ) -> None:
        self._stage = stage
        self._before_leaving = before_leaving
        self._before_answer = before_answer

    async def deliver(self, prepared: PreparedDelivery) -> Attempt:
        """Answer one delivery, unless its time to leave is over."""
        self._before_leaving()
        if prepared.leave is not None and not prepared.leave():
            return Attempt(error="not sent")
        attempt = self._stage.started(prepared)
        await self._before_answer()
        self._stage.ended(prepared, attempt.status or 0)
        return attempt

    async def aclose(self) -> None:
        """Nothing to close."""
