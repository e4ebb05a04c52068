"""The official Python client, unchanged, publishes and enqueues, and what it sent arrives.

Proves that the client's requests are understood and its answers parsed. What the server makes of
every header by itself is proved in tests/unit and tests/api.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from qstash import QStash
from qstash.errors import QStashError
from qstash.message import EnqueueResponse, PublishResponse

from qstash_rq.settings import DEVELOPMENT_TOKEN
from tests.receiver import Gate, Receiver, Reply, hang
from tests.running import Product
from tests.sdk.conftest import WaitFor, close
from tests.waiting import wait_until

BODIES: dict[str, tuple[Any, bytes]] = {
    "text": ("žluť", "žluť".encode()),
    "bytes": (b"\x00\xff", b"\x00\xff"),
    "none": (None, b""),
}


def _published(response: object) -> str:
    assert isinstance(response, PublishResponse | EnqueueResponse)
    assert response.deduplicated is False
    return response.message_id


@pytest.mark.parametrize(("body", "expected"), BODIES.values(), ids=BODIES)
def test_publish(client: QStash, receiver: Receiver, wait_for: WaitFor, body: Any, expected: bytes) -> None:
    """Text, bytes and nothing at all arrive as they were given."""
    response = client.message.publish(url=receiver.url("/hook"), body=body)

    assert wait_for(_published(response), "DELIVERED") == ["CREATED", "ACTIVE", "DELIVERED"]
    (request,) = receiver.requests
    assert (request.method, request.path, request.body) == ("POST", "/hook", expected)


@pytest.mark.parametrize("body", [{"a": [1, "ž"]}, None, 9007199254740993], ids=["object", "none", "integer"])
def test_publish_json(client: QStash, receiver: Receiver, body: Any) -> None:
    """JSON arrives as JSON, with its content type; no body at all is `null`, as the client writes it."""
    _published(client.message.publish_json(url=receiver.url("/json"), body=body))

    (request,) = receiver.wait_for(1)
    assert json.loads(request.body) == body
    assert request.header("content-type") == "application/json"


def test_the_clients_environment_variables_suffice(
    product: Product, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An application that uses QStash changes `QSTASH_URL` and nothing else."""
    monkeypatch.setenv("QSTASH_URL", product.url)
    client = QStash(DEVELOPMENT_TOKEN)

    _published(client.message.publish(url=receiver.url("/env"), body="moved"))
    (request,) = receiver.wait_for(1)
    assert request.body == b"moved"
    close(client)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_methods(client: QStash, receiver: Receiver, method: Any) -> None:
    """The delivery uses the method that was asked for."""
    client.message.publish(url=receiver.url("/"), method=method, body="x")

    (request,) = receiver.wait_for(1)
    assert (request.method, request.body) == (method, b"x")


def test_headers_and_content_type(client: QStash, receiver: Receiver) -> None:
    """Headers arrive without the client's prefix, the content type as given."""
    client.message.publish(
        url=receiver.url("/"),
        body="<a/>",
        content_type="application/xml",
        headers={"X-One": "1", "Upstash-Forward-X-Two": "2", "Authorization": "Bearer mine"},
    )

    (request,) = receiver.wait_for(1)
    found = [request.header(name) for name in ("content-type", "x-one", "x-two", "authorization")]
    assert found == ["application/xml", "1", "2", "Bearer mine"]


@pytest.mark.parametrize("delay", [1, "1s"])
def test_delay(client: QStash, receiver: Receiver, delay: Any) -> None:
    """A delay in seconds or as a duration holds the message back that long."""
    message_id = _published(client.message.publish(url=receiver.url("/"), delay=delay))

    message = client.message.get(message_id)
    assert message.not_before == message.created_at + 1000
    receiver.wait_for(1)
    assert time.time_ns() // 1_000_000 >= message.not_before


def test_not_before(client: QStash, receiver: Receiver) -> None:
    """A message for a certain second comes then."""
    due_s = int(time.time()) + 1
    message_id = _published(client.message.publish(url=receiver.url("/"), not_before=due_s))

    assert client.message.get(message_id).not_before == due_s * 1000
    receiver.wait_for(1)
    assert time.time() >= due_s


def test_retries_and_retry_delay(client: QStash, receiver: Receiver, wait_for: WaitFor) -> None:
    """A failing message is tried as often as asked, after the waits that the expression gives."""
    receiver.script("/broken", Reply(status=500))
    message_id = _published(
        client.message.publish(url=receiver.url("/broken"), retries=2, retry_delay="pow(2, retried) * 20")
    )

    again = ["ACTIVE", "ERROR", "RETRY"]
    assert wait_for(message_id, "FAILED") == ["CREATED", *again, *again, "ACTIVE", "ERROR", "FAILED"]
    first, second, third = (request.arrived_ms for request in receiver.requests)
    assert second - first >= 19
    assert third - second >= 39


def test_timeout(client: QStash, receiver: Receiver, wait_for: WaitFor) -> None:
    """An endpoint that takes longer than the timeout has failed."""
    receiver.script("/hang", hang())
    message_id = _published(client.message.publish(url=receiver.url("/hang"), timeout=1, retries=0))

    wait_for(message_id, "FAILED")
    (entry,) = client.dlq.list(filter={"message_id": message_id}).messages
    assert entry.response_status == 0


@pytest.fixture
def gated(receiver: Receiver) -> Iterator[Gate]:
    """Give the gate that holds back the first request to `/line`."""
    gate = Gate()
    receiver.script("/line", Reply(gate=gate), Reply())
    yield gate
    gate.open()


def test_enqueue(client: QStash, receiver: Receiver, gated: Gate) -> None:
    """Enqueued messages arrive one after the other, in order."""
    ids = [
        _published(client.message.enqueue(queue="line", url=receiver.url("/line"), body=str(number)))
        for number in range(3)
    ]
    receiver.wait_for(1)
    assert client.message.get(ids[2]).queue == "line"
    assert client.queue.get("line").lag == 3

    gated.open()
    assert [request.body for request in receiver.wait_for(3)] == [b"0", b"1", b"2"]
    wait_until(lambda: client.queue.get("line").lag == 0, "the queue is empty")


def test_enqueue_json(client: QStash, receiver: Receiver) -> None:
    """Enqueued JSON is delivered with all that publish takes."""
    response = client.message.enqueue_json(
        queue="json", url=receiver.url("/"), body={"n": 1}, method="PUT", headers={"X-A": "b"}, label="l"
    )

    (request,) = receiver.wait_for(1)
    assert (request.method, request.body, request.header("x-a")) == ("PUT", b'{"n": 1}', "b")
    assert client.message.get(_published(response)).label == "l"


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"retries": -1}, "Upstash-Retries"),
        ({"delay": "soon"}, "Upstash-Delay"),
        ({"retry_delay": "retried +"}, "Upstash-Retry-Delay"),
        ({"timeout": "0s"}, "Upstash-Timeout"),
        ({"method": "BREW"}, "Upstash-Method"),
    ],
)
def test_a_refusal_names_the_field(
    client: QStash, receiver: Receiver, arguments: dict[str, Any], field: str
) -> None:
    """The client raises its own error, with the server's words, and nothing is published."""
    with pytest.raises(QStashError, match=f"status: 400, .*{field}"):
        client.message.publish(url=receiver.url("/"), **arguments)

    assert client.log.list().logs == []
