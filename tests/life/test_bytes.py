"""What a publisher sends arrives unchanged: every byte of the body, every character of the headers."""

import random

import pytest

from tests.life.caller import Caller
from tests.receiver import Receiver

BODIES = {
    "empty": b"",
    "nul": b"\x00",
    "all-bytes": bytes(range(256)),
    "invalid-utf8": b"\xff\xfe\xc3(\xed\xa0\x80",
    "utf8": "žluťoučký 🐎".encode(),
    "large-integers": b'{"a": 9007199254740993, "b": 1e400, "a": 2}',
    "line-breaks": b"\r\n\r\n\n a\r\n",
    "looks-chunked": b"5\r\nhello\r\n0\r\n\r\n",
    "megabyte": random.Random(1).randbytes(1_000_000),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_arrives_byte_for_byte(api: Caller, receiver: Receiver, body: bytes) -> None:
    """Whatever the bytes are, the endpoint gets those, once."""
    message_id = api.publish(receiver.url("/b"), body, headers={"Content-Type": "application/octet-stream"})

    api.wait_until_delivered(message_id)
    (request,) = receiver.requests
    assert request.body == body
    assert request.header("transfer-encoding") is None


def test_a_chunked_body_arrives_whole(api: Caller, receiver: Receiver) -> None:
    """A publisher may send in chunks; the delivery has a length."""
    answer = api.call(
        "POST",
        f"/v2/publish/{receiver.url('/chunks')}",
        headers={"Transfer-Encoding": "chunked", "Content-Type": "a/b"},
        raw_body=b"5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\n\r\n",
    )
    assert answer.status == 200

    (request,) = receiver.wait_for(1)
    assert (request.body, request.header("content-length")) == (b"hello, world", "12")


@pytest.mark.parametrize(
    "value",
    ["plain", "žluťoučký 🐎", "a, b;  c", '"quoted \\" text"', "x" * 8000, "", "\t tabs\tinside \t"],
    ids=["plain", "utf8", "comma", "quotes", "long", "empty", "blanks"],
)
def test_a_forwarded_value_arrives_unchanged(api: Caller, receiver: Receiver, value: str) -> None:
    """A header value keeps its characters, commas and quotes; only blanks around it may go."""
    api.publish(receiver.url("/h"), headers={"Upstash-Forward-X-Value": value})

    (request,) = receiver.wait_for(1)
    assert request.header("x-value") == value.strip()


def test_a_header_given_twice_arrives_twice(api: Caller, receiver: Receiver) -> None:
    """Values of one name stay apart and in order, in the message as read back too."""
    fields = [("Upstash-Forward-X-Many", "a, b"), ("Upstash-Forward-X-Many", "c"), ("Upstash-Forward-X", "d")]
    message_id = api.publish(receiver.url("/h"), headers=fields)

    (request,) = receiver.wait_for(1)
    assert [value for name, value in request.headers if name.lower() == "x-many"] == ["a, b", "c"]
    assert api.get(f"/v2/messages/{message_id}")["header"] == {"X-Many": ["a, b", "c"], "X": ["d"]}


def test_forwarded_headers_never_replace_ours(api: Caller, receiver: Receiver) -> None:
    """A publisher cannot forge what says where a delivery comes from, nor how long it is."""
    forged = ("Host", "Content-Length", "Transfer-Encoding", "Upstash-Message-Id", "Upstash-Signature")
    headers = {f"Upstash-Forward-{name}": "7" for name in forged}
    message_id = api.publish(receiver.url("/h"), b"abc", headers=headers)

    (request,) = receiver.wait_for(1)
    assert request.body == b"abc"
    assert request.header("upstash-message-id") == message_id
    names = [name.lower() for name, _ in request.headers]
    assert len(names) == len(set(names))
