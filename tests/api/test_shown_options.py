"""Callbacks, flow control, redaction as messages, dead letters, logs show them (contract 2.2, 4.12, 5.2)."""

from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest

from qstash_rq.core import Core
from tests.api.serving import NOT_FOUND, Caller, claim, deliver

WITH_CALLBACKS = {
    "Upstash-Callback": "https://cb.io/a?x=1",
    "Upstash-Callback-Forward-x-one": "1",
    "Upstash-Callback-Method": "PUT",
    "Upstash-Failure-Callback": "https://cb.io/f",
    "Upstash-Failure-Callback-Forward-Authorization": "secret",
    "Upstash-Failure-Callback-Retries": "1",
}
FLOW_KEY = "Upstash-Flow-Control-Key"
FLOW_VALUE = "Upstash-Flow-Control-Value"


def marker(original: str | bytes) -> str:
    """Return what stands for something redacted."""
    original = original.encode() if isinstance(original, str) else original
    return f"REDACTED:{sha256(original).hexdigest()}"


def shown(caller: Caller, core: Core, **options: Any) -> tuple[Any, Any, Any]:
    """Publish a message that fails, and return it as a message, a dead letter and its newest log record."""
    headers = {"Upstash-Retries": "0"} | options.pop("headers")
    message_id = caller.publish(headers=headers, **options)
    message = caller.get(f"/v2/messages/{message_id}").get_json()
    deliver(core, NOT_FOUND)
    (letter,) = caller.get(f"/v2/dlq?messageId={message_id}").get_json()["messages"]
    return message, letter, caller.get(f"/v2/events?messageId={message_id}").get_json()["events"][0]


def test_shows_callbacks(caller: Caller, core: Core) -> None:
    """Both callbacks come with the headers they will be sent, which logs name in the plural."""
    message, letter, record = shown(caller, core, headers=WITH_CALLBACKS)

    for one in (message, letter):
        assert one["callback"] == "https://cb.io/a?x=1"
        assert one["callbackHeader"] == {"X-One": ["1"]}
        assert one["failureCallback"] == "https://cb.io/f"
        assert one["failureCallbackHeader"] == {"Authorization": ["secret"]}
        assert not {"callbackHeaders", "failureCallbackHeaders"} & one.keys()
    assert (record["callback"], record["failureCallback"]) == ("https://cb.io/a?x=1", "https://cb.io/f")
    assert record["callbackHeaders"] == {"X-One": ["1"]}
    assert record["failureCallbackHeaders"] == {"Authorization": ["secret"]}
    assert not {"callbackHeader", "failureCallbackHeader"} & record.keys()


def test_leaves_headers_of_plain_callbacks_out(caller: Caller, core: Core) -> None:
    """A callback without forwarded headers has no header field; headers without a callback mean nothing."""
    headers = {"Upstash-Callback": "https://cb.io", "Upstash-Failure-Callback-Forward-X": "1"}

    for one in shown(caller, core, headers=headers):
        assert one["callback"] == "https://cb.io"
        assert not {"callbackHeader", "callbackHeaders", "failureCallback"} & one.keys()
        assert not {"failureCallbackHeader", "failureCallbackHeaders"} & one.keys()


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ("parallelism=3", {"parallelism": 3, "period": 1}),
        ("rate=5", {"rate": 5, "period": 1}),
        ("rate=5, period=1m", {"rate": 5, "period": 60}),
        ("period=7d,parallelism=1,rate=2", {"parallelism": 1, "rate": 2, "period": 604_800}),
    ],
)
def test_shows_flow_control(caller: Caller, core: Core, value: str, fields: dict[str, int]) -> None:
    """Only given limits are there, the period whenever a key is, in seconds."""
    for one in shown(caller, core, headers={FLOW_KEY: "a/b é", FLOW_VALUE: value}):
        assert one["flowControlKey"] == "a/b é"
        assert {name: one[name] for name in ("parallelism", "rate", "period") if name in one} == fields


def test_shows_no_flow_control_without_a_key(caller: Caller, core: Core) -> None:
    """Without a key none of its fields is there, also not empty."""
    for one in shown(caller, core, headers={}):
        assert not {"flowControlKey", "parallelism", "rate", "period"} & one.keys()


@pytest.mark.parametrize(
    ("fields", "hidden"),
    [
        ("body", {"body"}),
        ("header", {"X-Key", "X-Two", "Content-Type"}),
        ("headers", {"X-Key", "X-Two", "Content-Type"}),
        ("header[x-KEY]", {"X-Key"}),
        ("body, headers[X-Two] , header[Nobody]", {"body", "X-Two"}),
    ],
)
def test_hides_what_is_redacted(caller: Caller, core: Core, fields: str, hidden: set[str]) -> None:
    """Marked parts show a hash of the original everywhere, names stay, and what is sent is the original."""
    values = {"body": "é1", "X-Key": "k", "X-Two": "2", "Content-Type": "text/plain"}
    expected = {name: marker(value) if name in hidden else value for name, value in values.items()}
    headers = {
        "Upstash-Redact-Fields": fields,
        "Content-Type": "text/plain",
        "Upstash-Forward-X-Key": "k",
        "Upstash-Forward-X-Two": "2",
    }

    message, letter, record = shown(caller, core, data="é1".encode(), headers=headers)

    for one in (message, letter, record):
        assert one["header"] == {name: [expected[name]] for name in ("Content-Type", "X-Key", "X-Two")}
    assert message["body"] == letter["body"] == expected["body"]
    assert record["body"] == b64encode(expected["body"].encode()).decode()
    assert letter["responseBody"] == "404 Not Found"
    caller.post(f"/v2/dlq/retry/{letter['dlqId']}")
    (claimed,) = claim(core)
    assert (claimed.message.body, claimed.message.headers[1:]) == (
        "é1".encode(),
        (("X-Key", "k"), ("X-Two", "2")),
    )


def test_a_redacted_body_is_text(caller: Caller, core: Core) -> None:
    """The marker of bytes that are no text stands in `body`, and nothing is redacted to something."""
    message, letter, _ = shown(caller, core, data=b"\xff", headers={"Upstash-Redact-Fields": "body"})
    for one in (message, letter):
        assert one["body"] == marker(b"\xff")
        assert "bodyBase64" not in one

    for one in shown(caller, core, data=b"", headers={"Upstash-Redact-Fields": "body,header"}):
        assert not {"body", "bodyBase64"} & one.keys()


def test_hides_headers_of_callbacks(caller: Caller, core: Core) -> None:
    """The headers of callbacks are hidden by their own redaction, else by that of the message."""
    headers = WITH_CALLBACKS | {
        "Upstash-Redact-Fields": "header[Authorization]",
        "Upstash-Callback-Redact-Fields": "header",
    }

    message, letter, record = shown(caller, core, headers=headers)

    for one in (message, letter):
        assert one["callbackHeader"] == {"X-One": [marker("1")]}
        assert one["failureCallbackHeader"] == {"Authorization": [marker("secret")]}
    assert record["callbackHeaders"] == {"X-One": [marker("1")]}
    assert record["failureCallbackHeaders"] == {"Authorization": [marker("secret")]}
