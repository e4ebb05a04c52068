"""Confirm the rate windows of deliveries in batches: while one call runs, the next batch gathers."""

import asyncio

from qstash_rq.clock import Clock
from qstash_rq.delivery import Claim
from qstash_rq.errors import StoreDefect, StoreUnavailable
from qstash_rq.rate_windows import Arrival, confirm_windows, gate_name
from qstash_rq.waiting import AsyncExecutor
from workers.departure import Departure
from workers.patience import Patience


class Confirmer:
    """Tell gates of flow-control keys what arrived; of a window only the earliest is told."""

    def __init__(self, clock: Clock, store: AsyncExecutor) -> None:
        self._clock = clock
        self._store = store
        self._waiting: dict[tuple[str, int], int] = {}
        self._some = asyncio.Event()
        self._all_told = asyncio.Event()
        self._all_told.set()

    def departure(self, claimed: Claim) -> Departure | None:
        """Return the departure of a delivery, whose arrival will be told; None without a rate limit."""
        message, window = claimed.message, claimed.window
        if window is None or message.flow is None:
            return None
        gate = gate_name(message.user_id, message.flow.key)
        return Departure(window, self._clock, lambda at_ms: self.add(Arrival(gate, window.began_ms, at_ms)))

    def add(self, arrival: Arrival) -> None:
        """Take one arrival to tell."""
        window = (arrival.gate, arrival.began_ms)
        self._waiting[window] = min(arrival.arrived_ms, self._waiting.get(window, arrival.arrived_ms))
        self._some.set()
        self._all_told.clear()

    async def run(self) -> None:
        """Tell what is added, for ever."""
        patience = Patience("confirm")
        while True:
            await self._some.wait()
            batch, self._waiting = self._waiting, {}
            self._some.clear()
            try:
                await self._store.run(confirm_windows([Arrival(*key, at_ms) for key, at_ms in batch.items()]))
            except StoreUnavailable as error:
                for (gate, began_ms), arrived_ms in batch.items():
                    self.add(Arrival(gate, began_ms, arrived_ms))
                await asyncio.sleep(patience.next_wait_s(error))
                continue
            except StoreDefect as error:
                # Told again it would be as wrong: these windows end as they began, by the clock.
                await asyncio.sleep(patience.next_wait_s(error))
            else:
                patience.succeeded()
            if not self._waiting:
                self._all_told.set()

    async def finish(self) -> None:
        """Return when all that was added is told."""
        await self._all_told.wait()
