"""Store the messages of concurrent publishes together: they share one round trip to Redis.

While one group is on its way the next one gathers, so that groups grow with the load and a publish that
comes alone waits for nobody. Each caller hears of its own message, and only once that one is in Redis.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from qstash_rq.core import Core
from qstash_rq.errors import LimitExceeded
from qstash_rq.storing import Item, accept_items, first_uses
from qstash_rq.waiting import AsyncExecutor, open_async_store

# Redis serves nobody else while a group is stored: 64 messages take it about 2 ms.
LARGEST_GROUP = 64


@dataclass(frozen=True, slots=True)
class _Waiting:
    user_id: str
    item: Item
    first_use: "asyncio.Future[tuple[str, ...]]"


class GroupCommit:
    """Stores items for the callers of one event loop."""

    def __init__(self, core: Core, store: AsyncExecutor) -> None:
        self._core = core
        self._store = store
        self._waiting: list[_Waiting] = []
        self._running: asyncio.Task[None] | None = None

    def store(self, user_id: str, item: Item) -> "asyncio.Future[tuple[str, ...]]":
        """Begin to store one item; the future has the ids of the first use of its deduplication id, if any.

        It raises LimitExceeded and StoreUnavailable like `store_items`, for this item alone.
        """
        waiting = _Waiting(user_id, item, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return waiting.first_use

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._commit(self._next_group())
        finally:
            self._running = None

    def _next_group(self) -> list[_Waiting]:
        """Take those who wait longest, all of one user, as a call of `accept` has to be."""
        user_id = self._waiting[0].user_id
        group = [one for one in self._waiting if one.user_id == user_id][:LARGEST_GROUP]
        taken = set(map(id, group))
        self._waiting = [one for one in self._waiting if id(one) not in taken]
        return group

    async def _commit(self, group: Sequence[_Waiting]) -> None:
        try:
            call = accept_items(self._core, group[0].user_id, [one.item for one in group])
            answer = await self._store.run(call, replicas=self._core.settings.wait_replicas)
            found = first_uses(self._core, answer)
        except LimitExceeded as error:
            if len(group) == 1:
                _fail(group, error)
                return
            # All or none: nothing was stored. Each alone, so that only those who break the limit hear of it.
            for one in group:
                await self._commit([one])
        except Exception as error:  # noqa: BLE001 - whoever waits raises it
            _fail(group, error)
        else:
            for one, first_use in zip(group, found, strict=True):
                if not one.first_use.done():  # its caller may have hung up
                    one.first_use.set_result(first_use)


def open_group_commit(core: Core) -> GroupCommit:
    """Return a group commit with a connection of its own; it connects when first used."""
    return GroupCommit(core, open_async_store(core.settings))


def _fail(group: Sequence[_Waiting], error: Exception) -> None:
    for one in group:
        if not one.first_use.done():
            one.first_use.set_exception(error)
