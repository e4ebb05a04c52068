"""Deliver over http and https with libcurl: handles and connections are kept and used again."""

import asyncio
import contextlib
import select
from collections.abc import Callable
from typing import Protocol, cast

import pycurl

from qstash_rq.allowed_hosts import AllowedHosts
from qstash_rq.delivery import Attempt
from qstash_rq.hosts import Resolver, system_resolver
from qstash_rq.settings import Settings
from workers.connect_guard import ConnectGuard
from workers.curl_handle import CurlHandle
from workers.epoll_multi import EpollMulti
from workers.name_lookup import NO_PIN, LookupFailed, NameLookup
from workers.prepared import PreparedDelivery
from workers.wire_request import Unsendable, split_target

# Idle ones are kept beside those in use: workers serve more hosts than they hold deliveries at a time.
_CONNECTIONS_PER_DELIVERY = 2


class Multi(Protocol):
    """What `EpollMulti` and `pycurl.AsyncCurlMulti` have in common."""

    def setopt(self, option: int, value: int) -> None:
        """Set an option of the multi handle."""
        ...

    def add_handle(self, curl: pycurl.Curl) -> "asyncio.Future[pycurl.Curl]":
        """Start the transfer of `curl`."""
        ...

    def remove_handle(self, curl: pycurl.Curl) -> None:
        """Give up the transfer of `curl`; raises RuntimeError when it has ended already."""
        ...

    async def aclose(self) -> None:
        """Give up all transfers and close all connections."""
        ...


def _new_multi() -> Multi:
    if hasattr(select, "epoll"):
        return EpollMulti()
    return cast("Multi", pycurl.AsyncCurlMulti())  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]


class _Pool:
    """One multi handle with its connections, and the easy handles that use no others.

    `allowed` is None where no address is guarded.
    """

    def __init__(self, multi: Multi, names: NameLookup, allowed: AllowedHosts | None) -> None:
        self.multi = multi
        self.names = names
        self._allowed = allowed
        self._idle: list[CurlHandle] = []

    def take(self) -> CurlHandle:
        return self._idle.pop() if self._idle else CurlHandle(self._new_guard())

    def give_back(self, handle: CurlHandle) -> None:
        self._idle.append(handle)

    def _new_guard(self) -> ConnectGuard | None:
        return None if self._allowed is None else ConnectGuard(self._allowed)


class CurlDeliverer:
    """Deliver http and https; `deliver` may be called any number of times at once."""

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
        self._pools: dict[bool, _Pool] = {}

    async def deliver(self, prepared: PreparedDelivery) -> Attempt:
        """Send `prepared` and return what came back; raises nothing but cancellation."""
        pool = self._pools.get(prepared.allow_private) or self._open_pool(prepared.allow_private)
        try:
            base, target = split_target(prepared.url)
            known = pool.names.knows(base)
            pin = NO_PIN if known else await pool.names.look_up(base, prepared.timeout_ms)
        except (Unsendable, LookupFailed) as error:
            return Attempt(error=str(error))
        handle = pool.take()
        try:
            handle.load(prepared, base, target, pin)
            await pool.multi.add_handle(handle.curl)
        except Unsendable as error:
            attempt = Attempt(error=str(error))
        except pycurl.error as error:
            attempt = handle.failure(error)
        except asyncio.CancelledError:
            # It may have ended in the same turn of the loop. The handle is not used again either way.
            with contextlib.suppress(RuntimeError):
                pool.multi.remove_handle(handle.curl)
            raise
        else:
            attempt = handle.response()
        handle.unload()
        pool.give_back(handle)
        return attempt

    async def aclose(self) -> None:
        """Drop what is in flight and close all connections."""
        for pool in self._pools.values():
            await pool.names.aclose()
            await pool.multi.aclose()
        self._pools.clear()

    def _open_pool(self, allow_private: bool) -> _Pool:  # noqa: FBT001 - the key of the pools
        multi = self._new_multi()
        multi.setopt(pycurl.M_MAXCONNECTS, self._concurrency * _CONNECTIONS_PER_DELIVERY)
        names = NameLookup(self._resolve, max_threads=self._concurrency)
        pool = self._pools[allow_private] = _Pool(multi, names, None if allow_private else self._allowed)
        return pool
