"""Plain publishes over real connections: the server answers them itself, beside what it hands on to Flask."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPResponse
from pathlib import Path
from socket import SHUT_WR, socket

import pytest
from redis import Redis

from qstash_rq.store import keys
from qstash_rq.users import FIRST_USER
from tests.api.shipped_front import BEARER_LINE, PUBLISH, Front, read, running_front
from tests.waiting import wait_until

_THREE = f"{PUBLISH}Content-Length: 3\r\n"


@pytest.fixture(scope="module")
def front(valkey: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Give the shipped server over a real store; it knows the token already."""
    with running_front(valkey, tmp_path_factory.mktemp("front")) as (front, _):
        front.ask(f"{PUBLISH}\r\n")
        yield front


def rest_of(connection: socket) -> bytes:
    """Read a connection to its end."""
    pieces: list[bytes] = []
    while piece := connection.recv(65_536):
        pieces.append(piece)
    return b"".join(pieces)


def stored_body(front: Front, message_id: str) -> str | None:
    """Return the body of a message as the API shows it."""
    message = front.ask(f"GET /v2/messages/{message_id} HTTP/1.1\r\n{BEARER_LINE}\r\n")[1]
    return message.get("body")


def test_says_what_every_answer_says(front: Front) -> None:
    """The answer has the status line and the fields of answers that went the whole way."""
    with front.connect() as connection:
        connection.sendall(f"{_THREE}Connection: close\r\n\r\nabc".encode())
        head, _, body = rest_of(connection).partition(b"\r\n\r\n")

    status, *fields = head.split(b"\r\n")
    assert status == b"HTTP/1.1 200 OK"
    assert [field.split(b":")[0] for field in fields] == [
        b"Content-Type",
        b"Content-Length",
        b"Server",
        b"Date",
        b"Connection",
    ]
    assert b"Content-Length: %d" % len(body) in fields


def test_pipelined_requests_are_answered_in_order(front: Front) -> None:
    """Requests sent at once, some for the lane, some refused, some for Flask, each get their own answer."""
    wires = [
        f"{_THREE}\r\none",
        f"{_THREE}Upstash-Retries: x\r\n\r\ntwo",
        f"GET /health HTTP/1.1\r\n{BEARER_LINE}\r\n",
        f"{_THREE}Transfer: no\r\n\r\nfor",
    ]
    with front.connect() as connection:
        connection.sendall(("".join(wires) + "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n").encode())
        answers = rest_of(connection).split(b"HTTP/1.1 ")[1:]

    assert [int(answer[:3]) for answer in answers] == [200, 400, 200, 200, 200]
    assert [b"messageId" in answer for answer in answers] == [True, False, False, True, False]


@pytest.mark.parametrize("cut", [30, len(_THREE), len(_THREE) + 2, len(_THREE) + 4])
def test_a_request_may_come_in_pieces(front: Front, cut: int) -> None:
    """However a request is cut, the message has its whole body."""
    wire = f"{_THREE}\r\nabc".encode()
    with front.connect() as connection:
        connection.sendall(wire[:cut])
        # It has been read by the time another connection is answered.
        assert front.is_up()
        connection.sendall(wire[cut:])
        status, receipt = read(connection)

    assert status == 200
    assert stored_body(front, receipt["messageId"]) == "abc"


def test_a_body_that_was_declined_is_not_lost(front: Front) -> None:
    """A publish that the lane leaves to the route after it has read the body keeps it."""
    with front.connect() as connection:
        for wire in (f"{_THREE}Upstash-Cron: x\r\n\r\nabc", f"{_THREE}Origin: https://a.io\r\n\r\nabc"):
            connection.sendall(wire.encode())
            status, answer = read(connection)
            assert status == (400 if "Cron" in wire else 200)
    assert stored_body(front, answer["messageId"]) == "abc"


def test_a_body_that_ends_early_is_no_message(front: Front) -> None:
    """Who hangs up in the middle of a body has published nothing."""
    events = f"GET /v2/events HTTP/1.1\r\n{BEARER_LINE}\r\n"
    before = len(front.ask(events)[1]["events"])
    with front.connect() as connection:
        connection.sendall(f"{PUBLISH}Content-Length: 5\r\n\r\nabc".encode())
        connection.shutdown(SHUT_WR)
        rest_of(connection)

    assert len(front.ask(events)[1]["events"]) == before


def test_http_1_0_is_answered_and_closed(front: Front) -> None:
    """An old client that asks for nothing else gets its answer and the end of the connection."""
    with front.connect() as connection:
        connection.sendall(f"{_THREE}\r\nabc".replace("HTTP/1.1", "HTTP/1.0").encode())
        assert b"messageId" in rest_of(connection)


def test_answers_what_it_has_begun_when_it_is_told_to_stop(valkey: str, tmp_path: Path) -> None:
    """A publish that waits for Redis while the server is stopped is answered, then its connection closed."""
    with (
        running_front(valkey, tmp_path) as (front, server),
        Redis.from_url(valkey) as redis,
        front.connect() as connection,
    ):
        front.ask(f"{PUBLISH}\r\n")
        redis.client_pause(60_000, all=False)
        connection.sendall(f"{_THREE}\r\nabc".encode())
        wait_until(lambda: redis.info("clients")["blocked_clients"] == 1, "the publish waits")
        server.terminate()
        wait_until(lambda: not front.is_up(), "the server takes no more connections")
        redis.client_unpause()
        with HTTPResponse(connection) as answer:
            answer.begin()
            assert (answer.status, answer.headers["Connection"]) == (200, "close")
        assert server.wait(10) == 0


def test_a_client_may_read_late(front: Front) -> None:
    """Who sends many publishes and reads no answer is not read from for a while, and gets every answer."""
    wire, count = f"{_THREE}\r\nabc".encode(), 2_000
    last = f"GET /health HTTP/1.1\r\nConnection: close\r\n{BEARER_LINE}\r\n".encode()
    with front.connect() as connection, ThreadPoolExecutor() as threads:
        sending = threads.submit(connection.sendall, wire * count + last)
        # A hundred answers later what this one has asked is answered as well.
        assert all(front.ask(f"{PUBLISH}\r\n")[0] == 200 for _ in range(100))
        statuses = [line[:3] for line in rest_of(connection).split(b"HTTP/1.1 ")[1:]]
        sending.result()

    assert statuses == [b"200"] * (count + 1)


def test_a_defect_is_told_and_ends_the_connection(valkey: str, tmp_path: Path) -> None:
    """What should not happen is a 500 in the one shape of an error, and a line in the log."""
    with (
        running_front(valkey, tmp_path) as (front, _),
        Redis.from_url(valkey) as redis,
        front.connect() as connection,
    ):
        front.ask(f"{PUBLISH}\r\n")
        redis.set(keys.LIVE(FIRST_USER), "ruined")
        connection.sendall(f"{_THREE}\r\nabc".encode())
        answer = rest_of(connection)
        redis.delete(keys.LIVE(FIRST_USER))
    assert answer.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert answer.endswith(b'\r\n\r\n{"error": "internal error"}\n')
    assert "api.defect" in (tmp_path / "log").read_text()
