"""Hold some hundreds of deliveries in flight: claim in batches, send each, settle in batches.

The claimer fills a set of claims up to the concurrency, the settler empties it, the
renewer keeps the leases of what stays long. Redis being away stops none of them: they
wait and go on. The loop knows no RQ; `worker` makes an RQ worker of it.
"""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass

from qstash_rq.claim import claim_messages, renew_leases
from qstash_rq.core import Core
from qstash_rq.delivery import Claim, Withheld
from qstash_rq.errors import StoreDefect, StoreUnavailable
from qstash_rq.events import Event, log_event
from qstash_rq.settle import Outcome
from qstash_rq.waiting import AsyncExecutor, wait_for_work
from workers.attempts import Attempts
from workers.confirmer import Confirmer
from workers.deliverer import Deliverer
from workers.ending import end_tasks
from workers.holdings import Holdings
from workers.patience import Patience
from workers.response_room import ResponseRoom
from workers.settler import Settler

_log = logging.getLogger("qstash_rq.workers")

# Claims of one call. A few batches make up a full worker, so that Redis claims and settles some while the
# worker sends others: with batches of 200 the two took turns (200 in flight: 8,900 messages/s, now 13,300).
CLAIM_BATCH = 50
# While there is a backlog, a claim waits this long for more free places: a call for one
# place costs as much as a call for fifty.
GATHER_S = 0.003
# When to ask again while nothing is handed out: nobody rings when that ends.
WITHHELD_S = {Withheld.SUSPENDED: 1.0, Withheld.FULL: 0.05}
RENEWALS_PER_LEASE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopOptions:
    """How one loop works; `lanes` empty means every lane, `max_messages` None no end."""

    worker: str
    concurrency: int
    lanes: tuple[str, ...] = ()
    burst: bool = False
    max_messages: int | None = None


class DeliveryLoop:
    """Claim, send, judge and settle until stopped; `run` may be called once."""

    def __init__(self, core: Core, store: AsyncExecutor, deliverer: Deliverer, options: LoopOptions) -> None:
        self._core = core
        self._store = store
        self._options = options
        self._settler = Settler(core, store, options.worker, self._settled)
        self._confirmer = Confirmer(core.clock, store)
        self._in_flight = Holdings(core.settings.worker_body_bytes)
        self.answers = ResponseRoom(core.settings.worker_body_bytes)
        self._attempts = Attempts(
            core,
            store,
            deliverer,
            self._confirmer,
            self.answers,
            judged=self._judged,
            dropped=self._forget,
        )
        self._place_freed = asyncio.Event()
        self._stopping = asyncio.Event()
        self._withheld: Withheld | None = None
        self._lease_until_ms = 0
        self.claimed = 0

    @property
    def in_flight(self) -> int:
        """How many deliveries are claimed and not yet settled."""
        return len(self._in_flight)

    @property
    def suspended(self) -> bool:
        """Whether `rq suspend` kept the last claim from handing anything out."""
        return self._withheld is Withheld.SUSPENDED

    def stop(self) -> None:
        """Claim nothing more; `run` returns when what is in flight is settled. Idempotent."""
        self._stopping.set()

    async def run(self) -> None:
        """Deliver until stopped or, in burst mode, until there is nothing to claim.

        Cancelling it drops what is in flight: those leases run out and others deliver it.
        """
        parts = [
            asyncio.create_task(self._claim_and_empty()),
            asyncio.create_task(self._settler.run()),
            asyncio.create_task(self._confirmer.run()),
            asyncio.create_task(self._renew_forever()),
        ]
        try:
            # The first part ends when all is done; another one that ends has failed, and the process with it.
            ended, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in ended:
                part.result()
        finally:
            await end_tasks([*parts, *self._attempts.tasks])

    async def _claim_and_empty(self) -> None:
        await self._claim_until_stopped()
        while self._in_flight:
            await self._wait_for_place()
        await self._confirmer.finish()

    async def _claim_until_stopped(self) -> None:
        patience = Patience("claim")
        backlog = False
        while not self._stopping.is_set() and not self._used_up():
            try:
                if backlog:
                    await self._gather_room()
                # Asked before the claim: a delivery settled during it may have opened a gate.
                idle = not self._in_flight
                # Never cut short: a claim that is carried out unheard waits for its lease to end.
                backlog = await self._claim()
                if not backlog and not self._stopping.is_set():
                    if self._options.burst and idle:
                        return
                    await self._wait_for_work()
                # Not before the wait: a server out of memory lets a claim pass, and refuses to wait.
                patience.succeeded()
            except (StoreUnavailable, StoreDefect) as error:
                await self._unless_stopped(asyncio.sleep(patience.next_wait_s(error)))

    async def _claim(self) -> bool:
        """Fill free places; returns whether there may be more to claim."""
        while not self._room():
            await self._wait_for_place()
        lease_until_ms = self._lease_end_ms()
        claims = await self._store.run(
            claim_messages(
                self._core,
                worker=self._options.worker,
                most=self._room(),
                most_bytes=self._in_flight.room_bytes,
                lanes=self._options.lanes,
                lease_until_ms=lease_until_ms,
            )
        )
        self._note(claims if isinstance(claims, Withheld) else None)
        if isinstance(claims, Withheld):
            return False
        for claimed in claims:
            self._start(claimed, lease_until_ms)
        return bool(claims)

    def _room(self) -> int:
        if self._in_flight.room_bytes <= 0:
            return 0
        room = min(self._options.concurrency - len(self._in_flight), CLAIM_BATCH)
        if self._options.max_messages is not None:
            room = min(room, self._options.max_messages - self.claimed)
        return room

    def _used_up(self) -> bool:
        return self._options.max_messages is not None and self.claimed >= self._options.max_messages

    async def _gather_room(self) -> None:
        wanted = min(self._options.concurrency // 4, CLAIM_BATCH)
        loop = asyncio.get_running_loop()
        until = loop.time() + GATHER_S
        while self._room() < wanted and (left := until - loop.time()) > 0:
            await self._wait_for_place(timeout_s=left)

    async def _wait_for_place(self, timeout_s: float | None = None) -> None:
        self._place_freed.clear()
        try:
            await asyncio.wait_for(self._place_freed.wait(), timeout_s)
        except TimeoutError:
            return

    async def _wait_for_work(self) -> None:
        if self._withheld is not None:
            await self._unless_stopped(asyncio.sleep(WITHHELD_S[self._withheld]))
        elif self._options.burst:
            if self._in_flight:
                await self._wait_for_place()
        else:
            await self._unless_stopped(wait_for_work(self._store, self._options.lanes))

    async def _unless_stopped(self, waiting: Awaitable[None]) -> None:
        """Wait for `waiting`, or give it up as soon as the loop is to stop."""
        wait = asyncio.ensure_future(waiting)
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((wait, stop), return_when=asyncio.FIRST_COMPLETED)
            if wait.done():
                wait.result()
        finally:
            await end_tasks((wait, stop))

    def _note(self, withheld: Withheld | None) -> None:
        if withheld is Withheld.SUSPENDED and not self.suspended:
            log_event(_log, logging.INFO, Event.WORKER_SUSPENDED, worker=self._options.worker)
        self._withheld = withheld

    def _start(self, claimed: Claim, lease_until_ms: int) -> None:
        self.claimed += 1
        self._in_flight.take(claimed)
        self._attempts.begin(claimed, lease_until_ms)

    def _judged(self, outcome: Outcome) -> None:
        if outcome.attempt.body:
            self.answers.keep(len(outcome.attempt.body))
        self._settler.add(outcome)

    def _settled(self, outcome: Outcome) -> None:
        if outcome.attempt.body:
            self.answers.give_back(len(outcome.attempt.body))
        self._forget(outcome.claim)

    def _forget(self, claimed: Claim) -> None:
        self._in_flight.let_go(claimed)
        self._place_freed.set()

    def _lease_end_ms(self) -> int:
        # All leases of a worker end together: what a dead one held is recovered in one step, in order.
        now_ms, lease_ms = self._core.clock.now_ms(), self._core.settings.lease_ms
        # This late only if the renewer is: the process was stopped, or Redis is away.
        if self._lease_until_ms < now_ms + lease_ms // 2:
            self._lease_until_ms = now_ms + lease_ms
        return self._lease_until_ms

    async def _renew_forever(self) -> None:
        patience = Patience("renew")
        interval_s = self._core.settings.lease_ms / 1000 / RENEWALS_PER_LEASE
        while True:
            await asyncio.sleep(interval_s)
            self._lease_until_ms = self._core.clock.now_ms() + self._core.settings.lease_ms
            claims = self._in_flight.claims
            if not claims:
                continue
            try:
                lost = await self._store.run(renew_leases(claims, lease_until_ms=self._lease_until_ms))
            except (StoreUnavailable, StoreDefect) as error:
                await asyncio.sleep(patience.next_wait_s(error))
                continue
            patience.succeeded()
            for message_id in lost:
                log_event(_log, logging.WARNING, Event.LEASE_LOST, message_id=message_id)
