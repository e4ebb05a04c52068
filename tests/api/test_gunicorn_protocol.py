"""Plain publishes over real connections: the server answers them itself, beside what it hands on to Flask."""

from collections.abc import Iterator
from socket import SHUT_WR, socket

import pytest

from tests.api.shipped_front import BEARER_LINE, PUBLISH, Front, read, running_front

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
