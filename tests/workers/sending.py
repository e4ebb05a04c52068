"""Makes prepared deliveries and sends them, each call with a deliverer of its own."""

import asyncio
from collections.abc import Callable
from typing import Any

import uvloop

from qstash_rq.delivery import Attempt
from qstash_rq.hosts import Resolver, system_resolver
from qstash_rq.settings import Settings
from workers.curl_deliverer import CurlDeliverer
from workers.epoll_multi import EpollMulti
from workers.multi import Multi
from workers.prepared import PreparedDelivery

USER_AGENT = ("User-Agent", "Upstash-QStash")


def make_prepared(url: str, **over: Any) -> PreparedDelivery:
    """Return a delivery of `hi` to `url`, which may be on this machine."""
    values: dict[str, Any] = {
        "method": "POST",
        "headers": (USER_AGENT,),
        "body": b"hi",
        "timeout_ms": 5_000,
        "allow_private": True,
        "max_response_bytes": 1_000,
    }
    return PreparedDelivery(url=url, **(values | over))


def send_all(
    *deliveries: PreparedDelivery,
    resolve: Resolver = system_resolver,
    new_multi: Callable[[], Multi] = EpollMulti,
    settings: Settings | None = None,
) -> list[Attempt]:
    """Send `deliveries` one after the other with one deliverer, and return what came back."""

    async def send_in_turn() -> list[Attempt]:
        deliverer = CurlDeliverer(settings or Settings(), resolve=resolve, new_multi=new_multi)
        try:
            return [await deliverer.deliver(delivery) for delivery in deliveries]
        finally:
            await deliverer.aclose()

    # The loop of the worker: its watchers differ from asyncio's own.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(send_in_turn())


def send(url: str, *, resolve: Resolver = system_resolver, **over: Any) -> Attempt:
    """Send one delivery to `url` and return what came back."""
    return send_all(make_prepared(url, **over), resolve=resolve)[0]
