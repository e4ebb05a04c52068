"""Callbacks: who is told of which attempt, in what words, and what waits for it (contract 3.4, 4.7, 4.8)."""

import json
from base64 import b64decode, b64encode
from typing import Any

import jwt
import pytest

from qstash_rq.settings import DEVELOPMENT_CURRENT_SIGNING_KEY
from tests.life.caller import Caller
from tests.receiver import Gate, Receiver, Reply, Request
from tests.running import Product

AT_ONCE = {"Upstash-Retry-Delay": "5"}
ONCE = {"Upstash-Retries": "0"}
UNREACHABLE = "http://127.0.0.1:1/nobody"


def _payloads(receiver: Receiver, count: int, path: str = "/done") -> list[dict[str, Any]]:
    """Return what the callbacks to `path` said, in the order of the attempts."""
    return sorted(
        (json.loads(request.body) for request in receiver.wait_for(count, path)),
        key=lambda payload: payload["retried"],
    )


def _told(receiver: Receiver, *, path: str = "/done") -> dict[str, str]:
    return {"Upstash-Callback": receiver.url(path)}


def test_the_payload_of_a_success(api: Caller, receiver: Receiver) -> None:
    """A callback has the response and all about the message, and nothing else."""
    receiver.script(
        "/hook", Reply(status=202, body=b"\xff", headers=(("x-made-by", "a"), ("X-Made-By", "b")))
    )
    headers = {
        **_told(receiver),
        "Content-Type": "text/plain",
        "Upstash-Forward-X-api-KEY": "k",
        "Upstash-Method": "PUT",
        "Upstash-Label": "one, two",
        "Upstash-Retries": "7",
    }
    message_id = api.enqueue("told", receiver.url("/hook?a=b"), b"\x00body", headers=headers)

    (payload,) = _payloads(receiver, 1)
    created = api.log(message_id)[0]
    assert payload == {
        "status": 202,
        "header": {"X-Made-By": ["a", "b"], "Content-Length": ["1"]},
        "body": "/w==",
        "retried": 0,
        "maxRetries": 7,
        "sourceMessageId": message_id,
        "url": receiver.url("/hook?a=b"),
        "method": "PUT",
        "sourceHeader": {"Content-Type": ["text/plain"], "X-Api-Key": ["k"]},
        "sourceBody": b64encode(b"\x00body").decode(),
        "notBefore": payload["createdAt"],
        "createdAt": payload["createdAt"],
        "queueName": "told",
        "label": "one",
        "labels": ["one", "two"],
        "callerIP": "127.0.0.1",
    }
    # It is stored, and logged, a moment after it was made.
    assert 0 <= created["time"] - payload["createdAt"] < 1_000


def test_a_callback_is_a_message_like_any_other(api: Caller, receiver: Receiver) -> None:
    """It has an id and a log of its own, is signed for its own URL, and is sent as it was configured."""
    headers = {
        **_told(receiver, path="/done?x=1"),
        "Upstash-Forward-X-Secret": "of the message",
        "Upstash-Callback-Method": "PUT",
        "Upstash-Callback-Forward-X-Key": "k",
        "Upstash-Callback-Retries": "2",
        "Upstash-Callback-Timeout": "9s",
        "Upstash-Callback-Label": "mine",
        "Upstash-Callback-My-Header": "is no option",
    }
    message_id = api.publish(receiver.url("/hook"), b"x", headers=headers)

    (request,) = receiver.wait_for(1, "/done")
    callback_id = request.header("upstash-message-id") or ""
    assert callback_id != message_id
    assert api.wait_until_delivered(callback_id) == ["CREATED", "ACTIVE", "DELIVERED"]
    assert (request.method, request.header("content-type")) == ("PUT", "application/json")
    assert request.header("user-agent") == "Upstash-QStash"
    assert (request.header("x-key"), request.header("x-secret")) == ("k", None)
    claims = jwt.decode(
        request.header("upstash-signature") or "", DEVELOPMENT_CURRENT_SIGNING_KEY, algorithms=["HS256"]
    )
    assert claims["sub"] == receiver.url("/done?x=1")
    record = api.log(callback_id)[0]
    assert (record["url"], record["maxRetries"], record["timeout"]) == (receiver.url("/done?x=1"), 2, 9000)
    assert (record["labels"], record["callerIP"]) == (["mine"], "127.0.0.1")
    shown = api.get(f"/v2/messages/{message_id}")
    assert (shown["callback"], shown["callbackHeader"]) == (receiver.url("/done?x=1"), {"X-Key": ["k"]})


def test_every_attempt_is_told(api: Caller, receiver: Receiver) -> None:
    """A message that fails twice has three callbacks: one for each answer."""
    answers = [Reply(status=500, body=b"first"), Reply(status=404, body=b"second"), Reply(body=b"third")]
    receiver.script("/flaky", *answers)
    message_id = api.publish(receiver.url("/flaky"), headers={**_told(receiver), **AT_ONCE})
    api.wait_until_delivered(message_id)

    payloads = _payloads(receiver, 3)
    assert [(one["retried"], one["status"], b64decode(one["body"])) for one in payloads] == [
        (0, 500, b"first"),
        (1, 404, b"second"),
        (2, 200, b"third"),
    ]
    assert {one["sourceMessageId"] for one in payloads} == {message_id}
    assert all("dlqId" not in one for one in payloads)
    ids = {request.header("upstash-message-id") for request in receiver.requests_to("/done")}
    assert len(ids) == 3


def test_the_last_failure_is_told_twice(api: Caller, receiver: Receiver) -> None:
    """When the attempts are used up both callbacks come; the failure callback has the dead letter's id."""
    receiver.script("/broken", Reply(status=500), Reply(status=503, body=b"gave up"))
    headers = {**_told(receiver), **AT_ONCE, "Upstash-Retries": "1"}
    headers["Upstash-Failure-Callback"] = receiver.url("/failed")
    headers["Upstash-Failure-Callback-Forward-X-Key"] = "f"
    message_id = api.publish(receiver.url("/broken"), b"x", headers=headers)
    api.wait_for(message_id, "FAILED")

    first, last = _payloads(receiver, 2)
    (failure,) = _payloads(receiver, 1, "/failed")
    (letter,) = api.dead_letters(messageId=message_id)
    assert (first["status"], last["status"], last["retried"], last["maxRetries"]) == (500, 503, 1, 1)
    assert failure == {**last, "dlqId": letter["dlqId"]}
    assert receiver.requests_to("/failed")[0].header("x-key") == "f"
    assert letter["failureCallback"] == receiver.url("/failed")
    assert letter["failureCallbackHeader"] == {"X-Key": ["f"]}


def test_a_success_is_no_failure(api: Caller, receiver: Receiver) -> None:
    """A message that succeeds in the end never calls its failure callback."""
    receiver.script("/flaky", Reply(status=500), Reply())
    headers = {**AT_ONCE, "Upstash-Failure-Callback": receiver.url("/failed")}
    api.wait_until_delivered(api.publish(receiver.url("/flaky"), headers=headers))

    api.wait_until_delivered(api.publish(receiver.url("/marker"), headers={"Upstash-Delay": "0.3"}))
    assert [request.path for request in receiver.requests] == ["/flaky", "/flaky", "/marker"]


def test_no_answer_at_all(api: Caller, receiver: Receiver) -> None:
    """Where nothing answers the status is 0, and the body says why."""
    headers = {**_told(receiver), **ONCE, "Upstash-Failure-Callback": receiver.url("/failed")}
    message_id = api.publish(UNREACHABLE, headers=headers)
    api.wait_for(message_id, "FAILED")

    for path in ("/done", "/failed"):
        (payload,) = _payloads(receiver, 1, path)
        assert (payload["status"], payload["header"]) == (0, {})
        assert b64decode(payload["body"]).decode() == api.log(message_id)[-2]["error"]
        assert "sourceBody" not in payload


def test_a_failure_that_cannot_be_retried(api: Caller, receiver: Receiver) -> None:
    """An endpoint that forbids more attempts sets off the failure callback at once."""
    headers = (("Upstash-NonRetryable-Error", "true"),)
    receiver.script("/never-again", Reply(status=489, headers=headers, body=b"no"))
    message_id = api.publish(
        receiver.url("/never-again"), headers={"Upstash-Failure-Callback": receiver.url("/failed")}
    )
    api.wait_for(message_id, "FAILED")

    (payload,) = _payloads(receiver, 1, "/failed")
    assert (payload["status"], payload["retried"], payload["maxRetries"]) == (489, 0, 3)
    assert len(receiver.requests_to("/never-again")) == 1


def test_a_callback_that_fails(api: Caller, receiver: Receiver) -> None:
    """It is retried like any message, tells its own callbacks, and ends as a dead letter of its own."""
    receiver.script("/done", Reply(status=500))
    headers = {
        **_told(receiver),
        "Upstash-Callback-Retries": "1",
        "Upstash-Callback-Retry-Delay": "5",
        "Upstash-Callback-Callback": receiver.url("/told-of-callback"),
        "Upstash-Callback-Callback-Forward-X-Deep": "1",
        "Upstash-Callback-Failure-Callback": receiver.url("/callback-failed"),
        "Upstash-Callback-Failure-Callback-Forward-X-Deep": "2",
    }
    message_id = api.publish(receiver.url("/hook"), b"original", headers=headers)
    api.wait_until_delivered(message_id)

    attempts = receiver.wait_for(2, "/done")
    (failure,) = _payloads(receiver, 1, "/callback-failed")
    nested = _payloads(receiver, 2, "/told-of-callback")
    callback_id = attempts[0].header("upstash-message-id") or ""
    assert [request.header("upstash-message-id") for request in attempts] == [callback_id] * 2
    assert [request.header("upstash-retried") for request in attempts] == ["0", "1"]
    assert [one["retried"] for one in nested] == [0, 1]
    (letter,) = api.dead_letters(messageId=callback_id)
    assert letter["url"] == receiver.url("/done")
    assert {one["sourceMessageId"] for one in (failure, *nested)} == {callback_id}
    assert failure["dlqId"] == letter["dlqId"]
    assert b64decode(failure["sourceBody"]) == attempts[0].body
    deep = {request.path: request.header("x-deep") for request in receiver.requests}
    assert (deep["/told-of-callback"], deep["/callback-failed"]) == ("1", "2")
    assert api.dead_letters(messageId=message_id) == []


def test_a_callback_is_retried_as_often_as_its_message(api: Caller, receiver: Receiver) -> None:
    """Without a setting of its own it has the retries of the message, and its waits."""
    receiver.script("/done", Reply(status=500))
    headers = {**_told(receiver), **AT_ONCE, "Upstash-Retries": "2"}
    api.publish(receiver.url("/hook"), headers=headers)

    callback_id = receiver.wait_for(3, "/done")[0].header("upstash-message-id") or ""
    api.wait_for(callback_id, "FAILED")
    assert len(receiver.requests_to("/done")) == 3


def test_a_callback_may_be_late(api: Caller, receiver: Receiver) -> None:
    """A callback can be delayed, but not that of a queued message: its queue would stand still."""
    headers = {**_told(receiver), "Upstash-Callback-Delay": "1s"}
    api.publish(receiver.url("/hook"), headers=headers)
    (hook,) = receiver.wait_for(1, "/hook")
    (done,) = receiver.wait_for(1, "/done")

    assert done.arrived_ms - hook.arrived_ms >= 990
    answer = api.call("POST", f"/v2/enqueue/late/{receiver.url('/')}", headers=headers)
    assert answer.status == 400
    assert "Upstash-Callback-Delay" in answer.json()["error"]


def test_a_message_of_a_group_says_so(api: Caller, receiver: Receiver) -> None:
    """The payload names the group and the endpoint."""
    body = json.dumps({"endpoints": [{"url": receiver.url("/hook"), "name": "the one"}]}).encode()
    assert api.call("POST", "/v2/topics/told-group/endpoints", body=body).status == 200
    assert api.call("POST", "/v2/publish/told-group", headers=_told(receiver)).status == 200

    (payload,) = _payloads(receiver, 1)
    assert (payload["topicName"], payload["endpointName"]) == ("told-group", "the one")


def test_nobody_is_told_of_a_cancelled_message(api: Caller, receiver: Receiver) -> None:
    """A message cancelled in flight that fails ends without a callback and without a failure callback."""
    gate = Gate()
    receiver.script("/slow", Reply(status=500, gate=gate))
    headers = {**_told(receiver), **ONCE, "Upstash-Failure-Callback": receiver.url("/failed")}
    message_id = api.publish(receiver.url("/slow"), headers=headers)
    receiver.wait_for(1)
    assert api.call("DELETE", f"/v2/messages/{message_id}").status == 200
    gate.open()

    api.wait_for(message_id, "CANCELED")
    api.wait_until_delivered(api.publish(receiver.url("/marker"), headers={"Upstash-Delay": "0.3"}))
    assert [request.path for request in receiver.requests] == ["/slow", "/marker"]


def _line(api: Caller, receiver: Receiver, queue: str, headers: dict[str, str]) -> tuple[str, str]:
    first = api.enqueue(queue, receiver.url("/first"), headers=headers)
    return first, api.enqueue(queue, receiver.url("/second"))


def _order(receiver: Receiver) -> list[str]:
    return [request.path for request in receiver.requests]


def test_a_queue_waits_for_callbacks(api: Caller, receiver: Receiver) -> None:
    """The next message of a queue starts when the callback of the one before it has been answered."""
    gate = Gate()
    receiver.script("/done", Reply(gate=gate))
    first, second = _line(api, receiver, "waits-for-callbacks", _told(receiver))
    receiver.wait_for(1, "/done")
    assert api.wait_until_delivered(first)[-1] == "DELIVERED"
    api.wait_until_delivered(api.publish(receiver.url("/marker"), headers={"Upstash-Delay": "0.3"}))
    assert api.states(second) == ["CREATED"]
    assert api.get("/v2/queues/waits-for-callbacks")["lag"] == 1

    gate.open()
    api.wait_until_delivered(second)
    assert _order(receiver) == ["/first", "/done", "/marker", "/second"]


def test_a_queue_waits_until_the_last_callback_has_ended(api: Caller, receiver: Receiver) -> None:
    """Retries of callbacks and failure callbacks hold the queue as the message itself does."""
    receiver.script("/first", Reply(status=500))
    receiver.script("/done", Reply(status=500), Reply(status=500), Reply())
    receiver.script("/failed", Reply(status=500), Reply())
    headers = {
        **_told(receiver),
        "Upstash-Failure-Callback": receiver.url("/failed"),
        "Upstash-Retries": "0",
        "Upstash-Callback-Retries": "2",
        "Upstash-Callback-Retry-Delay": "100",
        "Upstash-Failure-Callback-Retries": "1",
        "Upstash-Failure-Callback-Retry-Delay": "50",
    }
    _, second = _line(api, receiver, "waits-to-the-end", headers)

    api.wait_until_delivered(second)
    order = _order(receiver)
    assert (order[0], order[-1]) == ("/first", "/second")
    assert sorted(order[1:-1]) == ["/done"] * 3 + ["/failed"] * 2


@pytest.mark.parametrize("ending", ["cancel", "dead letter"])
def test_a_callback_that_ends_badly_frees_the_queue(api: Caller, receiver: Receiver, ending: str) -> None:
    """A cancelled callback and one that becomes a dead letter are over as well."""
    receiver.script("/done", Reply(status=500))
    retries = {"Upstash-Callback-Retries": "9" if ending == "cancel" else "0"}
    delays = {"Upstash-Callback-Retry-Delay": "3600000"}
    _, second = _line(
        api, receiver, f"freed by {ending[:6]}".replace(" ", "-"), {**_told(receiver), **retries, **delays}
    )
    callback_id = receiver.wait_for(1, "/done")[0].header("upstash-message-id") or ""
    if ending == "cancel":
        api.wait_for(callback_id, "RETRY")
        assert api.states(second) == ["CREATED"]
        assert api.call("DELETE", f"/v2/messages/{callback_id}").status == 200

    api.wait_until_delivered(second)
    assert _order(receiver) == ["/first", "/done", "/second"]


def test_a_queue_waits_for_a_callback_that_outlives_its_worker(unmanned: Product, receiver: Receiver) -> None:
    """A worker dies with a callback in flight: the queue stands still until the next one has delivered it."""
    api = Caller(unmanned.port)
    gate = Gate()
    receiver.script("/done", Reply(gate=gate))
    _, second = _line(api, receiver, "bereaved", _told(receiver))
    worker = unmanned.start_worker()
    receiver.wait_for(1, "/done")
    worker.kill()
    receiver.wait_until_hung_up(1)
    unmanned.start_worker()
    receiver.wait_for(2, "/done")
    assert api.states(second) == ["CREATED"]
    gate.open()

    api.wait_until_delivered(second)
    assert _order(receiver) == ["/first", "/done", "/done", "/second"]


def test_a_dead_letter_sent_again_keeps_its_callbacks(api: Caller, receiver: Receiver) -> None:
    """The new message tells the same URLs, and calls itself by its new id."""
    receiver.script("/broken", Reply(status=500), Reply(body=b"better"))
    headers = {**_told(receiver), **ONCE, "Upstash-Callback-Forward-X-Key": "k"}
    message_id = api.publish(receiver.url("/broken"), b"x", headers=headers)
    api.wait_for(message_id, "FAILED")
    (letter,) = api.dead_letters(messageId=message_id)
    again = api.call("POST", f"/v2/dlq/retry/{letter['dlqId']}").json()["messageId"]
    api.wait_until_delivered(again)

    requests = receiver.wait_for(2, "/done")
    payloads = [json.loads(request.body) for request in requests]
    assert [one["sourceMessageId"] for one in payloads] == [message_id, again]
    assert [request.header("x-key") for request in requests] == ["k", "k"]
    assert b64decode(payloads[1]["body"]) == b"better"


def test_many_workers_tell_once_of_each_attempt(own: Product, receiver: Receiver) -> None:
    """Three workers share messages that fail and their callbacks: each attempt is told once."""
    own.start_api()
    own.start_scheduler()
    for _ in range(3):
        own.start_worker()
    api = Caller(own.port)
    failures = iter([Reply(status=500)] * 60)

    def answer(_request: Request) -> Reply:
        return next(failures, Reply())

    receiver.script("/flaky", answer)
    headers = {**_told(receiver), **AT_ONCE, "Upstash-Retries": "20"}
    ids = [api.publish(receiver.url("/flaky"), headers=headers) for _ in range(40)]
    for message_id in ids:
        api.wait_until_delivered(message_id)

    payloads = _payloads(receiver, 100)
    told = [(one["sourceMessageId"], one["retried"]) for one in payloads]
    assert len(told) == len(set(told)) == len(receiver.requests_to("/flaky")) == 100
