"""What follows a failed attempt: another one, or a dead letter that can be sent again."""

from base64 import b64decode

import pytest

from tests.life.caller import Caller
from tests.receiver import Receiver, Reply

AT_ONCE = {"Upstash-Retry-Delay": "5"}
BROKEN = Reply(status=503, headers=(("X-Why", "tired"),), body=b"come back later")


def test_a_message_is_tried_until_it_succeeds(api: Caller, receiver: Receiver) -> None:
    """A failed attempt is an ERROR and a RETRY, a new one an ACTIVE; the id stays, retries are counted."""
    receiver.script("/flaky", BROKEN, BROKEN, Reply(status=204))
    message_id = api.publish(receiver.url("/flaky"), b"body", headers=AT_ONCE)

    states = api.wait_until_delivered(message_id)
    assert states == ["CREATED", *["ACTIVE", "ERROR", "RETRY"] * 2, "ACTIVE", "DELIVERED"]
    assert [request.body for request in receiver.requests] == [b"body"] * 3
    assert [request.header("upstash-retried") for request in receiver.requests] == ["0", "1", "2"]
    assert {request.header("upstash-message-id") for request in receiver.requests} == {message_id}
    assert len({request.header("upstash-signature") for request in receiver.requests}) == 3


def test_an_error_tells_what_the_endpoint_said(api: Caller, receiver: Receiver) -> None:
    """The ERROR record holds the response and when the next attempt is, the RETRY record that time too."""
    receiver.script("/flaky", BROKEN, Reply())
    message_id = api.publish(receiver.url("/flaky"), headers=AT_ONCE)

    api.wait_until_delivered(message_id)
    _, active, error, retry, again, _ = api.log(message_id)
    assert (error["error"], error["responseStatus"]) == ("503 Service Unavailable", 503)
    assert b64decode(error["responseBody"]) == b"come back later"
    assert error["responseHeader"]["X-Why"] == ["tired"]
    assert error["nextDeliveryTime"] == retry["nextDeliveryTime"]
    # The delay counts from the answer, which came between the first attempt's beginning and its record's end.
    assert active["time"] + 5 <= error["nextDeliveryTime"] <= error["time"] + 5
    assert error["nextDeliveryTime"] <= again["time"]


def test_attempts_run_out(api: Caller, receiver: Receiver) -> None:
    """A message with two retries is tried three times, then it is dead."""
    receiver.script("/broken", BROKEN)
    message_id = api.publish(receiver.url("/broken"), headers={"Upstash-Retries": "2", **AT_ONCE})

    states = api.wait_for(message_id, "FAILED")
    assert states == ["CREATED", *["ACTIVE", "ERROR", "RETRY"] * 2, "ACTIVE", "ERROR", "FAILED"]
    assert "nextDeliveryTime" not in api.log(message_id)[-2]
    assert len(receiver.requests) == 3


@pytest.mark.parametrize("status", [400, 404, 429, 500])
def test_the_response_may_ask_for_a_time(api: Caller, receiver: Receiver, status: int) -> None:
    """`Retry-After: 0` means now, on any failed status and whatever delay the publisher wanted."""
    receiver.script("/busy", Reply(status=status, headers=(("Retry-After", "0"),)), Reply())
    message_id = api.publish(receiver.url("/busy"), headers={"Upstash-Retry-Delay": "3600000"})

    assert api.wait_until_delivered(message_id) == [
        "CREATED",
        "ACTIVE",
        "ERROR",
        "RETRY",
        "ACTIVE",
        "DELIVERED",
    ]


def test_without_a_wish_the_wait_is_the_default_one(api: Caller, receiver: Receiver) -> None:
    """The first wait is e^2.5 seconds; until it is over the message can be seen, with the time it is due."""
    receiver.script("/broken", BROKEN)
    message_id = api.publish(receiver.url("/broken"))

    api.wait_for(message_id, "RETRY")
    error = api.log(message_id)[2]
    assert abs(error["nextDeliveryTime"] - error["time"] - 12_182) < 100
    assert api.get(f"/v2/messages/{message_id}")["notBefore"] == error["nextDeliveryTime"]
    assert api.call("DELETE", f"/v2/messages/{message_id}").status == 200


def test_an_endpoint_may_refuse_for_good(api: Caller, receiver: Receiver) -> None:
    """489 with its header ends the message at the first attempt, retries left or not."""
    receiver.script("/no", Reply(status=489, headers=(("Upstash-NonRetryable-Error", "true"),)))
    message_id = api.publish(receiver.url("/no"), headers=AT_ONCE)

    assert api.wait_for(message_id, "FAILED") == ["CREATED", "ACTIVE", "ERROR", "FAILED"]
    assert len(receiver.requests) == 1
    assert api.dead_letters(messageId=message_id)[0]["responseStatus"] == 489


def test_489_alone_is_an_ordinary_failure(api: Caller, receiver: Receiver) -> None:
    """Without the header the message is tried again."""
    receiver.script("/no", Reply(status=489), Reply())
    message_id = api.publish(receiver.url("/no"), headers=AT_ONCE)

    assert api.wait_until_delivered(message_id)[2:4] == ["ERROR", "RETRY"]


def test_a_dead_letter_is_sent_again(api: Caller, receiver: Receiver) -> None:
    """Without retries one failure kills; the dead letter keeps all, and its revival is a new message."""
    receiver.script("/hook", BROKEN, Reply())
    headers = {"Upstash-Retries": "0", "Upstash-Forward-X-Key": "k", "Upstash-Label": "revived"}
    message_id = api.publish(receiver.url("/hook"), b"\xff\x00", headers=headers)

    assert api.wait_for(message_id, "FAILED") == ["CREATED", "ACTIVE", "ERROR", "FAILED"]
    (letter,) = api.dead_letters(messageId=message_id)
    assert (letter["responseStatus"], letter["responseBody"]) == (503, "come back later")
    assert b64decode(letter["bodyBase64"]) == b"\xff\x00"
    assert letter["label"] == "revived"
    assert api.get(f"/v2/dlq/{letter['dlqId']}") == letter

    answer = api.call("POST", f"/v2/dlq/retry/{letter['dlqId']}")
    assert answer.status == 201
    revived = answer.json()["messageId"]
    assert revived != message_id
    assert api.wait_until_delivered(revived) == ["CREATED", "ACTIVE", "DELIVERED"]
    first, second = receiver.requests
    assert (first.body, first.header("x-key")) == (second.body, second.header("x-key"))
    assert second.header("upstash-retried") == "0"
    assert api.call("GET", f"/v2/dlq/{letter['dlqId']}").status == 404
    assert api.dead_letters(messageId=message_id) == []
    assert api.states(message_id)[-1] == "FAILED"


def test_a_hundred_failures_are_told_in_time(api: Caller, receiver: Receiver) -> None:
    """A hundred messages without retries to a failing endpoint leave four records each within seconds."""
    receiver.script("/broken", BROKEN)
    headers = {"Upstash-Retries": "0", "Upstash-Label": "hundred-failures"}
    ids = {api.publish(receiver.url("/broken"), headers=headers) for _ in range(100)}

    for message_id in ids:
        api.wait_for(message_id, "FAILED", timeout_s=10)
    assert len(api.get("/v2/events", label="hundred-failures")["events"]) == 400
    assert {letter["messageId"] for letter in api.dead_letters(label="hundred-failures")} == ids
