"""The front as it is shipped: gunicorn with our configuration, where gunicorn itself draws the lines."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.shipped_front import BEARER_LINE, PUBLISH, Front, read, running_front, starting_front


@pytest.fixture(scope="module")
def front(valkey: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Give the shipped server over a real store."""
    with running_front(valkey, tmp_path_factory.mktemp("front")) as (front, _):
        yield front


@pytest.mark.parametrize(("length", "status"), [(60_000, 200), (70_000, 414)])
def test_a_request_line_may_have_64_kb(front: Front, length: int, status: int) -> None:
    """Long destinations fit into the request line; what is longer is refused in our own shape."""
    found, answer = front.ask(f"GET /health?{'x' * length} HTTP/1.1\r\n\r\n")

    assert found == status
    assert (list(answer) == ["error"]) == (status == 414)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ("X-A: 1\r\n" * 200, 200),
        ("X-A: 1\r\n" * 201, 431),
        (f"X-A: {'x' * 16_000}\r\n", 200),
        (f"X-A: {'x' * 16_500}\r\n", 431),
        ("X-A: 1\x1f2\r\n", 400),
        ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400),
    ],
    ids=["many", "too many", "long", "too long", "control character", "two lengths"],
)
def test_headers_have_limits(front: Front, fields: str, status: int) -> None:
    """Headers over the limits and malformed ones are refused with a 4xx in our own shape."""
    found, answer = front.ask(f"GET /health HTTP/1.1\r\n{fields}\r\n")

    assert found == status
    assert (list(answer) == ["error"]) == (status != 200)


def test_repeated_headers_stay_apart(front: Front) -> None:
    """The hook that keeps repeated fields apart is installed."""
    _, receipt = front.ask(f"{PUBLISH}Upstash-Forward-A: 1\r\nUpstash-Forward-A: 2\r\n\r\n")
    _, message = front.ask(f"GET /v2/messages/{receipt['messageId']} HTTP/1.1\r\n{BEARER_LINE}\r\n")

    assert message["header"]["A"] == ["1", "2"]


def test_nothing_is_upgraded(front: Front) -> None:
    """Whoever asks for a WebSocket is refused in our own shape."""
    upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    key = "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"

    assert front.ask(f"GET /health HTTP/1.1\r\n{upgrade}{key}\r\n")[0] == 401


def test_a_large_body_is_refused_before_it_comes(front: Front) -> None:
    """A sender that asks first is refused at once, and never told to go on."""
    with front.connect() as connection:
        connection.sendall(f"{PUBLISH}Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n".encode())
        assert read(connection)[0] == 413


def test_a_sender_may_wait_for_100_continue(front: Front) -> None:
    """A sender that asks first is told to go on, then answered."""
    with front.connect() as connection:
        connection.sendall(f"{PUBLISH}Expect: 100-continue\r\nContent-Length: 3\r\n\r\n".encode())
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        assert read(connection)[0] == 200


def test_a_connection_is_kept(front: Front) -> None:
    """Several requests, one of them chunked, go over one connection."""
    chunked = f"{PUBLISH}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    with front.connect() as connection:
        for wire in (chunked, f"{PUBLISH}\r\n", chunked):
            connection.sendall(wire.encode())
            assert read(connection)[0] == 200


@pytest.mark.parametrize("wire", ["GET /health HTTP/1.1\r\n\r\n", f"{PUBLISH}\r\n"])
def test_stops_without_waiting_for_idle_connections(valkey: str, tmp_path: Path, wire: str) -> None:
    """A connection that is kept for later does not keep a server that was told to stop."""
    with running_front(valkey, tmp_path) as (front, server), front.connect() as connection:
        front.ask(f"{PUBLISH}\r\n")  # from now on it knows the token
        connection.sendall(wire.encode())
        assert read(connection)[0] == 200
        server.terminate()
        # Well below the 30 s that it waits for connections on which something is going on.
        assert server.wait(10) == 0
        assert connection.recv(1) == b""


def test_stops_while_it_starts(tmp_path: Path) -> None:
    """A web process that is told to stop before it serves ends at once, and the server with it."""
    path = tmp_path / "redis.sock"
    with socket.socket(socket.AF_UNIX) as silent_redis:
        silent_redis.bind(str(path))
        silent_redis.listen()
        silent_redis.settimeout(20)
        with starting_front(f"unix://{path}", tmp_path) as (_, server), silent_redis.accept()[0]:
            server.terminate()
            # It would wait for Redis for longer than that, then serve, and be killed after 30 s.
            assert server.wait(3) == 0
