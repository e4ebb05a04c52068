"""Webhooks: callers that know nothing but a URL (contract 3.1, 3.2)."""

import json

import pytest

from qstash_rq.settings import DEVELOPMENT_TOKEN
from tests.life.caller import Caller
from tests.receiver import Receiver
from tests.running import Product

TOKEN = f"qstash_token={DEVELOPMENT_TOKEN.replace('=', '%3D')}"
SENDER = {
    "Authorization": "Basic c2VuZGVyOnNlY3JldA==",
    "Content-Type": "application/json",
    "User-Agent": "Shop/1.0",
    "X-Event": "sold",
    "Cookie": "a=b",
    "Connection": "close",
    "Proxy-Authorization": "Basic x",
    "Keep-Alive": "timeout=5",
    "Expect": "100-continue",
    "Upstash-Forward-X-Extra": "1",
}


@pytest.fixture
def outsider(product: Product) -> Caller:
    """Give a caller who sends no token of its own."""
    return Caller(product.port, token=None)


def test_everything_stands_in_the_url(outsider: Caller, api: Caller, receiver: Receiver) -> None:
    """Token and options are taken out of the query; what is left belongs to the destination, as it is."""
    target = receiver.url(
        f"/hook//a%20b?src=gh&upstash-retries=1&{TOKEN}&x=%2F1&Upstash-Label=from%20query&y="
    )
    answer = outsider.call("POST", f"/v2/publish/{target}", body=b"{}")

    assert answer.json()["url"] == receiver.url("/hook//a%20b?src=gh&x=%2F1&y=")
    (request,) = receiver.wait_for(1)
    assert (request.target, request.body) == ("/hook//a%20b?src=gh&x=%2F1&y=", b"{}")
    message = api.get(f"/v2/messages/{answer.json()['messageId']}")
    assert (message["maxRetries"], message["label"], message["url"]) == (
        *(1, "from query"),
        receiver.url("/hook//a%20b?src=gh&x=%2F1&y="),
    )


def test_the_sender_s_headers_travel_if_asked(outsider: Caller, api: Caller, receiver: Receiver) -> None:
    """All headers arrive but those of the connection; Authorization is the one of the sender."""
    target = receiver.url(f"/hook?{TOKEN}&upstash-header-forward=true")
    answer = outsider.call("POST", f"/v2/publish/{target}", headers=SENDER, body=b"{}")
    api.wait_until_delivered(answer.json()["messageId"])

    (request,) = receiver.requests
    arrived = {name.lower(): value for name, value in request.headers}
    for name in ("Authorization", "Content-Type", "User-Agent", "X-Event", "Cookie"):
        assert arrived[name.lower()] == SENDER[name]
    assert arrived["x-extra"] == "1"
    assert not {"proxy-authorization", "keep-alive", "expect", "upstash-forward-x-extra"} & arrived.keys()
    assert arrived["host"] == f"127.0.0.1:{receiver.port}"
    assert len([name for name, _ in request.headers if name.lower() == "content-type"]) == 1


def test_without_asking_nothing_travels(outsider: Caller, api: Caller, receiver: Receiver) -> None:
    """Only the content type and what is marked for it are forwarded."""
    target = receiver.url(f"/hook?{TOKEN}")
    answer = outsider.call("POST", f"/v2/publish/{target}", headers=SENDER, body=b"{}")

    header = api.get(f"/v2/messages/{answer.json()['messageId']}")["header"]
    assert header == {"Content-Type": ["application/json"], "X-Extra": ["1"]}


def test_our_own_token_never_travels(api: Caller, receiver: Receiver) -> None:
    """The Authorization that let a call in stays behind, also where the URL has a token as well."""
    headers = {"Upstash-Header-Forward": "true", "X-Event": "sold"}
    for target in (receiver.url("/hook"), receiver.url(f"/hook?{TOKEN}")):
        message_id = api.publish(target, headers=headers)
        api.wait_until_delivered(message_id)

    for request in receiver.requests:
        assert (request.header("authorization"), request.header("x-event")) == (None, "sold")
        assert DEVELOPMENT_TOKEN not in repr(request)


def test_a_group_receives_webhooks(outsider: Caller, api: Caller, receiver: Receiver) -> None:
    """The default headers of a group can forward, so that the sender's URL stays short."""
    endpoints = json.dumps({"endpoints": [{"url": receiver.url("/a")}, {"url": receiver.url("/b")}]}).encode()
    assert api.call("POST", "/v2/topics/hooks/endpoints", body=endpoints).status == 200
    defaults = json.dumps({"headers": {"Upstash-Header-Forward": ["true"], "Upstash-Retries": "0"}}).encode()
    assert api.call("PATCH", "/v2/topics/hooks", body=defaults).status == 200

    answer = outsider.call("POST", f"/v2/publish/hooks?{TOKEN}", headers=SENDER, body=b"{}")
    assert answer.status == 200
    requests = receiver.wait_for(2)
    assert {request.path for request in requests} == {"/a", "/b"}
    for request in requests:
        assert (request.header("x-event"), request.header("authorization")) == (
            "sold",
            SENDER["Authorization"],
        )


def test_a_queue_and_a_schedule_take_the_same(outsider: Caller, api: Caller, receiver: Receiver) -> None:
    """Enqueue and schedules read their options from the query as publish does."""
    enqueued = outsider.call(
        "POST", f"/v2/enqueue/hooks/{receiver.url('/queued')}?{TOKEN}&upstash-retries=0&a=b", body=b"{}"
    )
    scheduled = outsider.call(
        "POST", f"/v2/schedules/https://example.com/x?{TOKEN}&upstash-cron=0+0+1+1+*&a=b", body=b"{}"
    )

    (request,) = receiver.wait_for(1)
    assert request.target == "/queued?a=b"
    assert api.get(f"/v2/messages/{enqueued.json()['messageId']}")["maxRetries"] == 0
    schedule = api.get(f"/v2/schedules/{scheduled.json()['scheduleId']}")
    assert (schedule["cron"], schedule["destination"]) == ("0 0 1 1 *", "https://example.com/x?a=b")
    assert api.call("DELETE", f"/v2/schedules/{schedule['scheduleId']}").status == 200


@pytest.mark.parametrize("query", ["", "?qstash_token=wrong", "?upstash-retries=1"])
def test_a_url_without_the_token_is_refused(outsider: Caller, receiver: Receiver, query: str) -> None:
    """Nothing is published for somebody nobody knows."""
    answer = outsider.call("POST", f"/v2/publish/{receiver.url('/hook')}{query}", body=b"{}")

    assert (answer.status, list(answer.json())) == (401, ["error"])
