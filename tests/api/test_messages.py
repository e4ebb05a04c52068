"""GET and DELETE /v2/messages (contract 2.2)."""

import io

import pytest

from qstash_rq.core import Core
from tests.api.serving import NOT_FOUND, Caller, claim, deliver, error, settle
from tests.clock import FakeClock


def test_shows_a_plain_message(caller: Caller, clock: FakeClock) -> None:
    """A message without options has exactly the fields that are always there, and the caller's address."""
    message_id = caller.publish("https://example.com")

    assert caller.get(f"/v2/messages/{message_id}").get_json() == {
        "messageId": message_id,
        "url": "https://example.com",
        "method": "POST",
        "header": {},
        "maxRetries": 3,
        "notBefore": clock.now_ms(),
        "createdAt": clock.now_ms(),
        "callerIP": "127.0.0.1",
        "callerIp": "127.0.0.1",
    }


def test_shows_every_option(caller: Caller, clock: FakeClock) -> None:
    """Options come back under the contract's names and units."""
    message_id = caller.enqueue(
        "orders",
        data=b"text",
        headers={
            "content-type": "text/plain",
            "upstash-forward-x-api-key": "k",
            "upstash-method": "PATCH",
            "upstash-retries": "0",
            "upstash-retry-delay": "1000 * retried",
            "upstash-delay": "1m",
            "upstash-timeout": "30s",
            "upstash-label": "a, b",
        },
    )

    assert caller.get(f"/v2/messages/{message_id}").get_json() == {
        "messageId": message_id,
        "url": "https://example.com/hook",
        "method": "PATCH",
        "header": {"Content-Type": ["text/plain"], "X-Api-Key": ["k"]},
        "body": "text",
        "maxRetries": 0,
        "notBefore": clock.now_ms() + 60_000,
        "createdAt": clock.now_ms(),
        "queueName": "orders",
        "callerIP": "127.0.0.1",
        "callerIp": "127.0.0.1",
        "label": "a",
        "labels": ["a", "b"],
        "retryDelayExpression": "1000 * retried",
        "timeout": 30_000,
    }


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", {}),
        ("é".encode(), {"body": "é"}),
        (b"\xff\xfe", {"bodyBase64": "//4="}),
        (b"\x00", {"body": "\x00"}),
    ],
)
def test_shows_the_body_as_text_or_base64(caller: Caller, body: bytes, fields: dict[str, str]) -> None:
    """A body is text when it is UTF-8, else base64, and neither key is there when it is empty."""
    message_id = caller.publish(data=body)

    message = caller.get(f"/v2/messages/{message_id}").get_json()
    assert {name: message[name] for name in ("body", "bodyBase64") if name in message} == fields


def test_shows_the_next_delivery_while_a_retry_waits(caller: Caller, core: Core, clock: FakeClock) -> None:
    """After a failed attempt `notBefore` is the time of the retry."""
    message_id = caller.publish(headers={"Upstash-Retry-Delay": "7000"})

    deliver(core, NOT_FOUND)

    assert caller.get(f"/v2/messages/{message_id}").get_json()["notBefore"] == clock.now_ms() + 7_000


def test_still_shows_a_delivered_message(caller: Caller, core: Core, clock: FakeClock) -> None:
    """A delivered message answers for the grace period and is gone after it."""
    message_id = caller.publish()
    deliver(core)

    clock.advance(60_000)
    assert caller.get(f"/v2/messages/{message_id}").status_code == 200
    clock.advance(1)
    assert error(caller.get(f"/v2/messages/{message_id}"), 404) == f"message {message_id} not found"


def test_cancels_one(caller: Caller) -> None:
    """Cancelling answers JSON with the count; the message is gone at once, and a second time is a 404."""
    message_id = caller.publish()

    response = caller.delete(f"/v2/messages/{message_id}")

    assert response.status_code == 200
    assert response.get_json() == {"cancelled": 1}
    assert caller.get(f"/v2/messages/{message_id}").status_code == 404
    assert error(caller.delete(f"/v2/messages/{message_id}"), 404) == f"message {message_id} not found"


def test_cancels_one_in_flight(caller: Caller, core: Core) -> None:
    """A message that is being delivered can be cancelled."""
    message_id = caller.publish()
    claims = claim(core)

    assert caller.delete(f"/v2/messages/{message_id}").get_json() == {"cancelled": 1}
    settle(core, claims, NOT_FOUND)
    states = [event["state"] for event in caller.get("/v2/events").get_json()["events"]]
    assert states[0] == "CANCELED"


def test_refuses_to_cancel_what_is_delivered(caller: Caller, core: Core) -> None:
    """A terminal message cannot be cancelled."""
    message_id = caller.publish()
    deliver(core)

    error(caller.delete(f"/v2/messages/{message_id}"), 404)


def test_hides_messages_of_other_users(caller: Caller, other: Caller) -> None:
    """A message belongs to the user who published it: others can neither see nor cancel it."""
    message_id = caller.publish()

    error(other.get(f"/v2/messages/{message_id}"), 404)
    error(other.delete(f"/v2/messages/{message_id}"), 404)
    assert other.delete("/v2/messages").get_json() == {"cancelled": 0}
    assert caller.get(f"/v2/messages/{message_id}").status_code == 200


def test_cancels_as_the_python_client_asks(caller: Caller) -> None:
    """Two of three by ids in the body, then all without a body: 2, then 1."""
    ids = [caller.publish() for _ in range(3)]

    by_ids = caller.delete("/v2/messages", json={"messageIds": ids[:2]})
    rest = caller.delete("/v2/messages")

    assert by_ids.get_json() == {"cancelled": 2}
    assert rest.get_json() == {"cancelled": 1}


def test_cancels_as_the_typescript_client_asks(caller: Caller) -> None:
    """Two of three by repeated ids in the query, then all with a count only: 2, then 1."""
    ids = [caller.publish() for _ in range(3)]

    by_ids = caller.delete(f"/v2/messages?messageIds={ids[0]}&messageIds={ids[1]}")
    rest = caller.delete("/v2/messages?count=100")

    assert by_ids.get_json() == {"cancelled": 2}
    assert rest.get_json() == {"cancelled": 1}


def test_ids_make_other_filters_idle(caller: Caller) -> None:
    """With ids, every other filter and the count are ignored, and unknown ids are skipped."""
    ids = [caller.publish() for _ in range(2)]

    response = caller.delete(f"/v2/messages?messageIds={ids[0]},nope,{ids[1]}&count=1&label=none")

    assert response.get_json() == {"cancelled": 2}


@pytest.mark.parametrize("request_body", [{"messageIds": []}, {"messageIds": [""]}, {"messageIds": ""}])
def test_no_ids_cancel_nothing(caller: Caller, request_body: dict[str, object]) -> None:
    """An empty list of ids means none of the messages, never all of them."""
    caller.publish()

    assert caller.delete("/v2/messages", json=request_body).get_json() == {"cancelled": 0}


@pytest.mark.parametrize(
    ("query", "cancelled"),
    [
        ("label=red", 2),
        ("label=red,blue", 3),
        ("label=red&label=blue", 3),
        ("label=none", 0),
        ("label=", 4),
        ("queueName=q", 1),
        ("queueName=q&label=red", 0),
        ("url=https%3A%2F%2Fexample.com%2Fa%2Cb", 1),
        ("url=https://example.com/a", 1),
        ("url=https://example.com/a,https://example.com/q", 2),
        ("host=EXAMPLE.com", 4),
        ("path=/a", 1),
        ("path=/a,/q", 2),
        ("path=/a,b", 1),
        ("callerIp=127.0.0.1", 4),
        ("callerIP=127.0.0.2", 0),
        ("flowControlKey=k", 0),
        ("topicName=t", 0),
        ("scheduleId=s", 0),
        ("fromDate=1700000000000&toDate=1700000000000", 4),
        ("fromDate=1700000000001", 0),
        ("toDate=-1", 0),
        ("count=2", 2),
        ("count=500&cursor=ignored", 4),
    ],
)
def test_cancels_what_a_filter_wants(caller: Caller, query: str, cancelled: int) -> None:
    """Filters are OR inside one parameter and AND between them; an empty one is no filter."""
    caller.publish("https://example.com/a", headers={"Upstash-Label": "red"})
    caller.publish("https://example.com/a,b", headers={"Upstash-Label": "green, red"})
    caller.publish("https://example.com/c", headers={"Upstash-Label": "blue"})
    caller.enqueue("q", "https://example.com/q")

    assert caller.delete(f"/v2/messages?{query}").get_json() == {"cancelled": cancelled}


def test_reads_filters_from_the_body_too(caller: Caller) -> None:
    """Filter and count may stand in a JSON body, numbers as numbers, lists as lists."""
    for label in ("a", "b", "b", "c"):
        caller.publish(headers={"Upstash-Label": label})

    body = {"label": ["a", "b"], "count": 2, "fromDate": 1_700_000_000_000, "toDate": None}
    response = caller.delete("/v2/messages", json=body)

    assert response.get_json() == {"cancelled": 2}


def test_reads_a_body_without_a_length(caller: Caller) -> None:
    """The body of a DELETE is read, also when it comes in chunks and without a content type."""
    ids = [caller.publish() for _ in range(2)]
    chunked = io.BytesIO(f'{{"messageIds": ["{ids[0]}"]}}'.encode())

    response = caller.delete("/v2/messages", environ={"wsgi.input": chunked, "wsgi.input_terminated": True})

    assert response.get_json() == {"cancelled": 1}
