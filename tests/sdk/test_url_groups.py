"""The official Python client manages URL groups and publishes to them.

Proves its calls, the fields it parses and the answers of a fan-out; the rules of merging stand in tests/unit.
"""

import time

import pytest
from qstash import QStash
from qstash.errors import QStashError
from qstash.message import EnqueueUrlGroupResponse, PublishUrlGroupResponse
from qstash.url_group import Endpoint

from tests.receiver import Receiver


def test_upsert_get_and_remove(client: QStash) -> None:
    """Endpoints are added, renamed, moved and removed; the order is that of their coming."""
    before_ms = time.time_ns() // 1_000_000
    client.url_group.upsert_endpoints(
        "g", [{"url": "http://a.io/1", "name": "one"}, {"url": "http://a.io/2"}, {"url": "http://a.io/3"}]
    )
    group = client.url_group.get("g")
    assert group.name == "g"
    assert before_ms <= group.created_at <= group.updated_at
    assert group.endpoints == [
        Endpoint(url="http://a.io/1", name="one"),
        Endpoint(url="http://a.io/2", name=None),
        Endpoint(url="http://a.io/3", name=None),
    ]

    client.url_group.upsert_endpoints(
        "g", [{"url": "http://a.io/new", "name": "one"}, {"url": "http://a.io/2", "name": "two"}]
    )
    client.url_group.remove_endpoints("g", [{"url": "http://a.io/3"}, {"name": "unknown"}])
    changed = client.url_group.get("g")
    assert changed.endpoints == [
        Endpoint(url="http://a.io/new", name="one"),
        Endpoint(url="http://a.io/2", name="two"),
    ]
    assert changed.created_at == group.created_at
    assert changed.updated_at >= group.updated_at


def test_a_group_goes_with_its_last_endpoint(client: QStash) -> None:
    """Removing all endpoints deletes the group."""
    client.url_group.upsert_endpoints("g", [{"url": "http://a.io/1", "name": "one"}])
    client.url_group.remove_endpoints("g", [{"name": "one"}])

    with pytest.raises(QStashError, match="status: 404"):
        client.url_group.get("g")


def test_list_and_delete(client: QStash) -> None:
    """The list has the user's groups and nothing else; deleting one that is not there is no error."""
    assert client.url_group.list() == []
    for name in ("b", "A.c-d_e"):
        client.url_group.upsert_endpoints(name, [{"url": "http://a.io"}])
    assert {group.name for group in client.url_group.list()} == {"b", "A.c-d_e"}

    for name in ("b", "A.c-d_e", "never-there"):
        client.url_group.delete(name)
    assert client.url_group.list() == []


def test_publish_to_a_group(client: QStash, receiver: Receiver) -> None:
    """Every endpoint gets a message of its own; the answer has them in the order of the endpoints."""
    urls = [receiver.url(f"/{number}") for number in range(3)]
    client.url_group.upsert_endpoints("g", [{"url": url, "name": url[-1]} for url in urls])

    published = client.message.publish(url_group="g", body="x")
    queued = client.message.enqueue(queue="line", url_group="g", body="y")
    assert isinstance(published, list)
    assert isinstance(queued, list)
    assert all(isinstance(one, PublishUrlGroupResponse) for one in published)
    assert all(isinstance(one, EnqueueUrlGroupResponse) for one in queued)
    assert [one.url for one in published] == [one.url for one in queued] == urls
    arrived = {request.header("upstash-message-id"): request for request in receiver.wait_for(6)}
    for one in (*published, *queued):
        request = arrived[one.message_id]
        assert receiver.url(request.path) == one.url
        assert request.header("upstash-topic-name") == "g"
    message = client.message.get(queued[1].message_id)
    assert (message.url_group, message.endpoint, message.queue) == ("g", "1", "line")


def test_an_unknown_group(client: QStash) -> None:
    """Publishing to a group that is not there is an error that names it."""
    with pytest.raises(QStashError, match=r"status: 404, .*topic nowhere not found"):
        client.message.publish(url_group="nowhere")


@pytest.mark.parametrize("url", ["ftp://a.io", "a.io", ""])
def test_an_endpoint_needs_a_url(client: QStash, url: str) -> None:
    """An endpoint that nothing can be sent to is refused and makes no group."""
    with pytest.raises(QStashError, match="status: 400"):
        client.url_group.upsert_endpoints("g", [{"url": url}])

    assert client.url_group.list() == []
