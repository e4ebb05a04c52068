"""The official Python client looks at flow-control keys and changes them.

Proves its calls and the fields it parses; that limits are kept is told in tests/life/test_flow_control.py.
"""

import time

import pytest
from qstash import QStash
from qstash.errors import QStashError
from qstash.flow_control_api import FlowControlInfo

from tests.receiver import Gate, Receiver, Reply
from tests.waiting import wait_until


def test_get(client: QStash, receiver: Receiver) -> None:
    """A key exists as soon as a message uses it, a delayed one too, with the limits it brought."""
    client.message.publish(
        url=receiver.url("/"),
        delay="1h",
        flow_control={"key": "k", "parallelism": 3, "rate": 10, "period": 5},
    )

    assert client.flow_control.get("k") == FlowControlInfo(
        key="k",
        wait_list_size=0,
        parallelism_max=3,
        parallelism_count=0,
        rate_max=10,
        rate_count=0,
        rate_period=5,
        rate_period_start=0,
        is_paused=False,
        is_pinned_parallelism=False,
        is_pinned_rate=False,
    )
    with pytest.raises(QStashError, match="status: 404"):
        client.flow_control.get("unknown")


def test_what_is_counted(client: QStash, receiver: Receiver) -> None:
    """Requests under way, those of this period and those that wait are told apart."""
    gate = Gate()
    receiver.script("/slow", Reply(gate=gate))
    start_s = int(time.time())
    for _ in range(3):
        client.message.publish(
            url=receiver.url("/slow"),
            flow_control={"key": "k", "parallelism": 2, "rate": 100, "period": "1d"},
        )
    receiver.wait_for(2)

    info = client.flow_control.get("k")
    assert (info.parallelism_count, info.wait_list_size, info.rate_count) == (2, 1, 2)
    assert start_s <= info.rate_period_start <= time.time()
    assert client.flow_control.get_global_parallelism().parallelism_count >= 2
    assert client.flow_control.get_global_parallelism().parallelism_max >= 2
    gate.open()
    receiver.wait_for(3)
    wait_until(lambda: client.flow_control.get("k").parallelism_count == 0, "nothing is under way")
    client.flow_control.reset_rate("k")
    assert client.flow_control.get("k").rate_count == 0


def test_pause_and_resume(client: QStash, receiver: Receiver) -> None:
    """A paused key lets messages wait; resumed, it delivers them in their order."""
    client.flow_control.pause("k")
    assert client.flow_control.get("k").is_paused is True
    for number in range(3):
        client.message.publish(url=receiver.url(f"/{number}"), flow_control={"key": "k", "parallelism": 1})
    client.message.publish(url=receiver.url("/other"))
    receiver.wait_for(1)
    assert client.flow_control.get("k").wait_list_size == 3

    client.flow_control.resume("k")
    assert client.flow_control.get("k").is_paused is False
    assert [request.path for request in receiver.wait_for(4)] == ["/other", "/0", "/1", "/2"]


def test_pin_and_unpin(client: QStash, receiver: Receiver) -> None:
    """What is pinned stays as it is whatever messages bring, each limit by itself, until it is unpinned."""

    def limits(parallelism: int, rate: int) -> tuple[int, int, int]:
        client.message.publish(
            url=receiver.url("/"),
            delay="1h",
            flow_control={"key": "k", "parallelism": parallelism, "rate": rate},
        )
        info = client.flow_control.get("k")
        return info.parallelism_max, info.rate_max, info.rate_period

    client.flow_control.pin("k", {"parallelism": 7, "rate": 70, "period": 60})
    assert limits(1, 1) == (7, 70, 60)
    client.flow_control.unpin("k", {"rate": True})
    info = client.flow_control.get("k")
    assert (info.is_pinned_parallelism, info.is_pinned_rate) == (True, False)
    assert (info.rate_max, limits(1, 1)) == (70, (7, 1, 1))
    client.flow_control.unpin("k", {"parallelism": True, "rate": True})
    assert limits(2, 2) == (2, 2, 1)
    client.flow_control.pin("k", {"rate": 5})
    assert limits(3, 3) == (3, 5, 1)
    client.flow_control.pin("k", {"parallelism": 9})
    assert limits(4, 4) == (9, 5, 1)


def test_a_pin_of_nothing_is_refused(client: QStash) -> None:
    """A pin needs a parallelism or a rate, and values that make sense."""
    for options in ({}, {"period": 5}, {"rate": 0}, {"parallelism": -1}, {"rate": 1, "period": 604_801}):
        with pytest.raises(QStashError, match="status: 400"):
            client.flow_control.pin("k", options)  # type: ignore[arg-type]

    with pytest.raises(QStashError, match="status: 404"):
        client.flow_control.get("k")
