"""The official Python client reads the logs.

Proves that its closed list of states can hold all we write, that every filter it has narrows the list,
and that its cursor pages; how the log looks for each story is told in tests/life.
"""

from base64 import b64decode
from typing import Any

from qstash import QStash
from qstash.log import LogState
from qstash.message import EnqueueResponse, PublishResponse

from tests.receiver import Receiver, Reply
from tests.sdk.conftest import WaitFor


def _id(response: object) -> str:
    assert isinstance(response, PublishResponse | EnqueueResponse)
    return response.message_id


def test_list(client: QStash, receiver: Receiver, wait_for: WaitFor) -> None:
    """Entries come newest first with what the client knows to read in them."""
    receiver.script("/flaky", Reply(status=500, body=b"oops"), Reply())
    message_id = _id(
        client.message.publish(
            url=receiver.url("/flaky"),
            body="abc",
            headers={"X-A": "b"},
            retry_delay="5",
            timeout=9,
            label="l",
        )
    )
    wait_for(message_id, "DELIVERED")

    logs = client.log.list().logs
    assert [log.state.value for log in logs] == [
        "DELIVERED",
        "ACTIVE",
        "RETRY",
        "ERROR",
        "ACTIVE",
        "CREATED",
    ]
    assert {(log.message_id, log.url, log.method, log.max_retries) for log in logs} == {
        (message_id, receiver.url("/flaky"), "POST", 3)
    }
    assert {(log.body_base64, log.label, log.retry_delay_expression) for log in logs} == {("YWJj", "l", "5")}
    assert all(log.headers == {"X-A": ["b"]} and log.timeout == 9000 for log in logs)
    error = logs[3]
    assert (error.error, error.response_status) == ("500 Internal Server Error", 500)
    assert b64decode(error.response_body or "") == b"oops"
    assert error.response_headers == {"Content-Length": ["4"]}
    assert error.next_delivery_time == logs[2].next_delivery_time
    assert [log.time for log in logs] == sorted((log.time for log in logs), reverse=True)


def test_cursor(client: QStash, receiver: Receiver, wait_for: WaitFor) -> None:
    """The cursor leads through all entries without a gap or a repeat."""
    ids = [_id(client.message.publish(url=receiver.url("/"))) for _ in range(5)]
    for message_id in ids:
        wait_for(message_id, "DELIVERED")

    seen: list[tuple[str, LogState]] = []
    page = client.log.list(count=4)
    while True:
        seen.extend((log.message_id, log.state) for log in page.logs)
        if page.cursor is None:
            break
        page = client.log.list(cursor=page.cursor, count=4)
    assert len(seen) == len(set(seen)) == 15
    assert {message_id for message_id, _ in seen} == set(ids)


def test_filters(client: QStash, receiver: Receiver, wait_for: WaitFor) -> None:
    """Each filter of the client narrows the list."""
    one = _id(client.message.publish(url=receiver.url("/one"), label="a"))
    two = _id(client.message.enqueue(queue="q", url=receiver.url("/two"), label="b"))
    for message_id in (one, two):
        wait_for(message_id, "DELIVERED")

    def chosen(**wanted: Any) -> set[str]:
        return {log.message_id for log in client.log.list(filter=wanted).logs}  # type: ignore[arg-type]

    assert chosen() == chosen(message_ids=[one, two]) == {one, two}
    assert chosen(message_id=one) == chosen(url=receiver.url("/one")) == chosen(label="a") == {one}
    assert chosen(queue="q") == chosen(label="b", state=LogState.DELIVERED) == {two}
    assert chosen(label="a", queue="q") == chosen(state=LogState.FAILED) == set()
    assert chosen(state=LogState.IN_PROGRESS) == {one, two}
    last_ms = client.log.list().logs[0].time
    assert chosen(from_time=last_ms, to_time=last_ms) >= {client.log.list().logs[0].message_id}
    assert chosen(from_time=last_ms + 60_000) == chosen(to_time=last_ms - 3_600_000) == set()


def test_every_state_is_known_to_the_client(client: QStash, receiver: Receiver, wait_for: WaitFor) -> None:
    """The states the client knows are all there are: cancelled and failed messages are read as well."""
    receiver.script("/broken", Reply(status=500))
    failed = _id(client.message.publish(url=receiver.url("/broken"), retries=0))
    cancelled = _id(client.message.publish(url=receiver.url("/"), delay="1h"))
    client.message.cancel(cancelled)
    wait_for(failed, "FAILED")

    assert {log.state for log in client.log.list().logs} == {
        LogState.CREATED,
        LogState.ACTIVE,
        LogState.ERROR,
        LogState.FAILED,
        LogState.CANCEL_REQUESTED,
        LogState.CANCELED,
    }
