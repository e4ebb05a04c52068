"""Carry out the attempts of claims: prepare each, have it delivered, judge what came back.

A deliverer that has `start` needs neither a task nor a future for a delivery: 15,000 instructions of 462,000
(callgrind). Any other is awaited.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial

from qstash_rq.claim import give_back_claims
from qstash_rq.core import Core
from qstash_rq.delivery import Attempt, Claim
from qstash_rq.errors import StoreDefect, StoreUnavailable
from qstash_rq.events import Event, log_event
from qstash_rq.ids import jwt_ids
from qstash_rq.settle import Outcome, judge_attempt
from qstash_rq.waiting import AsyncExecutor
from workers.confirmer import Confirmer
from workers.deliverer import Deliverer, StartingDeliverer
from workers.departure import Departure
from workers.preparation import prepare
from workers.prepared import PreparedDelivery
from workers.response_room import ResponseRoom

_log = logging.getLogger("qstash_rq.workers")


class Attempts:
    """Ends each claim in one of two ways: `judged` hears of its outcome, or `dropped` of the claim alone."""

    def __init__(
        self,
        core: Core,
        store: AsyncExecutor,
        deliverer: Deliverer,
        confirmer: Confirmer,
        room: ResponseRoom,
        *,
        judged: Callable[[Outcome], None],
        dropped: Callable[[Claim], None],
    ) -> None:
        self._core = core
        self._store = store
        self._deliverer = deliverer
        self._start = deliverer.start if isinstance(deliverer, StartingDeliverer) else None
        self._confirmer = confirmer
        self._room = room
        self._judged = judged
        self._dropped = dropped
        self._jwt_ids = jwt_ids()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """What is awaited, to be cancelled."""
        return list(self._tasks)

    def begin(self, claimed: Claim, lease_until_ms: int) -> None:
        """Begin the attempt of `claimed` unless its lease is over; returns at once and raises nothing."""
        now_ms = self._core.clock.now_ms()
        if now_ms >= lease_until_ms:
            # This process or Redis stood still: the message is another's by now, and its queue has moved on.
            log_event(_log, logging.WARNING, Event.LEASE_LOST, message_id=claimed.message.message_id)
            self._dropped(claimed)
            return
        departure = self._confirmer.departure(claimed)
        try:
            prepared = prepare(
                claimed,
                settings=self._core.settings,
                now_ms=now_ms,
                jwt_id=next(self._jwt_ids),
                leave=departure and departure.leave,
                room=self._room,
            )
            if self._start is None or not self._start(prepared, partial(self._end, claimed, departure)):
                self._keep(self._await(claimed, departure, prepared))
        except Exception as error:  # noqa: BLE001 - see _inside
            self._end(claimed, departure, _inside(claimed, error))

    async def _await(self, claimed: Claim, departure: Departure | None, prepared: PreparedDelivery) -> None:
        try:
            attempt = await self._deliverer.deliver(prepared)
        except Exception as error:  # noqa: BLE001 - see _inside
            attempt = _inside(claimed, error)
        self._end(claimed, departure, attempt)

    def _end(self, claimed: Claim, departure: Departure | None, attempt: Attempt) -> None:
        if departure is not None:
            departure.end()
            if departure.missed:
                self._keep(self._give_back(claimed))
                return
        self._judged(judge_attempt(self._core, claimed, attempt))

    async def _give_back(self, claimed: Claim) -> None:
        """Let a message whose window has ended before its request could leave wait for another one."""
        try:
            with suppress(StoreUnavailable):  # its lease ends by itself
                await self._store.run(give_back_claims(self._core, [claimed]))
        except StoreDefect:
            _log.exception("store.defect: %s waits for its lease to end", claimed.message.message_id)
        self._dropped(claimed)

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        # The loop keeps only weak references to tasks. One that fails is let go, so that asyncio reports it.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _inside(claimed: Claim, error: Exception) -> Attempt:
    # Whatever is wrong with one message must end as its failed attempt: left alone, it would hold its place
    # and its lease for ever.
    _log.error("delivery of %s failed inside the worker", claimed.message.message_id, exc_info=error)
    return Attempt(error=f"internal error: {type(error).__name__}")
