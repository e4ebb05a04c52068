"""Flow control as endpoints see it: how many at a time, in a period, and in which order (contract 4.10)."""

import asyncio
import json
import time
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from tests.life.caller import Caller, Json
from tests.receiver import Gate, Receiver, Reply, Request
from tests.running import Product
from tests.waiting import wait_until
from tests.windows import requests_in_windows

MESSAGES = 1000
PARALLELISM = 3
RATE = 50
PERIOD_MS = 1000
ANSWER_S = 0.02


def _limited(key: str, value: str, **more: str) -> dict[str, str]:
    return {"Upstash-Flow-Control-Key": key, "Upstash-Flow-Control-Value": value, **more}


def _flow(api: Caller, key: str) -> Json:
    return api.get(f"/v2/flowControl/{key}")


def _slow(_request: Request) -> Reply:
    """Answer a little later; the receiver calls it in its event loop."""
    gate = Gate()
    asyncio.get_running_loop().call_later(ANSWER_S, gate.open)
    return Reply(gate=gate)


def _batch(api: Caller, url: str, headers: dict[str, str]) -> list[str]:
    items = [{"destination": url, "headers": headers, "body": str(number)} for number in range(MESSAGES)]
    answer = api.call("POST", "/v2/batch", body=json.dumps(items).encode())
    assert answer.status == 200, answer
    return [element["messageId"] for element in answer.json()]


def test_a_thousand_messages_under_both_limits(own: Product, receiver: Receiver) -> None:
    """Three workers share a key: never a fourth open request nor a 51st in a window, and no time is lost."""
    own.start_api()
    own.start_scheduler()
    for _ in range(3):
        own.start_worker()
    api = Caller(own.port)
    receiver.script("/limited", _slow)
    value = f"parallelism={PARALLELISM},rate={RATE},period=1s"
    ids = _batch(api, receiver.url("/limited"), _limited("k", value))
    requests = receiver.wait_for(MESSAGES, timeout_s=40)

    assert Counter(request.header("upstash-message-id") for request in requests) == Counter(ids)
    assert receiver.most_open_requests == PARALLELISM
    assert max(requests_in_windows([request.arrived_ms for request in requests], PERIOD_MS)) == RATE
    events = api.get("/v2/events", state="ACTIVE", order="earliestFirst")["events"]
    sent_ms = [event["time"] for event in events[::RATE]]
    assert min(b - a for a, b in pairwise(sent_ms)) >= PERIOD_MS
    ideal_ms = (MESSAGES // RATE - 1) * PERIOD_MS + RATE * ANSWER_S * 1000 / PARALLELISM
    assert requests[-1].arrived_ms - requests[0].arrived_ms <= 1.1 * ideal_ms
    wait_until(lambda: _flow(api, "k")["parallelismCount"] == 0, "nothing is under way")


def test_first_come_first_served(api: Caller, receiver: Receiver) -> None:
    """Messages of a key that wait are delivered in the order in which they came, whatever their URL."""
    headers = _limited("in order", "parallelism=1")
    ids = [api.publish(receiver.url(f"/{number}"), headers=headers) for number in range(50)]
    for message_id in ids:
        api.wait_until_delivered(message_id)

    assert [request.path for request in receiver.requests] == [f"/{number}" for number in range(50)]
    assert receiver.most_open_requests == 1


def test_what_waits_is_not_lost_and_not_late(api: Caller, receiver: Receiver) -> None:
    """A waiting message keeps its time and its attempts; it starts as soon as a place is free."""
    gate = Gate()
    receiver.script("/slow", Reply(gate=gate), Reply())
    headers = _limited("slow", "parallelism=1", **{"Upstash-Retries": "0"})
    api.publish(receiver.url("/slow"), headers=headers)
    waiting = api.publish(receiver.url("/slow"), headers=headers)
    receiver.wait_for(1)
    assert api.states(waiting) == ["CREATED"]
    message = api.get(f"/v2/messages/{waiting}")
    assert message["notBefore"] == message["createdAt"]
    assert (_flow(api, "slow")["parallelismCount"], _flow(api, "slow")["waitListSize"]) == (1, 1)

    opened = time.monotonic()
    gate.open()
    (_, second) = receiver.wait_for(2)
    assert second.arrived_ms / 1000 - opened < 1
    assert api.wait_until_delivered(waiting) == ["CREATED", "ACTIVE", "DELIVERED"]


def test_keys_do_not_wait_for_each_other(api: Caller, receiver: Receiver) -> None:
    """While one key is full, another key and messages without one are delivered."""
    gate = Gate()
    receiver.script("/full", Reply(gate=gate))
    for _ in range(3):
        api.publish(receiver.url("/full"), headers=_limited("full", "parallelism=1"))
    receiver.wait_for(1, "/full")

    api.wait_until_delivered(api.publish(receiver.url("/other"), headers=_limited("other", "parallelism=1")))
    api.wait_until_delivered(api.publish(receiver.url("/plain")))
    assert len(receiver.requests_to("/full")) == 1
    gate.open()
    receiver.wait_for(3, "/full")


def test_each_attempt_counts(api: Caller, receiver: Receiver) -> None:
    """A retry takes its place in the rate like a first attempt, and waits where there is none."""
    receiver.script("/flaky", Reply(status=500), Reply(status=500), Reply())
    headers = _limited("attempts", "rate=2,period=1d", **{"Upstash-Retry-Delay": "5"})
    message_id = api.publish(receiver.url("/flaky"), headers=headers)
    receiver.wait_for(2)
    wait_until(lambda: _flow(api, "attempts")["waitListSize"] == 1, "the third attempt waits")
    flow = _flow(api, "attempts")
    assert (flow["rateCount"], flow["rateMax"], flow["ratePeriod"]) == (2, 2, 86_400)

    assert api.call("POST", "/v2/flowControl/attempts/resetRate").status == 200
    api.wait_until_delivered(message_id)
    assert _flow(api, "attempts")["rateCount"] == 1


@pytest.mark.parametrize(
    "opening",
    ["resetRate", "pin?rate=2&period=86400", "pin?rate=1", "message"],
    ids=["reset", "more", "shorter", "message"],
)
def test_what_opens_a_rate(api: Caller, receiver: Receiver, opening: str) -> None:
    """A spent rate lets the next message through when it is reset, pinned, or changed by a new message."""
    key = f"spent-{opening[:9].replace('?', '-')}"
    headers = _limited(key, "rate=1,period=1d")
    first, second = (api.publish(receiver.url("/"), headers=headers) for _ in range(2))
    api.wait_until_delivered(first)
    wait_until(lambda: _flow(api, key)["waitListSize"] == 1, "the second message waits")
    if opening == "message":
        api.publish(receiver.url("/"), headers=_limited(key, "rate=3,period=1d"))
    else:
        assert api.call("POST", f"/v2/flowControl/{key}/{opening}").status == 200

    api.wait_until_delivered(second)


def test_a_paused_key(api: Caller, receiver: Receiver) -> None:
    """The request under way ends, nothing follows it; resumed, the key goes on with the oldest."""
    gate = Gate()
    receiver.script("/0", Reply(gate=gate))
    headers = _limited("pausing", "parallelism=1")
    ids = [api.publish(receiver.url(f"/{number}"), headers=headers) for number in range(3)]
    receiver.wait_for(1)
    assert api.call("POST", "/v2/flowControl/pausing/pause").status == 200
    gate.open()
    api.wait_until_delivered(ids[0])
    ids.append(api.publish(receiver.url("/3"), headers=headers))
    flow = _flow(api, "pausing")
    assert (flow["isPaused"], flow["waitListSize"], flow["parallelismCount"]) == (True, 3, 0)

    assert api.call("POST", "/v2/flowControl/pausing/resume").status == 200
    for message_id in ids:
        api.wait_until_delivered(message_id)
    assert [request.path for request in receiver.requests] == ["/0", "/1", "/2", "/3"]


def test_the_latest_message_sets_the_limits(api: Caller, receiver: Receiver) -> None:
    """A new message brings new limits for all that wait, and a limit it does not name is gone."""
    gate = Gate()
    receiver.script("/slow", Reply(gate=gate))
    for _ in range(4):
        api.publish(receiver.url("/slow"), headers=_limited("latest", "parallelism=1, rate=100"))
    receiver.wait_for(1)
    api.publish(receiver.url("/slow"), headers=_limited("latest", "parallelism=3"))

    receiver.wait_for(3)
    flow = _flow(api, "latest")
    assert (flow["parallelismMax"], flow["rateMax"], flow["parallelismCount"]) == (3, 0, 3)
    gate.open()
    receiver.wait_for(5)
    assert receiver.most_open_requests == 3


def test_a_queue_with_a_key_obeys_both(api: Caller, receiver: Receiver) -> None:
    """A queued message waits for its queue and for its key; the queue keeps its order."""
    gate = Gate()
    receiver.script("/key", Reply(gate=gate))
    headers = _limited("both", "parallelism=1")
    api.publish(receiver.url("/key"), headers=headers)
    receiver.wait_for(1)
    api.upsert_queue("both", parallelism=2)
    ids = [api.enqueue("both", receiver.url(f"/{number}"), headers=headers) for number in range(3)]
    plain = api.enqueue("both", receiver.url("/3"))
    assert _flow(api, "both")["parallelismCount"] == 1
    assert [api.states(message_id) for message_id in (*ids, plain)] == [["CREATED"]] * 4

    gate.open()
    for message_id in (*ids, plain):
        api.wait_until_delivered(message_id)
    paths = [request.path for request in receiver.requests]
    assert paths[:4] == ["/key", "/0", "/1", "/2"]


def test_callbacks_have_limits_of_their_own(api: Caller, receiver: Receiver) -> None:
    """A callback does not use the key of its message, only the one it is given."""
    gate = Gate()
    receiver.script("/done", Reply(gate=gate))
    headers = _limited("message", "parallelism=5") | {
        "Upstash-Callback": receiver.url("/done"),
        "Upstash-Callback-Flow-Control-Key": "callback",
        "Upstash-Callback-Flow-Control-Value": "parallelism=1",
    }
    for _ in range(3):
        api.wait_until_delivered(api.publish(receiver.url("/hook"), headers=headers))
    receiver.wait_for(1, "/done")

    assert (_flow(api, "message")["parallelismCount"], _flow(api, "message")["waitListSize"]) == (0, 0)
    assert (_flow(api, "callback")["parallelismCount"], _flow(api, "callback")["waitListSize"]) == (1, 2)
    gate.open()
    receiver.wait_for(3, "/done")


def test_keys_are_listed_and_found(product: Product, receiver: Receiver) -> None:
    """The list has the user's keys, whatever letters they have, and can be searched."""
    api = Caller(product.port, product.add_user("lister").token)
    keys = ["a/b", "A b", "ž?x=1", "c"]
    for key in keys:
        api.publish(receiver.url("/"), headers=_limited(key, "rate=5", **{"Upstash-Delay": "1h"}))

    def listed(**query: Any) -> set[str]:
        return {flow["flowControlKey"] for flow in api.get("/v2/flowControl", **query)}

    assert listed() == set(keys)
    assert listed(search="b") == {"a/b", "A b"}
    assert listed(search="nothing") == set()
    assert Caller(product.port).call("GET", "/v2/flowControl/A%20b").status == 404


def test_a_dead_worker_s_places_come_back(unmanned: Product, receiver: Receiver) -> None:
    """What a killed worker held is delivered again by the next one, under the same limit."""
    api = Caller(unmanned.port)
    gate = Gate()
    receiver.script("/held", Reply(gate=gate))
    headers = _limited("survivor", "parallelism=2")
    ids = [api.publish(receiver.url("/held"), headers=headers) for _ in range(5)]
    worker = unmanned.start_worker()
    receiver.wait_for(2)
    worker.kill()
    receiver.wait_until_hung_up(2)
    assert _flow(api, "survivor")["parallelismCount"] == 2
    gate.open()
    unmanned.start_worker()

    for message_id in ids:
        api.wait_until_delivered(message_id)
    assert len(receiver.requests) == 7
    assert receiver.most_open_requests == 2
    assert _flow(api, "survivor")["parallelismCount"] == 0


def test_all_workers_together(own: Product, receiver: Receiver) -> None:
    """The global parallelism bounds what all workers have under way, and is told."""
    own.start_api()
    own.start_scheduler()
    own.start_worker()
    api = Caller(own.port)
    gate = Gate()
    receiver.script("/held", Reply(gate=gate))
    ids = [api.publish(receiver.url("/held")) for _ in range(5)]
    receiver.wait_for(5)

    told = api.get("/v2/globalParallelism")
    assert (told["parallelismCount"], told["parallelismMax"]) == (5, 100_000)
    gate.open()
    for message_id in ids:
        api.wait_until_delivered(message_id)
    assert api.get("/v2/globalParallelism")["parallelismCount"] == 0
