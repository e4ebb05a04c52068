"""Names that answer differently each time they are asked: public at publish, private later, both at once."""

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import uvloop

from qstash_rq.allowed_hosts import parse_allowed_hosts
from qstash_rq.core import Core
from qstash_rq.delivery import Attempt
from qstash_rq.hosts import system_resolver
from qstash_rq.publish import PublishRequest, publish
from qstash_rq.users import FIRST_USER
from tests.security.canary import Canary, running_canary
from tests.security.corpus import PUBLIC
from tests.security.dns_server import Dns, Records, dns_server
from tests.workers.sending import make_prepared
from workers.curl_deliverer import CurlDeliverer

_PATIENCE_MS = 2_000

# What the name answers: at publish first, then each time a worker asks.
STORIES: dict[str, list[Records]] = {
    "turns private": [(PUBLIC,), ("127.0.0.1",)],
    "turns private in IPv6": [(PUBLIC,), ("::1",)],
    "turns mapped": [(PUBLIC,), ("::ffff:127.0.0.1",)],
    "turns unspecified": [(PUBLIC,), ("0.0.0.0",)],
    "gets a private one too": [(PUBLIC,), (PUBLIC, "127.0.0.1")],
    "gets a private one first": [(PUBLIC,), ("127.0.0.1", PUBLIC)],
    "turns an alias": [(PUBLIC,), ("localhost.test",)],
    "back and forth": [(PUBLIC,), ("127.0.0.1",), (PUBLIC,), ("127.0.0.1",)],
}


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    """Give the service that must not be reached."""
    with running_canary() as running:
        yield running


@pytest.fixture
def guarded(core: Core) -> Core:
    """Give a core with the guard on."""
    allowed = parse_allowed_hosts(PUBLIC)
    return replace(
        core, settings=replace(core.settings, allow_private_networks=False, allowed_private_hosts=allowed)
    )


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch, story: str) -> Iterator[Dns]:
    """Let the operating system ask a name server that plays the story, one answer for each look-up."""
    names: dict[str, list[Records]] = {"rebind.test": [*STORIES[story]], "localhost.test": [("127.0.0.1",)]}
    with dns_server(names) as server:

        def getaddrinfo(host: str, port: Any, **_: Any) -> Any:
            addresses = server.look_up(host)
            server.turn(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield server


def _deliver(core: Core, url: str, times: int, *, allow_private: bool) -> list[Attempt]:
    async def run() -> list[Attempt]:
        deliverer = CurlDeliverer(core.settings, resolve=system_resolver)
        prepared = make_prepared(url, allow_private=allow_private, timeout_ms=_PATIENCE_MS)
        try:
            return [await deliverer.deliver(prepared) for _ in range(times)]
        finally:
            await deliverer.aclose()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())


@pytest.mark.parametrize("story", STORIES)
def test_a_name_that_changes_gains_nothing(guarded: Core, dns: Dns, canary: Canary, story: str) -> None:
    """It is let in for what it is at publish, and judged by what is really connected to."""
    url = f"http://rebind.test:{canary.port}/"
    reached = canary.reached

    publish(guarded, FIRST_USER, PublishRequest(destination=url, headers=(), body=b"x"))
    attempts = _deliver(guarded, url, 3, allow_private=False)

    assert dns.asked, story
    assert [attempt.status for attempt in attempts] == [None, None, None]
    assert (
        any((attempt.error or "").startswith("blocked: ") for attempt in attempts)
        or PUBLIC in STORIES[story][1]
    )
    assert canary.reached == reached


@pytest.mark.parametrize("story", STORIES)
def test_unguarded_the_same_name_leads_there(core: Core, dns: Dns, canary: Canary, story: str) -> None:
    """The name server plays the story to the end: without the guard the canary is reached."""
    url = f"http://rebind.test:{canary.port}/"
    reached = canary.reached

    publish(core, FIRST_USER, PublishRequest(destination=url, headers=(), body=b"x"))
    dns.look_up("rebind.test")
    dns.turn("rebind.test")
    attempts = _deliver(core, url, 1, allow_private=True)

    assert [attempt.status for attempt in attempts] == [200], story
    assert canary.reached == reached + 1


@pytest.mark.parametrize("story", ["turns private"])
def test_proxies_neither_reach_nor_are_reached(
    guarded: Core, dns: Dns, canary: Canary, monkeypatch: pytest.MonkeyPatch, story: str
) -> None:
    """A proxy of the environment on this machine would see every request, and be no public address itself."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    monkeypatch.setenv("no_proxy", "")
    reached = canary.reached

    for scheme in ("http", "https"):
        for private in (True, False):
            attempts = _deliver(guarded, f"{scheme}://{PUBLIC}:9/{story}", 1, allow_private=private)
            assert attempts[0].error == "connection refused"

    assert dns.asked == []
    assert canary.reached == reached
