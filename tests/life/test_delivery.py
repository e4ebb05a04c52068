"""A message's straight path: published, delivered once, told in the log; and what endpoints may do to it."""

import base64
import hashlib
import time

import jwt
import pytest

from qstash_rq.settings import DEVELOPMENT_CURRENT_SIGNING_KEY
from tests.life.caller import Caller
from tests.receiver import Gate, Receiver, Reply, hang
from tests.running import Product

SLOW = 40


def test_a_published_message_is_delivered_once(api: Caller, receiver: Receiver) -> None:
    """Publish answers with an id; the message arrives once, its log tells its life and it can be read."""
    url = receiver.url("/hook?a=1")
    message_id = api.publish(url, b"hello", headers={"Content-Type": "text/plain"})

    assert api.wait_until_delivered(message_id) == ["CREATED", "ACTIVE", "DELIVERED"]
    (request,) = receiver.requests
    assert (request.method, request.target, request.body) == ("POST", "/hook?a=1", b"hello")
    message = api.get(f"/v2/messages/{message_id}")
    assert (message["url"], message["body"]) == (url, "hello")
    assert message["header"] == {"Content-Type": ["text/plain"]}


def test_a_delivery_carries_the_headers_of_the_contract_and_no_others(
    api: Caller, receiver: Receiver
) -> None:
    """The endpoint sees who delivers what for whom, the forwarded headers, and nothing of the call."""
    headers = {
        "Content-Type": "application/json",
        "Upstash-Forward-X-Trace": "t-1",
        "Upstash-Label": "quiet",
        "Upstash-Telemetry-Sdk": "x",
        "X-Mine": "not forwarded",
    }
    message_id = api.publish(receiver.url("/hook"), b"{}", headers=headers)

    (request,) = receiver.wait_for(1)
    found = {name.lower(): value for name, value in request.headers}
    assert found.pop("upstash-signature").count(".") == 2
    assert found == {
        "host": f"127.0.0.1:{receiver.port}",
        "user-agent": "Upstash-QStash",
        "accept-encoding": "gzip",
        "content-type": "application/json",
        "content-length": "2",
        "x-trace": "t-1",
        "upstash-message-id": message_id,
        "upstash-retried": "0",
        "upstash-caller-ip": "127.0.0.1",
        "upstash-region": "EU-CENTRAL-1",
    }


def test_the_signature_covers_url_and_body(api: Caller, receiver: Receiver) -> None:
    """The signature verifies with the current key and names the URL as published and the body's digest."""
    url = receiver.url("/signed//a%20b?q=%2F")
    api.publish(url, b"\x00\xff")

    (request,) = receiver.wait_for(1)
    token = request.header("upstash-signature")
    assert token is not None
    claims = jwt.decode(token, DEVELOPMENT_CURRENT_SIGNING_KEY, algorithms=["HS256"], issuer="Upstash")
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"\x00\xff").digest()).decode()
    assert (claims["sub"], claims["body"].rstrip("=")) == (url, digest.rstrip("="))
    assert claims["exp"] - claims["iat"] == 300
    assert abs(claims["iat"] - time.time()) < 30


@pytest.mark.parametrize("body", [b"", b'{"a":1}'], ids=["empty", "body"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_any_method_goes_with_or_without_a_body(
    api: Caller, receiver: Receiver, method: str, body: bytes
) -> None:
    """The method is the publisher's, and a body goes along with GET and DELETE too."""
    message_id = api.publish(receiver.url("/m"), body, headers={"Upstash-Method": method.lower()})

    api.wait_until_delivered(message_id)
    (request,) = receiver.requests
    assert (request.method, request.body) == (method, body)


def test_redirects_are_not_followed(api: Caller, receiver: Receiver) -> None:
    """A 3xx is a failed attempt like any other, and the place it points to hears nothing."""
    receiver.script("/moved", Reply(status=302, headers=(("Location", receiver.url("/elsewhere")),)))
    message_id = api.publish(receiver.url("/moved"), headers={"Upstash-Retries": "0"})

    api.wait_for(message_id, "FAILED")
    assert [request.path for request in receiver.requests] == ["/moved"]
    (letter,) = api.dead_letters(messageId=message_id)
    assert letter["responseStatus"] == 302


def test_slow_endpoints_hold_nobody_up(api: Caller, receiver: Receiver) -> None:
    """While many endpoints keep their senders waiting, other messages and API calls go through."""
    gate = Gate()
    receiver.script("/slow", Reply(gate=gate))
    slow = [api.publish(receiver.url("/slow")) for _ in range(SLOW)]
    receiver.wait_for(SLOW, "/slow")

    quick = api.publish(receiver.url("/quick"))
    assert api.wait_until_delivered(quick) == ["CREATED", "ACTIVE", "DELIVERED"]
    assert {api.states(message_id)[-1] for message_id in slow} == {"ACTIVE"}

    gate.open()
    for message_id in slow:
        api.wait_until_delivered(message_id)
    assert len(receiver.requests_to("/slow")) == SLOW


def test_the_timeout_of_a_message_ends_its_attempt(api: Caller, receiver: Receiver) -> None:
    """An endpoint that does not answer within `Upstash-Timeout` has failed, and its connection is closed."""
    receiver.script("/hang", hang())
    headers = {"Upstash-Timeout": "1s", "Upstash-Retries": "0"}
    message_id = api.publish(receiver.url("/hang"), headers=headers)

    assert api.wait_for(message_id, "FAILED") == ["CREATED", "ACTIVE", "ERROR", "FAILED"]
    error = api.log(message_id)[2]
    assert "timed out" in error["error"]
    assert "responseStatus" not in error
    receiver.wait_until_hung_up(1)


def test_an_endpoint_that_is_not_there_fails_the_attempt(api: Caller, receiver: Receiver) -> None:
    """No connection means a failed attempt without a response: its dead letter says status 0."""
    with Receiver() as gone:
        url = gone.url("/")
    message_id = api.publish(url, headers={"Upstash-Retries": "0"})

    api.wait_for(message_id, "FAILED")
    (letter,) = api.dead_letters(messageId=message_id)
    assert letter["responseStatus"] == 0
    assert not receiver.requests


@pytest.mark.parametrize("path", ["/health", "/v2/readiness"])
def test_health_needs_no_token(product: Product, path: str) -> None:
    """Load balancers ask without a token."""
    answer = Caller(product.port, None).call("GET", path)

    assert (answer.status, answer.json()) == (200, {"status": "ok"})
