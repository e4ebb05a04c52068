"""The official Python client asks for deduplication.

Proves its two options and what it reads of the answers; races are told in tests/life.
"""

from typing import Any

import pytest
from qstash import QStash
from qstash.message import EnqueueResponse, PublishResponse

from tests.receiver import Receiver

Response = PublishResponse | EnqueueResponse


def _one(response: object) -> Response:
    assert isinstance(response, PublishResponse | EnqueueResponse)
    return response


def test_by_id(client: QStash, receiver: Receiver) -> None:
    """Whatever the second message is, it is answered with the id of the first and not sent."""
    first = _one(client.message.publish(url=receiver.url("/"), body="1", deduplication_id="a b/1"))
    again = [
        _one(client.message.publish(url=receiver.url("/b"), body="2", deduplication_id="a b/1")),
        _one(client.message.enqueue(queue="q", url=receiver.url("/"), deduplication_id="a b/1")),
    ]
    other = _one(client.message.publish(url=receiver.url("/"), body="1", deduplication_id="a b/2"))

    assert not first.deduplicated
    assert [(one.message_id, one.deduplicated) for one in again] == [(first.message_id, True)] * 2
    assert not other.deduplicated
    arrived = {request.header("upstash-message-id") for request in receiver.wait_for(2)}
    assert arrived == {first.message_id, other.message_id}
    assert {log.message_id for log in client.log.list().logs} == arrived
    assert client.queue.list() == []


@pytest.mark.parametrize(
    "change",
    [{"body": "other"}, {"content_type": "text/html"}, {"headers": {"X-A": "other"}}, {"url": "/other"}],
    ids=lambda change: next(iter(change)),
)
def test_by_content(client: QStash, receiver: Receiver, change: dict[str, Any]) -> None:
    """The same message is a duplicate; one that differs in anything that is delivered is not."""
    same: dict[str, Any] = {"body": "x", "content_type": "text/plain", "headers": {"X-A": "b"}}

    def publish(**changed: Any) -> Response:
        given: dict[str, Any] = {**same, **changed}
        url = receiver.url(given.pop("url", "/"))
        return _one(client.message.publish(url=url, content_based_deduplication=True, **given))

    first, second, different = publish(), publish(), publish(**change)
    assert (second.message_id, second.deduplicated) == (first.message_id, True)
    assert not different.deduplicated


def test_python_s_false_is_no(client: QStash, receiver: Receiver) -> None:
    """The client writes `False`, and that asks for nothing."""
    responses = [
        _one(client.message.publish(url=receiver.url("/"), body="x", content_based_deduplication=False))
        for _ in range(2)
    ]

    assert [response.deduplicated for response in responses] == [False, False]
    receiver.wait_for(2)


def test_a_group_is_decided_once(client: QStash, receiver: Receiver) -> None:
    """Every endpoint of the second call is answered with the id that it got the first time."""
    client.url_group.upsert_endpoints("g", [{"url": receiver.url("/a")}, {"url": receiver.url("/b")}])
    first: Any = client.message.publish(url_group="g", deduplication_id="1")
    second: Any = client.message.publish(url_group="g", deduplication_id="1")

    assert [one.deduplicated for one in first] == [False, False]
    assert [(one.url, one.message_id) for one in second] == [(one.url, one.message_id) for one in first]
    assert [one.deduplicated for one in second] == [True, True]
