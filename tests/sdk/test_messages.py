"""The official Python client reads and cancels messages.

Proves that every field the client parses is there and has its meaning, and that the client's three
ways to cancel work; not what cancelling does in every state of a message (tests/life).
"""

import pytest
from qstash import QStash
from qstash.errors import QStashError
from qstash.message import PublishResponse

from tests.receiver import Receiver
from tests.sdk.conftest import WaitFor


def _later(client: QStash, receiver: Receiver) -> str:
    response = client.message.publish(url=receiver.url("/"), delay="1h")
    assert isinstance(response, PublishResponse)
    return response.message_id


def test_get(client: QStash, receiver: Receiver) -> None:
    """A message comes back as it was published."""
    response = client.message.publish(
        url=receiver.url("/a?b=c"),
        body="text",
        content_type="text/plain",
        headers={"x-key": "v"},
        method="PUT",
        retries=7,
        retry_delay="1000 * (1 + retried)",
        delay="30s",
        label="mine",
    )
    assert isinstance(response, PublishResponse)

    message = client.message.get(response.message_id)
    assert message.message_id == response.message_id
    assert (message.url, message.method) == (receiver.url("/a?b=c"), "PUT")
    assert (message.body, message.body_base64) == ("text", None)
    assert message.headers == {"Content-Type": ["text/plain"], "X-Key": ["v"]}
    assert (message.max_retries, message.retry_delay_expression) == (7, "1000 * (1 + retried)")
    assert message.not_before - message.created_at == 30_000
    assert (message.label, message.caller_ip) == ("mine", "127.0.0.1")
    assert message.queue is message.url_group is message.endpoint is message.schedule_id is None
    assert message.callback is message.failure_callback is message.flow_control is None


def test_get_of_bytes(client: QStash, receiver: Receiver) -> None:
    """A body that is no text comes as base64."""
    response = client.message.publish(url=receiver.url("/"), body=b"\xff\x00", delay="1h")
    assert isinstance(response, PublishResponse)

    message = client.message.get(response.message_id)
    assert (message.body, message.body_base64) == (None, "/wA=")


def test_get_after_delivery(client: QStash, receiver: Receiver, wait_for: WaitFor) -> None:
    """A message is still found moments after it was delivered."""
    response = client.message.publish(url=receiver.url("/"))
    assert isinstance(response, PublishResponse)
    wait_for(response.message_id, "DELIVERED")

    assert client.message.get(response.message_id).url == receiver.url("/")


def test_cancel(client: QStash, receiver: Receiver, wait_for: WaitFor) -> None:
    """A cancelled message is gone, for a second cancel too."""
    message_id = _later(client, receiver)
    client.message.cancel(message_id)

    assert wait_for(message_id, "CANCELED") == ["CREATED", "CANCEL_REQUESTED", "CANCELED"]
    for call in (client.message.get, client.message.cancel):
        with pytest.raises(QStashError, match="status: 404"):
            call(message_id)


def test_cancel_many(client: QStash, receiver: Receiver) -> None:
    """Of the ids given those that live are cancelled and counted."""
    ids = [_later(client, receiver) for _ in range(3)]

    assert client.message.cancel_many([*ids[:2], "msg_unknown"]) == 2
    assert client.message.cancel_many(ids) == 1


def test_cancel_all(client: QStash, receiver: Receiver, wait_for: WaitFor) -> None:
    """Everything that lives is cancelled; what was delivered or cancelled before is not counted."""
    done = client.message.publish(url=receiver.url("/"))
    assert isinstance(done, PublishResponse)
    wait_for(done.message_id, "DELIVERED")
    ids = [_later(client, receiver) for _ in range(3)]
    client.message.cancel(ids[0])

    assert client.message.cancel_all() == 2
    assert client.message.cancel_all() == 0
