"""Which callbacks an attempt calls for and what they say, contract 3.4 and 4.7."""

import json
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_rq.callbacks import callback_message, dlq_id_placeholder, header_map, wanted_callbacks
from qstash_rq.delivery import Attempt, Delivered, Failed, Retry, Verdict
from qstash_rq.message import Callback, Flow, Headers, Message, Redaction

_NOW_MS = 1_700_000_100_000
_REGULAR = Callback(url="https://cb.io/")
_FAILURE = Callback(url="https://fail.io/")
_ANSWER = Attempt(status=200, headers=(("content-length", "2"),), body=b"ok")

_SOURCE = Message(
    message_id="msg_source",
    user_id="user",
    url="https://a.io//x?y",
    created_at_ms=1_700_000_000_000,
    not_before_ms=1_700_000_050_000,
    method="PUT",
    headers=(("Content-Type", "text/plain"), ("x-secret", "s")),
    body=b"sent \xff",
    max_retries=5,
    retry_delay="1000 * retried",
    timeout_ms=9_000,
    caller_ip="10.0.0.1",
    labels=("first", "second"),
    queue_name="queue",
    topic_name="group",
    endpoint_name="endpoint",
    schedule_id="scd_1",
    callback=_REGULAR,
    failure_callback=_FAILURE,
    flow=Flow(key="flow", rate=1),
    redaction=Redaction(body=True),
)
_BARE = Message(message_id="msg_bare", user_id="user", url="https://a.io", created_at_ms=1, not_before_ms=2)


def _made(
    source: Message = _SOURCE,
    callback: Callback = _REGULAR,
    attempt: Attempt = _ANSWER,
    *,
    error: str = "",
    dlq_id: str | None = None,
) -> Message:
    return callback_message(
        source,
        callback,
        attempt,
        error=error,
        retried=2,
        now_ms=_NOW_MS,
        message_id="msg_new",
        dlq_id=dlq_id,
    )


def _payload(message: Message) -> dict[str, Any]:
    return json.loads(message.body)


@pytest.mark.parametrize(
    ("verdict", "wanted"),
    [
        (Delivered(), ((_REGULAR, False),)),
        (Retry(_NOW_MS, "500"), ((_REGULAR, False),)),
        (Failed("500"), ((_REGULAR, False), (_FAILURE, True))),
    ],
)
def test_every_attempt_is_told_and_the_last_failed_one_twice(
    verdict: Verdict, wanted: tuple[tuple[Callback, bool], ...]
) -> None:
    """A callback follows each attempt, a failure callback the final failure; each has to be asked for."""
    without = replace(_SOURCE, callback=None)

    assert wanted == wanted_callbacks(_SOURCE, verdict)
    assert wanted[1:] == wanted_callbacks(without, verdict)
    assert wanted[:1] == wanted_callbacks(replace(_SOURCE, failure_callback=None), verdict)
    assert wanted_callbacks(_BARE, verdict) == ()


def test_the_payload_tells_all_about_attempt_and_source() -> None:
    """Bodies are base64, header names canonical, times numbers; the source is shown unredacted."""
    assert _payload(_made()) == {
        "status": 200,
        "header": {"Content-Length": ["2"]},
        "body": "b2s=",
        "retried": 2,
        "maxRetries": 5,
        "sourceMessageId": "msg_source",
        "url": "https://a.io//x?y",
        "method": "PUT",
        "sourceHeader": {"Content-Type": ["text/plain"], "X-Secret": ["s"]},
        "sourceBody": b64encode(b"sent \xff").decode(),
        "notBefore": 1_700_000_050_000,
        "createdAt": 1_700_000_000_000,
        "topicName": "group",
        "endpointName": "endpoint",
        "scheduleId": "scd_1",
        "queueName": "queue",
        "callerIP": "10.0.0.1",
        "label": "first",
        "labels": ["first", "second"],
    }


def test_what_the_source_does_not_have_is_left_out() -> None:
    """Bodies that are empty and names that are not set have no key; headers and numbers always have."""
    assert _payload(_made(_BARE, attempt=Attempt(status=500))) == {
        "status": 500,
        "header": {},
        "retried": 2,
        "maxRetries": 3,
        "sourceMessageId": "msg_bare",
        "url": "https://a.io",
        "method": "POST",
        "sourceHeader": {},
        "notBefore": 2,
        "createdAt": 1,
    }


def test_without_a_response_the_status_is_0_and_the_body_the_error() -> None:
    """A network error has no response to show, so its text takes the body's place."""
    payload = _payload(_made(attempt=Attempt(error="refused"), error="connection refused: größer"))

    assert (payload["status"], payload["header"]) == (0, {})
    assert payload["body"] == b64encode("connection refused: größer".encode()).decode()


def test_unset_options_are_those_of_the_source() -> None:
    """Retries, their delay, labels and redaction are inherited; method, time-out, flow and queue are not."""
    assert replace(_made(), body=b"") == Message(
        message_id="msg_new",
        user_id="user",
        url="https://cb.io/",
        created_at_ms=_NOW_MS,
        not_before_ms=_NOW_MS,
        method="POST",
        headers=(("Content-Type", "application/json"),),
        max_retries=5,
        retry_delay="1000 * retried",
        caller_ip="10.0.0.1",
        labels=("first", "second"),
        redaction=Redaction(body=True),
        source_message_id="msg_source",
    )


def test_a_callback_has_options_of_its_own() -> None:
    """What it sets holds, also where that is nothing; nested callbacks become the new message's."""
    callback = Callback(
        url="https://cb.io/",
        method="PATCH",
        headers=(("x-own", "1"),),
        max_retries=0,
        retry_delay="7",
        timeout_ms=1_000,
        labels=(),
        flow=Flow(key="own", parallelism=1),
        redaction=Redaction(),
        callback=_REGULAR,
        failure_callback=_FAILURE,
    )

    assert replace(_made(callback=callback), body=b"") == Message(
        message_id="msg_new",
        user_id="user",
        url="https://cb.io/",
        created_at_ms=_NOW_MS,
        not_before_ms=_NOW_MS,
        method="PATCH",
        headers=(("Content-Type", "application/json"), ("x-own", "1")),
        max_retries=0,
        retry_delay="7",
        timeout_ms=1_000,
        caller_ip="10.0.0.1",
        callback=_REGULAR,
        failure_callback=_FAILURE,
        flow=Flow(key="own", parallelism=1),
        redaction=Redaction(),
        source_message_id="msg_source",
    )


@pytest.mark.parametrize(
    ("callback", "not_before_ms"),
    [
        (replace(_REGULAR, delay_ms=5_000), _NOW_MS + 5_000),
        (replace(_REGULAR, not_before_ms=_NOW_MS + 7_000), _NOW_MS + 7_000),
        (replace(_REGULAR, not_before_ms=_NOW_MS + 7_000, delay_ms=9_000), _NOW_MS + 7_000),
        (replace(_REGULAR, not_before_ms=_NOW_MS - 7_000), _NOW_MS),
    ],
)
def test_a_callback_may_be_late(callback: Callback, not_before_ms: int) -> None:
    """Its delay counts from the attempt; a fixed time comes before it, and one that is past is now."""
    assert not_before_ms == _made(callback=callback).not_before_ms


def test_the_dlq_id_is_put_in_afterwards() -> None:
    """The placeholder stands where the id belongs, before anything an endpoint could have written."""
    placeholder = dlq_id_placeholder(_SOURCE)
    attempt = Attempt(status=500, headers=(("x-forged", placeholder),), body=placeholder.encode())

    body = _made(attempt=attempt, dlq_id=placeholder).body.replace(placeholder.encode(), b"1-0", 1)

    assert json.loads(body)["dlqId"] == "1-0"
    assert json.loads(body)["header"] == {"X-Forged": [placeholder]}
    assert "dlqId" not in _payload(_made(attempt=attempt))


def test_placeholders_differ_between_messages() -> None:
    """One message's callback cannot hold another one's placeholder by accident."""
    assert dlq_id_placeholder(_SOURCE) != dlq_id_placeholder(_BARE)


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=4).map(tuple), st.binary(), st.binary())
def test_any_response_can_be_told(headers: Headers, body: bytes, sent: bytes) -> None:
    """Whatever bytes and header texts come back, the payload is ASCII JSON that holds them all."""
    message = _made(replace(_SOURCE, body=sent), attempt=Attempt(status=200, headers=headers, body=body))

    payload = _payload(message)
    assert message.body.isascii()
    assert payload.get("body", "") == b64encode(body).decode()
    assert payload.get("sourceBody", "") == b64encode(sent).decode()
    assert sorted(value for values in payload["header"].values() for value in values) == sorted(
        value for _, value in headers
    )


def test_header_names_are_canonical_and_values_in_order() -> None:
    """Names that differ in case only are one name."""
    headers = (("x-api-key", "1"), ("ETAG", "2"), ("X-API-Key", "3"), ("x", "4"))

    assert header_map(headers) == {"X-Api-Key": ["1", "3"], "Etag": ["2"], "X": ["4"]}
