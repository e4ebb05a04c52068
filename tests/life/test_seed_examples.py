"""What the vendor's own pages show works here with another host and token: one request each."""

import json
import time
from uuid import uuid4

import pytest

from tests.life.caller import Caller, Fields, Json
from tests.receiver import Receiver, Reply
from tests.running import Product

JSON = {"Content-Type": "application/json"}
HELLO = b'{"hello":"world"}'


@pytest.fixture
def api(product: Product) -> Caller:
    """Give a caller who owns nothing yet."""
    return Caller(product.port, product.add_user(f"newcomer-{uuid4().hex}").token)


def _post(api: Caller, target: str, headers: Fields = (), body: bytes = HELLO) -> Json:
    answer = api.call("POST", target, headers=headers, body=body)
    assert answer.status == 200, answer
    return answer.json()


def test_publish_to_an_endpoint(api: Caller, receiver: Receiver) -> None:
    """A JSON body is delivered as it is, with its content type and a signature."""
    answer = _post(api, f"/v2/publish/{receiver.url('/api')}", JSON)

    (request,) = receiver.wait_for(1)
    assert (request.method, request.path, request.body) == ("POST", "/api", HELLO)
    assert request.header("content-type") == "application/json"
    assert request.header("upstash-message-id") == answer["messageId"]
    assert request.header("upstash-signature")


def test_publish_to_a_url_group(api: Caller, receiver: Receiver) -> None:
    """A group of two, made by one request, delivers twice."""
    endpoints = [{"name": "one", "url": receiver.url("/1")}, {"name": "two", "url": receiver.url("/2")}]
    body = json.dumps({"endpoints": endpoints}).encode()
    assert api.call("POST", "/v2/topics/my-group/endpoints", headers=JSON, body=body).status == 200
    answer = _post(api, "/v2/publish/my-group", JSON)

    assert [one["url"] for one in answer] == [receiver.url("/1"), receiver.url("/2")]
    assert {request.path for request in receiver.wait_for(2)} == {"/1", "/2"}


def test_a_delay_of_five_minutes(api: Caller, receiver: Receiver) -> None:
    """The message waits for five minutes."""
    answer = _post(api, f"/v2/publish/{receiver.url('/api')}", {**JSON, "Upstash-Delay": "5m"})

    message = api.get(f"/v2/messages/{answer['messageId']}")
    assert message["notBefore"] - message["createdAt"] == 300_000


def test_a_delay_of_two_seconds(api: Caller, receiver: Receiver) -> None:
    """The message arrives two seconds later, and not more than a little."""
    start_s = time.time()
    answer = _post(api, f"/v2/publish/{receiver.url('/api')}", {**JSON, "Upstash-Delay": "2s"})
    api.wait_until_delivered(answer["messageId"])

    active_s = api.log(answer["messageId"])[1]["time"] / 1000
    assert 1.99 <= active_s - start_s < 3


def test_a_forwarded_header(api: Caller, receiver: Receiver) -> None:
    """`Upstash-Forward-My-Header` arrives as `My-Header`."""
    headers = {**JSON, "Upstash-Forward-My-Header": "my-value"}
    _post(api, f"/v2/publish/{receiver.url('/api')}", headers)

    (request,) = receiver.wait_for(1)
    assert request.header("my-header") == "my-value"
    assert request.header("upstash-forward-my-header") is None


def test_a_schedule_for_every_midnight(api: Caller) -> None:
    """A cron expression makes a schedule, which the list shows."""
    headers = {"Upstash-Cron": "0 0 * * *"}
    answer = _post(api, "/v2/schedules/https://www.example.com/endpoint", headers, b"")

    (schedule,) = api.get("/v2/schedules")
    assert schedule["scheduleId"] == answer["scheduleId"]
    assert (schedule["cron"], schedule["destination"]) == ("0 0 * * *", "https://www.example.com/endpoint")
    assert schedule["nextScheduleTime"] % 86_400_000 == 0
    assert 0 < schedule["nextScheduleTime"] / 1000 - time.time() <= 86_400


def test_enqueue(api: Caller, receiver: Receiver) -> None:
    """A queue that nobody has made delivers its first message."""
    answer = _post(api, f"/v2/enqueue/my-queue/{receiver.url('/api')}", JSON)

    (request,) = receiver.wait_for(1)
    assert request.header("upstash-message-id") == answer["messageId"]
    assert [queue["name"] for queue in api.get("/v2/queues")] == ["my-queue"]


def test_batch(api: Caller, receiver: Receiver) -> None:
    """Three messages with options of their own, one of them through a queue."""
    items = [
        {"destination": receiver.url("/1")},
        {"destination": receiver.url("/2"), "headers": {"Upstash-Delay": "1s"}, "body": "two"},
        {"destination": receiver.url("/3"), "queue": "my-queue", "headers": {"Upstash-Method": "PUT"}},
    ]
    answer = _post(api, "/v2/batch", JSON, json.dumps(items).encode())

    arrived = {request.path: request for request in receiver.wait_for(3)}
    assert [arrived[f"/{number}"].header("upstash-message-id") for number in (1, 2, 3)] == [
        one["messageId"] for one in answer
    ]
    assert (arrived["/2"].body, arrived["/3"].method) == (b"two", "PUT")


def test_three_retries(api: Caller, receiver: Receiver) -> None:
    """`Upstash-Retries: 3` is four attempts; the first wait is the documented one."""
    receiver.script("/api", Reply(status=500))
    answer = _post(api, f"/v2/publish/{receiver.url('/api')}", {**JSON, "Upstash-Retries": "3"})
    api.wait_for(answer["messageId"], "RETRY")

    assert api.get(f"/v2/messages/{answer['messageId']}")["maxRetries"] == 3
    error = api.log(answer["messageId"])[2]
    assert 11_000 <= error["nextDeliveryTime"] - error["time"] <= 13_000


def test_callback_and_failure_callback(api: Caller, receiver: Receiver) -> None:
    """A message that fails for good is told to both."""
    receiver.script("/api", Reply(status=500))
    headers = {
        **JSON,
        "Upstash-Callback": receiver.url("/callback"),
        "Upstash-Failure-Callback": receiver.url("/failure"),
        "Upstash-Retries": "0",
    }
    answer = _post(api, f"/v2/publish/{receiver.url('/api')}", headers)

    for path in ("/callback", "/failure"):
        (request,) = receiver.wait_for(1, path)
        payload = json.loads(request.body)
        assert (payload["sourceMessageId"], payload["status"]) == (answer["messageId"], 500)


def test_events_with_filters(api: Caller, receiver: Receiver) -> None:
    """The log is filtered by message, state and time, and paged."""
    first = _post(api, f"/v2/publish/{receiver.url('/1')}", JSON)["messageId"]
    second = _post(api, f"/v2/publish/{receiver.url('/2')}", JSON)["messageId"]
    for message_id in (first, second):
        api.wait_until_delivered(message_id)

    assert {event["state"] for event in api.get("/v2/events", messageId=first)["events"]} == {
        *("CREATED", "ACTIVE", "DELIVERED")
    }
    delivered = api.get("/v2/events", state="DELIVERED", fromDate=0)["events"]
    assert {event["messageId"] for event in delivered} == {first, second}
    page = api.get("/v2/events", count=4)
    assert len(page["events"]) == 4
    assert len(api.get("/v2/events", cursor=page["cursor"])["events"]) == 2
