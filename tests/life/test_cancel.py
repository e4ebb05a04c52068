"""Messages that are called back: before their time, between two attempts, and on the way."""

import json

from qstash_rq.clock import SystemClock
from tests.life.caller import Caller
from tests.receiver import Gate, Receiver, Reply
from tests.running import Product
from tests.waiting import wait_until

GONE = ["CREATED", "CANCEL_REQUESTED", "CANCELED"]


def _cancel(api: Caller, message_id: str) -> int:
    answer = api.call("DELETE", f"/v2/messages/{message_id}")
    assert answer.status != 200 or answer.json() == {"cancelled": 1}
    return answer.status


def test_a_delayed_message_is_cancelled(api: Caller, receiver: Receiver) -> None:
    """It is gone at once, for a second cancel too, and never arrives."""
    message_id = api.publish(receiver.url("/never"), headers={"Upstash-Delay": "1s"})
    marker = api.publish(receiver.url("/marker"), headers={"Upstash-Delay": "1s"})

    assert _cancel(api, message_id) == 200
    assert api.states(message_id) == GONE
    assert api.call("GET", f"/v2/messages/{message_id}").status == 404
    assert _cancel(api, message_id) == 404
    api.wait_until_delivered(marker)
    assert [request.path for request in receiver.requests] == ["/marker"]


def test_a_waiting_message_is_cancelled(api: Caller, receiver: Receiver) -> None:
    """One in the middle of a queue leaves it; its neighbours are delivered."""
    api.upsert_queue("cancelling", paused=True)
    ids = [api.enqueue("cancelling", receiver.url(f"/{number}")) for number in range(3)]

    assert _cancel(api, ids[1]) == 200
    assert api.get("/v2/queues/cancelling")["lag"] == 2
    api.call("POST", "/v2/queues/cancelling/resume")
    api.wait_until_delivered(ids[2])
    assert [request.path for request in receiver.requests] == ["/0", "/2"]
    assert api.states(ids[1]) == GONE


def test_a_message_between_two_attempts_is_cancelled(api: Caller, receiver: Receiver) -> None:
    """No attempt follows, and no dead letter is made."""
    receiver.script("/broken", Reply(status=500))
    message_id = api.publish(receiver.url("/broken"), headers={"Upstash-Retry-Delay": "300"})
    api.wait_for(message_id, "RETRY")

    assert _cancel(api, message_id) == 200
    api.wait_until_delivered(api.publish(receiver.url("/marker"), headers={"Upstash-Delay": "0.5"}))
    assert api.states(message_id) == ["CREATED", "ACTIVE", "ERROR", "RETRY", "CANCEL_REQUESTED", "CANCELED"]
    assert len(receiver.requests_to("/broken")) == 1
    assert api.dead_letters(messageId=message_id) == []


def test_a_message_in_flight_may_still_succeed(api: Caller, receiver: Receiver) -> None:
    """The request under way is not broken off: when it succeeds the message is delivered."""
    gate = Gate()
    receiver.script("/slow", Reply(gate=gate))
    message_id = api.publish(receiver.url("/slow"))
    receiver.wait_for(1)

    assert _cancel(api, message_id) == 200
    assert _cancel(api, message_id) == 404
    gate.open()
    assert api.wait_until_delivered(message_id) == ["CREATED", "ACTIVE", "CANCEL_REQUESTED", "DELIVERED"]


def test_a_message_in_flight_is_not_retried(api: Caller, receiver: Receiver) -> None:
    """When the request under way fails, the message is cancelled instead of tried again or buried."""
    gate = Gate()
    receiver.script("/slow", Reply(status=500, gate=gate, headers=(("Retry-After", "0"),)))
    message_id = api.publish(receiver.url("/slow"))
    receiver.wait_for(1)

    assert _cancel(api, message_id) == 200
    gate.open()
    states = api.wait_for(message_id, "CANCELED")
    assert states == ["CREATED", "ACTIVE", "CANCEL_REQUESTED", "ERROR", "CANCELED"]
    assert api.dead_letters(messageId=message_id) == []
    assert len(receiver.requests) == 1


def test_what_has_ended_cannot_be_cancelled(api: Caller, receiver: Receiver) -> None:
    """A delivered message, and one that never was, answer 404."""
    message_id = api.publish(receiver.url("/"))
    api.wait_until_delivered(message_id)

    assert _cancel(api, message_id) == 404
    assert _cancel(api, "msg_unknown") == 404


def test_many_are_cancelled_by_id(api: Caller, receiver: Receiver) -> None:
    """Ids come in a JSON body or repeated in the query; unknown ones and repeats are not counted."""
    ids = [api.publish(receiver.url("/"), headers={"Upstash-Delay": "1h"}) for _ in range(4)]

    body = json.dumps({"messageIds": [*ids[:2], "msg_unknown"]}).encode()
    assert api.call("DELETE", "/v2/messages", body=body).json() == {"cancelled": 2}
    query = "&".join(f"messageIds={message_id}" for message_id in ids[1:])
    assert api.call("DELETE", f"/v2/messages?{query}").json() == {"cancelled": 2}


def test_a_filter_chooses_the_oldest(product: Product, receiver: Receiver) -> None:
    """A bulk cancel takes what matches, the oldest first, and without a filter everything that lives."""
    api = Caller(product.port, product.add_user("canceller").token)
    headers = {"Upstash-Delay": "1h"}
    labelled: list[str] = []
    for _ in range(3):
        labelled.append(api.publish(receiver.url("/"), headers={**headers, "Upstash-Label": "a,b"}))
        # Two of the same millisecond are equally old.
        published_ms = SystemClock().now_ms()
        wait_until(lambda at_ms=published_ms: SystemClock().now_ms() > at_ms, "a millisecond has passed")
    other = api.publish(receiver.url("/"), headers=headers)

    assert api.call("DELETE", "/v2/messages?label=b&count=2").json() == {"cancelled": 2}
    assert [api.states(message_id)[-1] for message_id in labelled] == ["CANCELED", "CANCELED", "CREATED"]
    assert api.call("DELETE", "/v2/messages?labels=b").status == 400
    assert api.call("DELETE", "/v2/messages").json() == {"cancelled": 2}
    assert api.states(other) == GONE
    assert api.call("DELETE", "/v2/messages").json() == {"cancelled": 0}
