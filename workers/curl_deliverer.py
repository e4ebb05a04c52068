"""Deliver over http and https with libcurl: handles and connections are kept and used again."""

import asyncio
import select
from collections.abc import Callable

import pycurl

from qstash_rq.delivery import Attempt
from qstash_rq.hosts import Resolver, system_resolver
from qstash_rq.settings import Settings
from workers.curl_handle import Done
from workers.curl_pool import CurlPool
from workers.epoll_multi import EpollMulti
from workers.future_multi import FutureMulti
from workers.multi import Multi
from workers.name_lookup import NO_PIN, LookupFailed, NameLookup
from workers.prepared import PreparedDelivery
from workers.wire_request import Unsendable, split_target

# Idle ones are kept beside those in use: workers serve more hosts than they hold deliveries at a time.
_CONNECTIONS_PER_DELIVERY = 2


def _new_multi() -> Multi:
    return EpollMulti() if hasattr(select, "epoll") else FutureMulti()


class CurlDeliverer:
    """Deliver http and https; `start` and `deliver` may be called any number of times at once."""

    def __init__(
        self,
        settings: Settings,
        *,
        resolve: Resolver = system_resolver,
        new_multi: Callable[[], Multi] = _new_multi,
    ) -> None:
        self._concurrency = settings.worker_concurrency
        self._allowed = settings.allowed_private_hosts
        self._resolve = resolve
        self._new_multi = new_multi
        # Apart, because an address is checked when a connection is opened and not when it is used again.
        self._pools: dict[bool, CurlPool] = {}
        self._awaited: set[asyncio.Future[Attempt]] = set()

    def start(self, prepared: PreparedDelivery, done: Done) -> bool:
        """Begin to send `prepared`, of which `done` will hear; False if it has to be awaited."""
        pool = self._pools.get(prepared.allow_private) or self._open_pool(prepared.allow_private)
        try:
            base, target = split_target(prepared.url)
        except Unsendable:
            return False
        if not pool.names.knows(base):
            return False
        pool.send(prepared, base, target, NO_PIN, done)
        return True

    async def deliver(self, prepared: PreparedDelivery) -> Attempt:
        """Send `prepared` and return what came back; raises nothing but cancellation."""
        pool = self._pools.get(prepared.allow_private) or self._open_pool(prepared.allow_private)
        try:
            base, target = split_target(prepared.url)
            known = pool.names.knows(base)
            pin = NO_PIN if known else await pool.names.look_up(base, prepared.timeout_ms)
        except (Unsendable, LookupFailed) as error:
            return Attempt(error=str(error))
        answer: asyncio.Future[Attempt] = asyncio.get_running_loop().create_future()

        def done(attempt: Attempt) -> None:
            # It may have been given up in the same turn of the loop.
            if not answer.done():
                answer.set_result(attempt)

        self._awaited.add(answer)
        handle = pool.send(prepared, base, target, pin, done)
        try:
            return await answer
        except asyncio.CancelledError:
            pool.give_up(handle, done)
            raise
        finally:
            self._awaited.discard(answer)

    async def aclose(self) -> None:
        """Drop what is in flight and close all connections; whoever awaits a delivery is cancelled."""
        for pool in self._pools.values():
            await pool.names.aclose()
            await pool.multi.aclose()
        self._pools.clear()
        for answer in self._awaited:
            answer.cancel()

    def _open_pool(self, allow_private: bool) -> CurlPool:  # noqa: FBT001 - the key of the pools
        multi = self._new_multi()
        multi.setopt(pycurl.M_MAXCONNECTS, self._concurrency * _CONNECTIONS_PER_DELIVERY)
        names = NameLookup(self._resolve, max_threads=self._concurrency)
        pool = CurlPool(multi, names, None if allow_private else self._allowed)
        self._pools[allow_private] = pool
        return pool
