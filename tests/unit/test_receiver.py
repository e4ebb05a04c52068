"""The scripted receiver itself: other tests are only as true as it is."""

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.receiver import Gate, Receiver, Reply, Request, hang
from tests.waiting import wait_until


def _raw(receiver: Receiver, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=5) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: sock.recv(65536), b""))


def test_remembers_what_came(receiver: Receiver) -> None:
    """Target, headers and body are kept as they were on the wire."""
    _raw(
        receiver,
        b"PUT /a//b%20c?x=%2F HTTP/1.1\r\nX-Y: \xff\xc3\xa9\r\nContent-Length: 3\r\n\r\n\x00\xff\n",
    )

    (request,) = receiver.requests
    assert (request.method, request.target, request.body) == ("PUT", "/a//b%20c?x=%2F", b"\x00\xff\n")
    assert request.path == "/a//b%20c"
    assert request.header("x-y") == "\udcffé"


def test_reads_chunks_in_any_cut(receiver: Receiver) -> None:
    """A chunked body is put together however the bytes are cut."""
    wire = b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=5) as sock:
        for byte in wire:
            sock.sendall(bytes([byte]))
        assert sock.recv(100).startswith(b"HTTP/1.1 200 OK")

    assert [request.body for request in receiver.requests] == [b"abcde"]


def test_answers_in_the_scripted_order(receiver: Receiver) -> None:
    """Each request takes the next answer; the last one stays."""
    receiver.script("/s", Reply(status=503, headers=(("Retry-After", "1"),)), Reply(status=201, body=b"done"))

    answers = [requests.get(receiver.url("/s"), timeout=5) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [503, 201, 201]
    assert answers[0].headers["Retry-After"] == "1"
    assert answers[2].content == b"done"


def test_a_script_may_look_at_the_request(receiver: Receiver) -> None:
    """A function in place of a reply is called with the request."""

    def echo(request: Request) -> Reply:
        return Reply(body=request.body)

    receiver.script("/e", echo)

    assert requests.post(receiver.url("/e"), data=b"x", timeout=5).content == b"x"


def test_holds_an_answer_until_the_gate_opens(receiver: Receiver) -> None:
    """A gated request counts as open until the test lets it go."""
    gate = Gate()
    receiver.script("/g", Reply(gate=gate))

    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(requests.get, receiver.url("/g"), timeout=5) for _ in range(3)]
        receiver.wait_for(3, "/g")
        assert receiver.open_requests == 3
        gate.open()
        assert {answer.result().status_code for answer in waiting} == {200}

    wait_until(lambda: receiver.open_requests == 0, "the receiver has seen its answers off")
    assert receiver.most_open_requests == 3


def test_sends_a_body_in_two_halves(receiver: Receiver) -> None:
    """With a body gate the head comes at once and the rest when the gate opens."""
    gate = Gate()
    receiver.script("/b", Reply(body=b"12345678", body_gate=gate))

    with requests.get(receiver.url("/b"), stream=True, timeout=5) as answer:
        assert answer.raw.read(4) == b"1234"
        gate.open()
        assert answer.raw.read() == b"5678"


def test_counts_senders_that_give_up(receiver: Receiver) -> None:
    """A sender that hangs up before the answer is seen."""
    receiver.script("/h", hang())

    with pytest.raises(requests.ReadTimeout):
        requests.get(receiver.url("/h"), timeout=0.05)

    receiver.wait_until_hung_up(1)
    assert receiver.open_requests == 0


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(reset=True), requests.ConnectionError),
        (Reply(raw=b""), requests.ConnectionError),
        (Reply(raw=b"HTTP/1.1 banana\r\n\r\n"), requests.ConnectionError),
    ],
    ids=["reset", "closed", "garbage"],
)
def test_misbehaves_as_told(receiver: Receiver, reply: Reply, error: type[Exception]) -> None:
    """A reset, an early close and a garbage status line reach the sender."""
    receiver.script("/bad", reply)

    with pytest.raises(error):
        requests.get(receiver.url("/bad"), timeout=5)


def test_an_endless_body_ends_with_the_sender(receiver: Receiver) -> None:
    """An endless body flows until the sender hangs up, without filling memory."""
    receiver.script("/endless", Reply(body=b"x" * 65536, endless=True))

    with requests.get(receiver.url("/endless"), stream=True, timeout=5) as answer:
        assert len(answer.raw.read(3_000_000)) == 3_000_000

    receiver.wait_until_hung_up(1)


def test_says_continue_when_asked(receiver: Receiver) -> None:
    """A sender that waits for `100 Continue` gets it before its body has come."""
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=5) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"x")
        assert sock.recv(100).startswith(b"HTTP/1.1 200 OK")
