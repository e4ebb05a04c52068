"""Name look-ups: shared, in time, and never in each other's way."""

import asyncio
import socket
import threading
from collections.abc import Sequence

import pytest

from tests.workers.raw_server import OK, raw_server, say
from tests.workers.sending import make_prepared, send, send_all
from workers.name_lookup import NO_PIN, LookupFailed, NameLookup
from workers.transfer_errors import DNS, DNS_TIMEOUT, TIMEOUT

_TIMEOUT_MS = 5_000


class _Dns:
    """Answers from a table; a name that is not in it hangs until `release`."""

    def __init__(self, **addresses: Sequence[str]) -> None:
        self._addresses = addresses
        self._released = threading.Event()
        self.asked: list[str] = []

    def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        if host in self._addresses:
            return self._addresses[host]
        self._released.wait()
        return ()

    def release(self) -> None:
        self._released.set()


def test_a_name_is_looked_up_once_and_kept() -> None:
    """Several deliveries to a host ask DNS once, also on connections of their own."""
    dns = _Dns(good=["127.0.0.1"])
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with raw_server(say(answer)) as server:
        delivery = make_prepared(f"http://good:{server.port}/")
        attempts = send_all(delivery, delivery, delivery, resolve=dns)

    assert [attempt.status for attempt in attempts] == [200, 200, 200]
    assert dns.asked == ["good"]


def test_every_address_of_a_name_is_tried() -> None:
    """A host that is not reachable at one address is reached at the next."""
    with raw_server(say(OK)) as server:
        attempt = send(f"http://good:{server.port}/", resolve=lambda _: ["::1", "127.0.0.9", "127.0.0.1"])

    assert attempt.status == 200


def test_silent_name_servers_do_not_hold_up_other_hosts() -> None:
    """With as many deliveries to dead domains as there are threads, a known host is still answered."""
    dns = _Dns(good=["127.0.0.1"])

    async def look_up_beside_dead_ones() -> int:
        names = NameLookup(dns, max_threads=50)
        dead = [asyncio.create_task(names.look_up(f"http://dead{n}", _TIMEOUT_MS)) for n in range(49)]
        await names.look_up("http://good", _TIMEOUT_MS)
        waiting = sum(not task.done() for task in dead)
        for task in dead:
            task.cancel()
        await asyncio.gather(*dead, return_exceptions=True)
        await names.aclose()
        return waiting

    try:
        assert asyncio.run(look_up_beside_dead_ones()) == 49
    finally:
        dns.release()


def test_deliveries_to_one_dead_host_share_one_look_up() -> None:
    """They wait together, so a dead host takes one thread, not one for each delivery."""
    dns = _Dns()

    async def wait_together() -> list[BaseException | object]:
        names = NameLookup(dns, max_threads=10)
        waiting = (names.look_up(f"http://dead:{port}", 50) for port in range(1, 31))
        results = await asyncio.gather(*waiting, return_exceptions=True)
        await names.aclose()
        return [*results]

    try:
        results = asyncio.run(wait_together())
    finally:
        dns.release()
    assert [str(result) for result in results] == [DNS_TIMEOUT] * 30
    assert dns.asked == ["dead"]


def test_a_slow_look_up_ends_with_the_delivery() -> None:
    """The time-out covers the look-up, and closing does not wait for it."""
    dns = _Dns()
    try:
        assert send("http://dead.example/", timeout_ms=50, resolve=dns).error == DNS_TIMEOUT
    finally:
        dns.release()


def test_the_time_of_the_look_up_is_taken_off_the_exchange() -> None:
    """A name that answers late leaves less for the rest."""
    pause = threading.Event()

    def late(_: str) -> list[str]:
        pause.wait(0.2)
        return ["127.0.0.1"]

    async def look_up() -> int:
        return (await NameLookup(late, max_threads=1).look_up("http://late", _TIMEOUT_MS)).spent_ms

    assert asyncio.run(look_up()) >= 190
    with raw_server(say()) as server:
        assert send(f"http://late:{server.port}/", timeout_ms=2_000, resolve=late).error == TIMEOUT


@pytest.mark.parametrize(
    "error", [socket.gaierror(socket.EAI_AGAIN, "later"), UnicodeError("label too long")]
)
def test_a_failed_look_up_fails_the_delivery_only(error: Exception) -> None:
    """The next delivery asks again."""
    answers: list[Exception | list[str]] = [error, ["127.0.0.1"]]

    def resolve(_: str) -> list[str]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with raw_server(say(OK)) as server:
        delivery = make_prepared(f"http://flaky:{server.port}/")
        failed, delivered = send_all(delivery, delivery, resolve=resolve)

    assert (failed.status, failed.error) == (None, DNS)
    assert delivered.status == 200


@pytest.mark.parametrize(
    ("base", "addresses", "entry"),
    [
        ("http://a.io", ["192.0.2.1"], "+a.io:80:192.0.2.1"),
        ("https://a.io", ["192.0.2.1", "192.0.2.2"], "+a.io:443:192.0.2.1,192.0.2.2"),
        ("http://u:p@a.io:8080", ["2001:db8::1", "192.0.2.1"], "+a.io:8080:[2001:db8::1],192.0.2.1"),
        ("http://a.io:", ["fe80::1%eth0", "192.0.2.1"], "+a.io:80:192.0.2.1"),
    ],
)
def test_the_answer_is_told_to_libcurl_in_its_own_form(base: str, addresses: list[str], entry: str) -> None:
    """Host, port and addresses; IPv6 in brackets, and none that holds only on one link."""

    async def look_up() -> str:
        return (await NameLookup(lambda _: addresses, max_threads=1).look_up(base, _TIMEOUT_MS)).entry

    assert asyncio.run(look_up()) == entry


@pytest.mark.parametrize("addresses", [[], ["fe80::1%eth0"]])
def test_a_name_without_a_usable_address_is_not_found(addresses: list[str]) -> None:
    """No address, or none that can be connected to."""

    async def look_up() -> None:
        await NameLookup(lambda _: addresses, max_threads=1).look_up("http://a.io", _TIMEOUT_MS)

    with pytest.raises(LookupFailed, match=DNS):
        asyncio.run(look_up())


@pytest.mark.parametrize(
    "host", ["192.0.2.1", "127.1", "0x7f.1", "2130706433", "[::1]", "localhost", "LocalHost.", "a.localhost"]
)
def test_addresses_and_localhost_are_not_looked_up(host: str) -> None:
    """DNS has no say in them."""
    dns = _Dns()

    async def look_up() -> bool:
        names = NameLookup(dns, max_threads=1)
        pin = await names.look_up(f"http://{host}", _TIMEOUT_MS)
        return pin == NO_PIN and names.knows(f"http://{host}")

    assert asyncio.run(look_up())
    assert dns.asked == []
