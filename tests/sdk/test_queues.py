"""The official Python client manages queues.

Proves the client's calls and the six fields it parses; how queues deliver is told in tests/life.
"""

import time

import pytest
from qstash import QStash
from qstash.errors import QStashError

from tests.receiver import Receiver
from tests.waiting import wait_until


def test_upsert_and_get(client: QStash) -> None:
    """A queue is created, and changed by the same call; its creation time stays."""
    before_ms = time.time_ns() // 1_000_000
    client.queue.upsert("q", parallelism=3)
    queue = client.queue.get("q")
    assert (queue.name, queue.parallelism, queue.lag, queue.paused) == ("q", 3, 0, False)
    assert before_ms <= queue.created_at <= queue.updated_at

    client.queue.upsert("q", parallelism=1, paused=True)
    changed = client.queue.get("q")
    assert (changed.parallelism, changed.paused, changed.created_at) == (1, True, queue.created_at)
    assert changed.updated_at >= queue.updated_at


def test_list_and_delete(client: QStash) -> None:
    """The list has the user's queues and nothing else, and is empty when all are deleted."""
    assert client.queue.list() == []
    for name in ("b", "a", "C.d-e_f"):
        client.queue.upsert(name)
    assert {queue.name for queue in client.queue.list()} == {"a", "b", "C.d-e_f"}

    for name in ("a", "b", "C.d-e_f", "never-there"):
        client.queue.delete(name)
    assert client.queue.list() == []
    with pytest.raises(QStashError, match="status: 404"):
        client.queue.get("a")


def test_pause_and_resume(client: QStash, receiver: Receiver) -> None:
    """A paused queue keeps what is enqueued; resumed, it delivers."""
    client.queue.upsert("held")
    client.queue.pause("held")
    assert client.queue.get("held").paused is True
    client.message.enqueue(queue="held", url=receiver.url("/held"))
    client.message.publish(url=receiver.url("/other"))
    receiver.wait_for(1)
    assert client.queue.get("held").lag == 1
    assert receiver.requests_to("/held") == ()

    client.queue.resume("held")
    assert client.queue.get("held").paused is False
    receiver.wait_for(1, "/held")
    wait_until(lambda: client.queue.get("held").lag == 0, "the queue is empty")


@pytest.mark.parametrize("name", ["a b", "ž", "a:b"])
def test_a_bad_name_is_refused(client: QStash, name: str) -> None:
    """A name the contract does not allow is an error that says so."""
    with pytest.raises(QStashError, match=r"status: 400, .*queueName"):
        client.queue.upsert(name)

    assert client.queue.list() == []
