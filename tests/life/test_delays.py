"""Messages for later: they wait, they are seen waiting, and they come on time."""

import statistics
import time

import pytest

from tests.life.caller import Caller
from tests.receiver import Receiver, Request


def _wall_ms(request: Request) -> float:
    """Return when a request arrived, on the clock that messages are timed by."""
    return request.arrived_ms + (time.time_ns() - time.monotonic_ns()) / 1_000_000


def test_delayed_messages_arrive_on_time(api: Caller, receiver: Receiver) -> None:
    """None comes early, and they come within a tenth of a second after their time."""
    due_ms: dict[str, int] = {}
    for _ in range(20):
        message_id = api.publish(receiver.url("/later"), headers={"Upstash-Delay": "2s"})
        due_ms[message_id] = api.get(f"/v2/messages/{message_id}")["notBefore"]
    assert not receiver.requests

    late_ms = [
        _wall_ms(request) - due_ms[request.header("upstash-message-id") or ""]
        for request in receiver.wait_for(20)
    ]
    # A millisecond for the rounding of the two clocks that are compared.
    assert min(late_ms) >= -1
    # Of twenty the middle one: a busy test machine may hold up a single one.
    assert statistics.median(late_ms) < 100


def test_a_waiting_message_can_be_seen(api: Caller, receiver: Receiver) -> None:
    """Until its time a delayed message is only CREATED, and says when it is due."""
    before_ms = time.time_ns() // 1_000_000
    message_id = api.publish(receiver.url("/later"), headers={"Upstash-Delay": "1d2h"})
    after_ms = time.time_ns() // 1_000_000

    message = api.get(f"/v2/messages/{message_id}")
    assert before_ms <= message["notBefore"] - 26 * 3_600_000 <= after_ms
    assert before_ms <= message["createdAt"] <= after_ms
    assert api.states(message_id) == ["CREATED"]
    assert api.call("DELETE", f"/v2/messages/{message_id}").status == 200


def test_not_before_names_a_second(api: Caller, receiver: Receiver) -> None:
    """`Upstash-Not-Before` is a time, and wins over a delay."""
    due_s = int(time.time()) + 2
    headers = {"Upstash-Not-Before": str(due_s), "Upstash-Delay": "1h"}
    message_id = api.publish(receiver.url("/then"), headers=headers)
    assert api.get(f"/v2/messages/{message_id}")["notBefore"] == due_s * 1000

    (request,) = receiver.wait_for(1)
    assert _wall_ms(request) >= due_s * 1000 - 1


@pytest.mark.parametrize(
    "headers",
    [{"Upstash-Delay": "0s"}, {"Upstash-Not-Before": "1700000000"}, {"Upstash-Delay": "0.02"}],
    ids=["no-delay", "past", "fraction"],
)
def test_a_time_that_is_here_means_now(api: Caller, receiver: Receiver, headers: dict[str, str]) -> None:
    """No delay, a past time and a tiny delay are all delivered at once."""
    message_id = api.publish(receiver.url("/now"), headers=headers)

    api.wait_until_delivered(message_id)
    assert len(receiver.requests) == 1


def test_the_earliest_comes_first(api: Caller, receiver: Receiver) -> None:
    """A message published later but due earlier overtakes: the scheduler wakes up for it."""
    api.publish(receiver.url("/second"), headers={"Upstash-Delay": "1.2"})
    api.publish(receiver.url("/first"), headers={"Upstash-Delay": "0.3"})

    assert [request.path for request in receiver.wait_for(2)] == ["/first", "/second"]


def test_short_delays_are_kept_too(api: Caller, receiver: Receiver) -> None:
    """The scheduler does not sleep through a message that came after it fell asleep."""
    late_ms: list[float] = []
    for number in range(8):
        message_id = api.publish(receiver.url(f"/{number}"), headers={"Upstash-Delay": "0.1"})
        due_ms = api.get(f"/v2/messages/{message_id}")["notBefore"]
        (request,) = receiver.wait_for(1, f"/{number}")
        late_ms.append(_wall_ms(request) - due_ms)

    assert min(late_ms) >= -1
    # Asleep it would be a second; a busy test machine takes its share of this.
    assert statistics.median(late_ms) < 300
