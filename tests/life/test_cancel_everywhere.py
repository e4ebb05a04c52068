"""Cancelling wherever a message may be, and by everything that can be said of it (contract 2.2, 4.11)."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.life.caller import Caller
from tests.receiver import Gate, Receiver, Reply
from tests.running import Product

GONE = ["CREATED", "CANCEL_REQUESTED", "CANCELED"]
LATER = {"Upstash-Delay": "1h"}
MANY = 1_200


@pytest.fixture
def own_api(product: Product) -> Caller:
    """Give a caller who owns nothing yet: a bulk cancel takes all that its user has."""
    return Caller(product.port, product.add_user(f"canceller-{uuid4().hex}").token)


def _cancel(api: Caller, message_id: str) -> None:
    assert api.call("DELETE", f"/v2/messages/{message_id}").json() == {"cancelled": 1}
    assert api.call("DELETE", f"/v2/messages/{message_id}").status == 404


def _cancelled(api: Caller, query: str) -> int:
    answer = api.call("DELETE", f"/v2/messages{query}")
    assert answer.status == 200, answer
    return answer.json()["cancelled"]


def test_in_a_wait_list(api: Caller, receiver: Receiver) -> None:
    """A message that its flow-control key holds back leaves the list and is not counted any more."""
    gate = Gate()
    receiver.script("/slow", Reply(gate=gate), Reply())
    headers = {"Upstash-Flow-Control-Key": "cancelling", "Upstash-Flow-Control-Value": "parallelism=1"}
    ids = [api.publish(receiver.url("/slow"), str(number).encode(), headers=headers) for number in range(3)]
    receiver.wait_for(1)
    _cancel(api, ids[1])

    assert api.states(ids[1]) == GONE
    assert api.get("/v2/flowControl/cancelling")["waitListSize"] == 1
    gate.open()
    api.wait_until_delivered(ids[2])
    assert [request.body for request in receiver.requests] == [b"0", b"2"]


def test_at_the_head_of_a_queue(api: Caller, receiver: Receiver) -> None:
    """The head that waits for its next attempt holds the queue; cancelled, it lets the next one go."""
    receiver.script("/broken", Reply(status=500))
    headers = {"Upstash-Retry-Delay": "3600000"}
    head = api.enqueue("headless", receiver.url("/broken"), headers=headers)
    following = api.enqueue("headless", receiver.url("/next"))
    api.wait_for(head, "RETRY")
    assert api.states(following) == ["CREATED"]
    _cancel(api, head)

    api.wait_until_delivered(following)
    assert api.get("/v2/queues/headless")["lag"] == 0


def test_delayed_in_a_queue(api: Caller, receiver: Receiver) -> None:
    """A delayed message of a queue is counted until it is cancelled, and holds up nobody."""
    delayed = api.enqueue("delayed-line", receiver.url("/never"), headers=LATER)
    api.wait_until_delivered(api.enqueue("delayed-line", receiver.url("/now")))
    assert api.get("/v2/queues/delayed-line")["lag"] == 1
    _cancel(api, delayed)

    assert api.get("/v2/queues/delayed-line")["lag"] == 0
    assert api.states(delayed) == GONE


def test_in_flight_in_a_queue(api: Caller, receiver: Receiver) -> None:
    """The queue waits for the request under way, and goes on when it has ended, well or not."""
    gate = Gate()
    receiver.script("/slow", Reply(status=500, gate=gate))
    head = api.enqueue("flying-line", receiver.url("/slow"))
    following = api.enqueue("flying-line", receiver.url("/next"))
    receiver.wait_for(1)
    _cancel(api, head)
    assert api.states(following) == ["CREATED"]
    gate.open()

    api.wait_until_delivered(following)
    assert api.states(head) == ["CREATED", "ACTIVE", "CANCEL_REQUESTED", "ERROR", "CANCELED"]
    assert [request.path for request in receiver.requests] == ["/slow", "/next"]


def test_a_callback(api: Caller, receiver: Receiver) -> None:
    """A callback is a message and is cancelled like one."""
    headers = {"Upstash-Callback": receiver.url("/done"), "Upstash-Callback-Delay": "1h"}
    api.wait_until_delivered(api.publish(receiver.url("/hook"), headers=headers))
    query = f"?url={quote(receiver.url('/done'), safe='')}"

    assert _cancelled(api, query) == 1
    assert _cancelled(api, query) == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What to publish beside a bystander, what to ask, and how many that cancels."""

    publish: Callable[[Caller, Receiver], Any]
    made: int = 1
    query: str
    count: int = 1


def _later(path: str, **headers: str) -> Callable[[Caller, Receiver], str]:
    named = {f"Upstash-{name.replace('_', '-')}": value for name, value in headers.items()}
    return lambda api, receiver: api.publish(receiver.url(path), headers={**LATER, **named})


def _to_a_group(api: Caller, receiver: Receiver) -> None:
    endpoints = [{"url": receiver.url(path)} for path in ("/a", "/b")]
    body = json.dumps({"endpoints": endpoints}).encode()
    assert api.call("POST", "/v2/topics/filtered/endpoints", body=body).status == 200
    assert api.call("POST", "/v2/publish/filtered", headers=LATER).status == 200


def _three_labels(api: Caller, receiver: Receiver) -> None:
    for label in "xyx":
        _later("/", Label=label)(api, receiver)


def _elsewhere(api: Caller, _receiver: Receiver) -> None:
    api.publish("http://Some.Example:81/x", headers=LATER)


FILTERS = {
    "topicName": Filter(publish=_to_a_group, made=2, query="topicName=filtered", count=2),
    "queueName": Filter(
        publish=lambda api, receiver: api.enqueue("filtered", receiver.url("/a"), headers=LATER),
        query="queueName=other,filtered",
    ),
    "url": Filter(publish=_later("/a?b=c,d"), query="url={url}%2Fa%3Fb%3Dc%2Cd"),
    "host": Filter(publish=_elsewhere, query="host=some.example%3A81"),
    "host without port": Filter(publish=_elsewhere, query="host=some.example"),
    "path": Filter(publish=_later("/a%20b?c"), query="path=/a%2520b"),
    "label": Filter(publish=_later("/", Label="one, two"), query="label=three&label=two"),
    "flowControlKey": Filter(
        publish=_later("/", Flow_Control_Key="k", Flow_Control_Value="rate=1"), query="flowControlKey=k"
    ),
    "callerIp": Filter(publish=_later("/"), query="callerIp=10.0.0.1,127.0.0.1", count=2),
    "callerIP": Filter(publish=_later("/"), query="callerIP=127.0.0.1", count=2),
    "dates": Filter(publish=_later("/"), query="fromDate=1000000000000&toDate=9000000000000", count=2),
    "two filters": Filter(publish=_three_labels, made=3, query="label=x&path=/", count=2),
}


@pytest.mark.parametrize("name", FILTERS)
def test_by_filter(own_api: Caller, receiver: Receiver, name: str) -> None:
    """What matches is cancelled and counted; what does not is left alone."""
    chosen = FILTERS[name]
    own_api.publish(receiver.url("/bystander"), headers=LATER)
    chosen.publish(own_api, receiver)
    query = chosen.query.format(url=quote(receiver.url(""), safe=""))

    assert _cancelled(own_api, f"?{query}") == chosen.count
    assert _cancelled(own_api, f"?{query}") == 0
    assert _cancelled(own_api, "") == chosen.made + 1 - chosen.count


@pytest.mark.parametrize(
    "query", ["label=none", "fromDate=9000000000000", "toDate=1", "callerIp=10.0.0.1", "messageIds=msg_none"]
)
def test_by_a_filter_that_matches_nothing(own_api: Caller, receiver: Receiver, query: str) -> None:
    """Nothing is cancelled, and nothing is wrong with that."""
    own_api.publish(receiver.url("/"), headers=LATER)

    assert _cancelled(own_api, f"?{query}") == 0
    assert _cancelled(own_api, "?label=") == 1


@pytest.mark.parametrize(
    "query",
    [
        "count=0",
        "count=501",
        "count=x",
        "state=CREATED",
        "labels=a",
        "fromDate=yesterday",
        "responseStatus=1",
    ],
)
def test_a_typo_cancels_nothing(own_api: Caller, receiver: Receiver, query: str) -> None:
    """An unknown parameter or a bad value is refused: it must never widen what is cancelled."""
    message_id = own_api.publish(receiver.url("/"), headers=LATER)
    answer = own_api.call("DELETE", f"/v2/messages?{query}")

    assert answer.status == 400
    assert query.partition("=")[0] in answer.json()["error"]
    assert own_api.states(message_id) == ["CREATED"]


def test_by_a_body(own_api: Caller, receiver: Receiver) -> None:
    """The same names may stand in a JSON body."""
    for label in ("a", "b", "c"):
        own_api.publish(receiver.url("/"), headers={**LATER, "Upstash-Label": label})

    body = json.dumps({"label": ["a", "b"], "count": 1}).encode()
    assert own_api.call("DELETE", "/v2/messages", body=body).json() == {"cancelled": 1}
    assert own_api.call("DELETE", "/v2/messages", body=b'{"label": "b"}').json() == {"cancelled": 1}
    assert own_api.call("DELETE", "/v2/messages", body=b'{"labels": "c"}').status == 400


def test_everything_everywhere(own_api: Caller, receiver: Receiver) -> None:
    """One call takes a thousand messages in every state, and never one that has ended."""
    gate = Gate()
    receiver.script("/slow", Reply(gate=gate, status=500))
    done = own_api.publish(receiver.url("/done"))
    own_api.wait_until_delivered(done)
    flying = own_api.publish(receiver.url("/slow"))
    receiver.wait_for(1, "/slow")
    own_api.upsert_queue("held", paused=True)
    items: list[dict[str, Any]] = [{"destination": receiver.url("/never"), "queue": "held"}] * 300
    items += [{"destination": receiver.url("/never"), "headers": LATER}] * (MANY - 301)
    accepted = own_api.call("POST", "/v2/batch", body=json.dumps(items).encode()).json()

    assert _cancelled(own_api, "?count=500") == 500
    assert _cancelled(own_api, "") == MANY - 500
    assert _cancelled(own_api, "") == 0
    gate.open()
    own_api.wait_for(flying, "CANCELED")
    for element in (accepted[0], accepted[-1]):
        assert own_api.states(element["messageId"]) == GONE
    assert own_api.get("/v2/queues/held")["lag"] == 0
    assert own_api.states(done)[-1] == "DELIVERED"
    assert {request.path for request in receiver.requests} == {"/done", "/slow"}
