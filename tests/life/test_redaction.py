"""Secrets: shown by nothing that can be asked, delivered to everybody they were meant for (contract 4.12)."""

import json
from base64 import b64decode
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest

from tests.life.caller import Caller, Json
from tests.receiver import Receiver, Reply
from tests.running import Product

BODY = b"the secret body"
SECRET = "the secret header"
HEADERS = {
    "Content-Type": "text/plain",
    "Upstash-Forward-Authorization": SECRET,
    "Upstash-Forward-X-Open": "x",
}


def _marker(original: bytes | str) -> str:
    original = original.encode() if isinstance(original, str) else original
    return f"REDACTED:{sha256(original).hexdigest()}"


def _everything(api: Caller) -> str:
    """Return all that the API shows to a user."""
    targets = ("/v2/events", "/v2/logs", "/v2/dlq", "/v2/schedules", "/v2/queues", "/v2/topics")
    return json.dumps([api.get(target) for target in targets])


@pytest.fixture
def api(product: Product) -> Caller:
    """Give a caller who owns nothing yet."""
    return Caller(product.port, product.add_user(f"secretive-{uuid4().hex}").token)


@pytest.mark.parametrize(
    ("fields", "body", "authorization", "other"),
    [
        ("body", True, False, False),
        ("header", False, True, True),
        ("headers", False, True, True),
        ("header[Authorization]", False, True, False),
        ("headers[authorization] , header[x-open],body", True, True, True),
    ],
)
def test_what_is_hidden(
    api: Caller, receiver: Receiver, fields: str, body: bool, authorization: bool, other: bool
) -> None:
    """A message, its log and its dead letter show markers; the endpoint gets what was published."""
    receiver.script("/broken", Reply(status=500))
    headers = {**HEADERS, "Upstash-Redact-Fields": fields, "Upstash-Retries": "0"}
    message_id = api.publish(receiver.url("/broken"), BODY, headers=headers)
    api.wait_for(message_id, "FAILED")

    (letter,) = api.dead_letters()
    shown: list[Json] = [
        api.get(f"/v2/messages/{message_id}"),
        letter,
        api.get(f"/v2/dlq/{letter['dlqId']}"),
        *api.log(message_id),
    ]
    expected = {
        "Authorization": [_marker(SECRET) if authorization else SECRET],
        "X-Open": [_marker("x") if other else "x"],
        "Content-Type": [_marker("text/plain") if fields in ("header", "headers") else "text/plain"],
    }
    text = _marker(BODY) if body else BODY.decode()
    assert [one["header"] for one in shown] == [expected] * len(shown)
    assert [one["body"] for one in shown[:3]] == [text] * 3
    assert [b64decode(one["body"]).decode() for one in shown[3:]] == [text] * 4
    assert not any("bodyBase64" in one for one in shown)
    (request,) = receiver.requests
    found = [request.header(name) for name in ("authorization", "x-open", "content-type")]
    assert (request.body, found) == (BODY, [SECRET, "x", "text/plain"])


def test_bytes_are_hidden_as_text(api: Caller, receiver: Receiver) -> None:
    """A body that is no text has its marker in `body`; an empty one has none."""
    headers = {"Upstash-Redact-Fields": "body", "Upstash-Delay": "1h"}
    with_bytes, empty = (
        api.get(f"/v2/messages/{api.publish(receiver.url('/'), body, headers=headers)}")
        for body in (b"\xff", b"")
    )

    assert (with_bytes["body"], "bodyBase64" in with_bytes) == (_marker(b"\xff"), False)
    assert not {"body", "bodyBase64"} & empty.keys()


def test_a_dead_letter_is_sent_again_as_it_was(api: Caller, receiver: Receiver) -> None:
    """The new message carries the originals, and hides them as well."""
    receiver.script("/broken", Reply(status=500), Reply())
    headers = {**HEADERS, "Upstash-Redact-Fields": "body,header", "Upstash-Retries": "0"}
    api.wait_for(api.publish(receiver.url("/broken"), BODY, headers=headers), "FAILED")
    again = api.call("POST", "/v2/dlq/retry").json()["responses"][0]["messageId"]
    api.wait_until_delivered(again)

    first, second = receiver.requests
    assert first.body == second.body == BODY
    assert first.header("authorization") == second.header("authorization") == SECRET
    assert api.get(f"/v2/messages/{again}")["body"] == _marker(BODY)
    assert SECRET not in _everything(api)


def test_callbacks_get_the_originals(api: Caller, receiver: Receiver) -> None:
    """A callback's payload is not hidden from its endpoint, but from everybody who looks at the callback."""
    headers = {
        **HEADERS,
        "Upstash-Redact-Fields": "body, header",
        "Upstash-Callback": receiver.url("/done"),
        "Upstash-Callback-Forward-X-Key": SECRET,
    }
    message_id = api.publish(receiver.url("/hook"), BODY, headers=headers)

    (request,) = receiver.wait_for(1, "/done")
    payload: dict[str, Any] = json.loads(request.body)
    assert b64decode(payload["sourceBody"]) == BODY
    assert payload["sourceHeader"]["Authorization"] == [SECRET]
    assert request.header("x-key") == SECRET
    api.wait_until_delivered(request.header("upstash-message-id") or "")
    assert api.get(f"/v2/messages/{message_id}")["callbackHeader"] == {"X-Key": [_marker(SECRET)]}
    shown = _everything(api)
    assert not [text for text in (SECRET, BODY.decode(), payload["sourceBody"]) if text in shown]


def test_a_schedule_hides_too(api: Caller, receiver: Receiver) -> None:
    """A schedule shows markers; made again from what it shows, it would send the markers themselves."""
    headers = {**HEADERS, "Upstash-Cron": "0 0 1 1 *", "Upstash-Redact-Fields": "body,header[authorization]"}
    target = f"/v2/schedules/{receiver.url('/')}"
    schedule_id = api.call("POST", target, headers=headers, body=BODY).json()["scheduleId"]
    shown = api.get(f"/v2/schedules/{schedule_id}")
    assert (shown["body"], shown["header"]["Authorization"]) == (_marker(BODY), [_marker(SECRET)])
    assert [one["body"] for one in api.get("/v2/schedules")] == [_marker(BODY)]

    copied = {"Upstash-Cron": shown["cron"], "Upstash-Schedule-Id": schedule_id}
    assert api.call("POST", target, headers=copied, body=shown["body"].encode()).status == 200
    assert api.get(f"/v2/schedules/{schedule_id}")["body"] == _marker(BODY)


@pytest.mark.parametrize("fields", ["", "everything", "header[", "header[]", "header[a b]", "body;header"])
def test_bad_fields_are_refused(api: Caller, receiver: Receiver, fields: str) -> None:
    """What cannot be understood must not look hidden."""
    headers = {"Upstash-Redact-Fields": fields}
    answer = api.call("POST", f"/v2/publish/{receiver.url('/')}", headers=headers)

    assert answer.status == 400
    assert "Upstash-Redact-Fields" in answer.json()["error"]
