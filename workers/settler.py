"""Settle outcomes in batches: while one call runs, the next batch gathers."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from qstash_rq.core import Core
from qstash_rq.delivery import Delivered, Retry, Settled
from qstash_rq.errors import StoreDefect, StoreUnavailable
from qstash_rq.events import Event, log_event
from qstash_rq.settle import Outcome, bytes_to_settle, settle_outcomes
from qstash_rq.waiting import AsyncExecutor
from workers.patience import Patience

_log = logging.getLogger("qstash_rq.workers")

# Attempts of one call, as few as one call claims and for the same reason.
SETTLE_BATCH = 50
# Bytes after which a call takes no more of them: responses and callbacks may be tens of megabytes each, and a
# call that is not sent within its time-out is sent again and again.
SETTLE_BYTES = 16_000_000


class Settler:
    """Write outcomes until they are written; nothing is dropped while Redis is away."""

    def __init__(
        self, core: Core, store: AsyncExecutor, worker: str, on_settled: Callable[[Outcome], None]
    ) -> None:
        self._core = core
        self._store = store
        self._worker = worker
        self._on_settled = on_settled
        self._waiting: list[Outcome] = []
        self._some = asyncio.Event()

    def add(self, outcome: Outcome) -> None:
        """Take one outcome to settle."""
        self._waiting.append(outcome)
        self._some.set()

    async def run(self) -> None:
        """Settle what is added, for ever."""
        patience = Patience("settle")
        most = SETTLE_BATCH
        while True:
            await self._some.wait()
            batch = self._first(most)
            try:
                words = await self._store.run(
                    settle_outcomes(self._core, worker=self._worker, outcomes=batch)
                )
            except StoreUnavailable as error:
                # The call may have been carried out: sent again, its outcomes are superseded.
                await asyncio.sleep(patience.next_wait_s(error))
                continue
            except StoreDefect as error:
                # One of them cannot be written: alone it fails alone.
                if len(batch) == 1:
                    self._give_up(batch[0], error)
                most = 1
                continue
            patience.succeeded()
            self._take_out(len(batch))
            most = min(SETTLE_BATCH, 2 * most)
            self._report(batch, words)

    def _first(self, most: int) -> list[Outcome]:
        batch: list[Outcome] = []
        size = 0
        for outcome in self._waiting[:most]:
            batch.append(outcome)
            size += bytes_to_settle(outcome)
            if size >= SETTLE_BYTES:
                break
        return batch

    def _take_out(self, count: int) -> None:
        del self._waiting[:count]
        if not self._waiting:
            self._some.clear()

    def _give_up(self, outcome: Outcome, error: StoreDefect) -> None:
        # Its lease ends, and it is delivered again: by then somebody may have repaired its record.
        message_id = outcome.claim.message.message_id
        log_event(_log, logging.ERROR, Event.STORE_DEFECT, who="settle", message_id=message_id)
        _log.error("store.defect in settle:", exc_info=error)
        self._take_out(1)
        self._on_settled(outcome)

    def _report(self, batch: Sequence[Outcome], words: Sequence[Settled]) -> None:
        for outcome, word in zip(batch, words, strict=True):
            self._on_settled(outcome)
            if word is Settled.SUPERSEDED:
                log_event(
                    _log,
                    logging.WARNING,
                    Event.DELIVERY_SUPERSEDED,
                    message_id=outcome.claim.message.message_id,
                    attempt=outcome.claim.attempt,
                )
            # A line for each success would cost more than the delivery: see it with --verbose.
            elif not isinstance(outcome.verdict, Delivered) or _log.isEnabledFor(logging.DEBUG):
                _log_attempt(outcome, word)


def _log_attempt(outcome: Outcome, word: Settled) -> None:
    verdict = outcome.verdict
    log_event(
        _log,
        logging.DEBUG if isinstance(verdict, Delivered) else logging.INFO,
        Event.DELIVERY_ATTEMPTED,
        message_id=outcome.claim.message.message_id,
        attempt=outcome.claim.attempt,
        retried=outcome.claim.retried,
        max_retries=outcome.claim.message.max_retries,
        status=outcome.attempt.status,
        verdict=word.value,
        error=None if isinstance(verdict, Delivered) else verdict.error,
        next_ms=verdict.at_ms if isinstance(verdict, Retry) else None,
    )
