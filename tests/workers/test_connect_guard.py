"""The address guard at connect time, whatever the URL spells and DNS answers."""

import os
import socket
from types import SimpleNamespace

import pycurl
import pytest

from qstash_rq.allowed_hosts import NOTHING_ALLOWED, parse_allowed_hosts
from qstash_rq.delivery import Claim
from qstash_rq.settings import Settings
from tests.factories import make_message
from tests.open_files import no_more_files
from tests.workers.raw_server import OK, raw_server, say
from tests.workers.sending import make_prepared, send, send_all
from workers.connect_guard import ConnectGuard
from workers.preparation import prepare
from workers.transfer_errors import blocked


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.0.0.1.",
        "0.0.0.0",
        "localhost",
        "LOCALHOST.",
        "x.localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::]",
        "user@127.0.0.1",
        "public.example@127.0.0.1",
    ],
)
def test_no_spelling_of_this_machine_is_connected_to(host: str) -> None:
    """With the guard on, a URL that leads here fails with the address it led to."""
    with raw_server(say(OK)) as server:
        attempt = send(f"http://{host}:{server.port}/", allow_private=False)

        assert attempt.error is not None
        assert attempt.error.startswith("blocked: ")
        assert attempt.error.endswith(" is not a public address (QSTASH_ALLOWED_PRIVATE_HOSTS can allow it)")
        assert server.connections == 0


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "64:ff9b::7f00:1"]
)
def test_a_name_that_turns_private_after_publish_is_blocked(address: str) -> None:
    """What DNS answers at the time of connecting decides, not what it answered before."""
    attempt = send("http://rebound.example/", allow_private=False, resolve=lambda _: [address])

    assert attempt.error == blocked(address)


def test_a_name_with_a_private_address_among_others_never_reaches_it() -> None:
    """Each address is judged by itself; the last one that was refused is named."""
    with raw_server(say(OK)) as server:
        attempt = send(
            f"http://mixed.example:{server.port}/",
            allow_private=False,
            resolve=lambda _: ["127.0.0.1", "::1"],
        )

        assert attempt.error in {blocked("127.0.0.1"), blocked("::1")}
        assert server.connections == 0


def test_a_redirect_to_a_private_address_is_an_answer() -> None:
    """Nothing is followed, so nothing is reached through a redirect."""
    with raw_server(say(OK)) as inside:
        away = b"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n" % inside.port
        with raw_server(say(away)) as server:
            attempt = send(f"http://127.0.0.1:{server.port}/")

        assert (attempt.status, inside.connections) == (307, 0)


def test_an_endpoint_cannot_send_the_next_delivery_elsewhere() -> None:
    """Neither `Alt-Svc` nor `Strict-Transport-Security` is remembered: the next goes where its URL says."""
    with raw_server(say(OK)) as inside:
        head = b'HTTP/1.1 200 OK\r\nAlt-Svc: h2="127.0.0.1:%d", http/1.1="127.0.0.1:%d"; ma=99\r\n'
        more = b"Strict-Transport-Security: max-age=99; includeSubDomains\r\nContent-Length: 0\r\n\r\n"
        with raw_server(say(head % (inside.port, inside.port) + more)) as server:
            delivery = make_prepared(f"http://127.0.0.1:{server.port}/")
            attempts = send_all(delivery, delivery)

            assert ([attempt.status for attempt in attempts], len(server.requests)) == ([200, 200], 2)
        assert inside.connections == 0


def test_a_connection_opened_without_the_guard_is_not_used_with_it() -> None:
    """A kept-alive connection was judged by the rules under which it was opened."""
    with raw_server(say(OK)) as server:
        url = f"http://127.0.0.1:{server.port}/"
        open_one, guarded, open_again = send_all(
            make_prepared(url), make_prepared(url, allow_private=False), make_prepared(url)
        )

        assert (open_one.status, guarded.status, open_again.status) == (200, None, 200)
        assert (server.connections, len(server.requests)) == (1, 2)


def test_a_block_is_not_remembered() -> None:
    """The reason belongs to one delivery: the next on the same handle has its own."""

    def resolve(host: str) -> list[str]:
        if host == "unknown.example":
            raise OSError
        return ["127.0.0.1"]

    rebound, unknown = send_all(
        make_prepared("http://rebound.example/", allow_private=False),
        make_prepared("http://unknown.example/", allow_private=False),
        resolve=resolve,
    )

    assert rebound.error == blocked("127.0.0.1")
    assert unknown.error == "could not resolve host"


@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, ("8.8.8.8", 80)), (socket.AF_INET6, ("2606:4700::1", 80, 0, 0))]
)
def test_a_public_address_gets_a_socket(family: int, address: tuple[str, int]) -> None:
    """The guard lets pass what is globally reachable."""
    guard = ConnectGuard(NOTHING_ALLOWED)
    peer = SimpleNamespace(family=family, socktype=socket.SOCK_STREAM, protocol=0, addr=address)

    opened = guard.open_socket(0, peer)

    assert not isinstance(opened, int)
    with socket.socket(fileno=os.dup(opened.fileno())) as copy:
        assert (copy.family, guard.refused) == (family, None)


def test_a_process_without_files_fails_the_attempt() -> None:
    """Where no socket can be opened the guard says why; when there is room again the next one is."""
    guard = ConnectGuard(NOTHING_ALLOWED)
    peer = SimpleNamespace(
        family=socket.AF_INET, socktype=socket.SOCK_STREAM, protocol=0, addr=("8.8.8.8", 80)
    )

    with no_more_files([os.getpid()]):
        assert guard.open_socket(0, peer) == pycurl.SOCKET_BAD
    assert (guard.failed, guard.refused) == ("Too many open files", None)

    guard.clear()
    assert not isinstance(guard.open_socket(0, peer), int)
    assert guard.failed is None


def test_no_descriptor_is_left_behind() -> None:
    """Ours is closed as soon as nobody holds it: libcurl has a copy of its own."""
    guard = ConnectGuard(NOTHING_ALLOWED)
    peer = SimpleNamespace(
        family=socket.AF_INET, socktype=socket.SOCK_STREAM, protocol=0, addr=("8.8.8.8", 80)
    )
    opened = guard.open_socket(0, peer)
    assert not isinstance(opened, int)
    number = opened.fileno()

    del opened

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)


def test_a_socket_that_is_no_internet_socket_is_refused() -> None:
    """A path in the file system is no public address."""
    peer = SimpleNamespace(family=socket.AF_UNIX, socktype=socket.SOCK_STREAM, protocol=0, addr=("/run/x",))

    assert ConnectGuard(NOTHING_ALLOWED).open_socket(0, peer) == pycurl.SOCKET_BAD


@pytest.mark.parametrize(
    ("allowed", "host", "reached"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.0/8", "rebound.example", True),
        ("rebound.example", "rebound.example", True),
        ("rebound.example", "REBOUND.example.", True),
        ("10.0.0.0/8,other.example", "rebound.example", False),
        ("rebound.example", "127.0.0.1", False),
        ("rebound.example", "x.rebound.example", False),
    ],
)
def test_allowed_hosts_are_reached_and_no_others(allowed: str, host: str, reached: bool) -> None:
    """A network lets its addresses through, a name whatever it resolves to; others stay blocked."""
    settings = Settings(allowed_private_hosts=parse_allowed_hosts(allowed))
    with raw_server(say(OK)) as server:
        url = f"http://{host}:{server.port}/"
        claim = Claim(message=make_message(url=url), attempt=1, retried=0, signing_key="sig_1")
        prepared = prepare(claim, settings=settings, now_ms=0, jwt_id="jwt_1")
        [attempt] = send_all(prepared, resolve=lambda _: ["127.0.0.1"], settings=settings)

        assert (attempt.status, server.connections) == ((200, 1) if reached else (None, 0))
        assert reached or attempt.error == blocked("127.0.0.1")
        assert prepared.may_reach("127.0.0.1") is reached
        assert prepared.may_reach("8.8.8.8")
