"""The official Python client works through the dead-letter queue.

Proves list, filters, cursor, get and both deletes as the client sends them. It has no call for retries:
those are told in tests/life.
"""

import time
from collections.abc import Callable
from typing import Any

import pytest
from qstash import QStash
from qstash.dlq import DlqMessage
from qstash.errors import QStashError
from qstash.message import EnqueueResponse, PublishResponse

from tests.receiver import Receiver, Reply
from tests.sdk.conftest import WaitFor

Kill = Callable[..., DlqMessage]


@pytest.fixture
def kill(client: QStash, receiver: Receiver, wait_for: WaitFor) -> Kill:
    """Give a function that lets a message fail and returns its dead letter."""

    def kill_one(
        *, status: int = 500, body: bytes = b"", queue: str | None = None, **more: Any
    ) -> DlqMessage:
        url = receiver.url(f"/{status}")
        receiver.script(f"/{status}", Reply(status=status, body=body, headers=(("X-Why", "so"),)))
        response = (
            client.message.publish(url=url, retries=0, **more)
            if queue is None
            else client.message.enqueue(queue=queue, url=url, retries=0, **more)
        )
        assert isinstance(response, PublishResponse | EnqueueResponse)
        wait_for(response.message_id, "FAILED")
        (letter,) = client.dlq.list(filter={"message_id": response.message_id}).messages
        return letter

    return kill_one


def test_get(client: QStash, receiver: Receiver, kill: Kill) -> None:
    """A dead letter tells the message and its last response, the same in the list and by its id."""
    letter = kill(status=404, body=b"not here", headers={"X-A": "b"}, method="PUT", label="dead")

    assert (letter.url, letter.method, letter.max_retries) == (receiver.url("/404"), "PUT", 0)
    assert (letter.response_status, letter.response_body) == (404, "not here")
    assert letter.response_headers == {"X-Why": ["so"], "Content-Length": ["8"]}
    assert letter.headers == {"X-A": ["b"]}
    assert (letter.label, letter.caller_ip) == ("dead", "127.0.0.1")
    assert client.dlq.get(letter.dlq_id) == letter


def test_list_by_pages(client: QStash, kill: Kill) -> None:
    """The cursor leads through all dead letters, newest first, and is absent at the end."""
    letters = [kill().dlq_id for _ in range(5)]

    seen: list[str] = []
    cursor = None
    for expected in (2, 2, 1):
        page = client.dlq.list(cursor=cursor, count=2)
        assert len(page.messages) == expected
        seen.extend(letter.dlq_id for letter in page.messages)
        cursor = page.cursor
    assert cursor is None
    assert seen == letters[::-1]


def test_filters(client: QStash, receiver: Receiver, kill: Kill) -> None:
    """Each filter of the client narrows the list."""
    start_ms = time.time_ns() // 1_000_000
    plain = kill(status=500, label="one").dlq_id
    queued = kill(status=503, label="two", queue="q").dlq_id

    def chosen(**wanted: Any) -> list[str]:
        return [letter.dlq_id for letter in client.dlq.list(filter=wanted).messages]  # type: ignore[arg-type]

    assert chosen() == chosen(caller_ip="127.0.0.1") == [queued, plain]
    assert chosen(url=receiver.url("/500")) == chosen(response_status=500) == chosen(label="one") == [plain]
    assert chosen(queue="q") == chosen(label="two", response_status=503) == [queued]
    assert chosen(label="one", queue="q") == chosen(caller_ip="10.0.0.1") == []
    assert chosen(from_time=start_ms) == [queued, plain]
    assert chosen(to_time=start_ms - 1) == chosen(from_time=start_ms + 3_600_000) == []


def test_delete(client: QStash, kill: Kill) -> None:
    """A deleted dead letter is gone."""
    letter = kill()
    client.dlq.delete(letter.dlq_id)

    for call in (client.dlq.get, client.dlq.delete):
        with pytest.raises(QStashError, match="status: 404"):
            call(letter.dlq_id)
    assert client.dlq.list().messages == []


def test_delete_many(client: QStash, kill: Kill) -> None:
    """Of the ids given those that exist are deleted and counted."""
    letters = [kill().dlq_id for _ in range(3)]

    assert client.dlq.delete_many([*letters[:2], "1700000000000-0"]) == 2
    assert [letter.dlq_id for letter in client.dlq.list().messages] == letters[2:]
