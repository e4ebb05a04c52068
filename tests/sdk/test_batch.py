"""The official Python client sends batches.

Proves that its items are understood and each element of the answer is in its place; what one option does is
proved in test_options.py, and the many ways to be refused in tests/api.
"""

from typing import Any

import pytest
from qstash import QStash
from qstash.errors import QStashError
from qstash.message import BatchResponse, BatchUrlGroupResponse

from tests.receiver import Receiver


@pytest.fixture
def group(client: QStash, receiver: Receiver) -> str:
    """Give the name of a URL group of two."""
    client.url_group.upsert_endpoints(
        "pair", [{"url": receiver.url("/left")}, {"url": receiver.url("/right")}]
    )
    return "pair"


def test_batch(client: QStash, receiver: Receiver, group: str) -> None:
    """URLs, groups and queues are mixed, and each element stands where its item stood."""
    plain, to_group, queued, group_queued = client.message.batch(
        [
            {"url": receiver.url("/plain"), "body": "žluť", "headers": {"X-A": "b"}, "method": "PUT"},
            {"url_group": group, "body": "both"},
            {"url": receiver.url("/queued"), "queue": "line"},
            {"url_group": group, "queue": "line", "body": "queued"},
        ]
    )

    assert isinstance(plain, BatchResponse)
    assert isinstance(queued, BatchResponse)
    assert isinstance(to_group, list)
    assert isinstance(group_queued, list)
    urls = [receiver.url("/left"), receiver.url("/right")]
    assert [one.url for one in to_group] == [one.url for one in group_queued] == urls
    assert all(isinstance(one, BatchUrlGroupResponse) and not one.deduplicated for one in to_group)
    arrived = {request.header("upstash-message-id"): request for request in receiver.wait_for(6)}
    ids = [plain.message_id, queued.message_id, *(one.message_id for one in [*to_group, *group_queued])]
    assert arrived.keys() == {*ids}
    request = arrived[plain.message_id]
    assert (request.method, request.header("x-a"), request.body) == ("PUT", "b", "žluť".encode())
    assert [arrived[one.message_id].body for one in group_queued] == [b"queued"] * 2
    assert client.message.get(queued.message_id).queue == "line"
    assert client.message.get(plain.message_id).queue is None


def test_batch_json(client: QStash, receiver: Receiver) -> None:
    """Each body is serialised by itself; one that is not given is `null`."""
    responses = client.message.batch_json(
        [{"url": receiver.url("/"), "body": {"n": 1}}, {"url": receiver.url("/"), "queue": "line"}]
    )

    bodies = {
        request.header("upstash-message-id"): (request.header("content-type"), request.body)
        for request in receiver.wait_for(2)
    }
    assert [bodies[one.message_id] for one in responses if isinstance(one, BatchResponse)] == [
        ("application/json", b'{"n": 1}'),
        ("application/json", b"null"),
    ]


def test_one_item_is_a_batch_too(client: QStash, receiver: Receiver) -> None:
    """The answer to a single item is a list of one."""
    (response,) = client.message.batch([{"url": receiver.url("/"), "body": "x"}])

    assert isinstance(response, BatchResponse)
    (request,) = receiver.wait_for(1)
    assert request.header("upstash-message-id") == response.message_id


def test_duplicates_in_one_batch(client: QStash, receiver: Receiver) -> None:
    """The second of two equal items, and all of them the next time, are answered with the first one's id."""
    items: Any = [{"url": receiver.url("/"), "body": "x", "content_based_deduplication": True}] * 2
    first, second, *rest = [*client.message.batch(items), *client.message.batch(items)]

    assert isinstance(first, BatchResponse)
    assert not first.deduplicated
    assert [second, *rest] == [BatchResponse(message_id=first.message_id, deduplicated=True)] * 3
    assert {log.message_id for log in client.log.list().logs} == {first.message_id}
    receiver.wait_for(1)


def test_one_bad_item_and_nothing_is_sent(client: QStash, receiver: Receiver) -> None:
    """The whole call is refused, in words that name the item and its field."""
    with pytest.raises(QStashError, match=r"status: 400, .*1.*Upstash-Retries"):
        client.message.batch([{"url": receiver.url("/")}, {"url": receiver.url("/"), "retries": -1}])

    assert client.log.list().logs == []
