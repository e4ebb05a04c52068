"""Every refusal: its status, its shape, the field it names, and that it leaves no trace (contract 0.2)."""

import io
import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from api.app import create_app
from qstash_rq.core import open_core
from qstash_rq.settings import DEVELOPMENT_TOKEN, Settings
from tests.api.conftest import OpenCore
from tests.api.serving import BEARER, Caller, contents, error
from tests.clock import FakeClock

PUBLISH = "/v2/publish/https://example.com"


@pytest.mark.parametrize(
    ("method", "target", "text"),
    [
        ("GET", "/", "path not found: /"),
        ("GET", "/v2", "path not found: /v2"),
        ("GET", "/v2/nope", "path not found: /v2/nope"),
        ("POST", "/v1/publish/https://example.com", "path not found: /v1/publish/https://example.com"),
        ("POST", "/llm/v1/chat/completions", "path not found: /llm/v1/chat/completions"),
        ("GET", "/v2/queues//", "path not found: /v2/queues/"),
        ("POST", "/v2//publish/https://example.com", "path not found: /v2//publish/https://example.com"),
        ("POST", "/v2/queues/q/stop", "path not found: /v2/queues/q/stop"),
        ("GET", "/v2/queues/../keys", "path not found: /v2/queues/../keys"),
        ("GET", "/v2/messages/msg_nope", "message msg_nope not found"),
        ("DELETE", "/v2/messages/a%2Fb%20c", "message a/b c not found"),
        ("GET", "/v2/queues/nope", "queue nope not found"),
        ("POST", "/v2/queues/nope/pause", "queue nope not found"),
        ("GET", "/v2/dlq/1-0", "dlqId 1-0 not found"),
        ("GET", "/v2/dlq/nope", "dlqId nope not found"),
        ("GET", "/v2/dlq/retry", "dlqId retry not found"),
        ("DELETE", "/v2/dlq/99999999999999999999-0", "dlqId 99999999999999999999-0 not found"),
        ("POST", "/v2/dlq/retry/1-0", "dlqId 1-0 not found"),
        ("POST", "/v2/dlq/retry?dlqIds=1-0", "dlqId 1-0 not found"),
        ("POST", "/v2/publish/my-group", "topic my-group not found"),
        ("POST", "/v2/publish/example.com", "topic example.com not found"),
    ],
)
def test_unknown_resources(caller: Caller, redis_url: str, method: str, target: str, text: str) -> None:
    """What does not exist is a 404 that names it."""
    before = contents(redis_url)

    assert error(caller.call(method, target), 404) == text
    assert contents(redis_url) == before


@pytest.mark.parametrize(
    ("method", "target", "allowed"),
    [
        ("GET", PUBLISH, "POST"),
        ("PUT", PUBLISH, "POST"),
        ("GET", "/v2/enqueue/q/https://example.com", "POST"),
        ("POST", "/v2/messages/msg_1", "DELETE, GET, HEAD"),
        ("GET", "/v2/messages", "DELETE"),
        ("PUT", "/v2/queues", "GET, HEAD, POST"),
        ("PATCH", "/v2/queues/q", "DELETE, GET, HEAD"),
        ("GET", "/v2/queues/q/pause", "POST"),
        ("POST", "/v2/dlq", "DELETE, GET, HEAD"),
        ("DELETE", "/v2/dlq/retry/1-0", "POST"),
        ("POST", "/v2/events", "GET, HEAD"),
        ("DELETE", "/v2/logs", "GET, HEAD"),
        ("DELETE", "/v2/keys", "GET, HEAD"),
        ("GET", "/v2/keys/rotate", "POST"),
        ("POST", "/health", "GET, HEAD"),
        ("OPTIONS", "/v2/queues", "GET, HEAD, POST"),
        ("TRACE", "/v2/queues", "GET, HEAD, POST"),
    ],
)
def test_wrong_methods(caller: Caller, redis_url: str, method: str, target: str, allowed: str) -> None:
    """A method that a path does not have is a 405 that says which it has."""
    before = contents(redis_url)

    response = caller.call(method, target, data=b"x")

    assert error(response, 405).startswith(f"method {method} not allowed on /")
    assert response.headers["Allow"] == allowed
    assert contents(redis_url) == before


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", PUBLISH),
        ("POST", "/v2/enqueue/q/https://example.com"),
        ("POST", "/v2/queues"),
        ("DELETE", "/v2/messages"),
        ("DELETE", "/v2/dlq"),
        ("POST", "/v2/dlq/retry"),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_over_the_limit(
    core_with: OpenCore, settings: Settings, redis_url: str, method: str, target: str, chunked: bool
) -> None:
    """A body over the limit is a 413, whether its length is told or not."""
    caller = Caller(create_app(core_with(replace(settings, max_body_bytes=10))).test_client())
    before = contents(redis_url)
    stream = io.BytesIO(b"x" * 5_000)
    environ: dict[str, Any] = {"wsgi.input": stream}
    environ |= {"wsgi.input_terminated": True} if chunked else {"CONTENT_LENGTH": "5000"}

    assert error(caller.call(method, target, environ=environ), 413) == "body: larger than 10 bytes"
    assert contents(redis_url) == before
    # Told beforehand, nothing is read; else no more than it takes to know.
    assert stream.tell() == (11 if chunked else 0)


@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_at_the_limit(core_with: OpenCore, settings: Settings, chunked: bool) -> None:
    """A body of exactly the limit is accepted."""
    caller = Caller(create_app(core_with(replace(settings, max_body_bytes=10))).test_client())
    framing = {"wsgi.input_terminated": True} if chunked else {"CONTENT_LENGTH": "10"}

    message_id = caller.publish(environ={"wsgi.input": io.BytesIO(b"x" * 10), **framing})

    assert caller.get(f"/v2/messages/{message_id}").get_json()["body"] == "x" * 10


def test_bodies_that_end_early(caller: Caller, redis_url: str) -> None:
    """A body shorter than its length was cut off: it is not accepted."""
    before = contents(redis_url)

    response = caller.post(PUBLISH, environ={"wsgi.input": io.BytesIO(b"x"), "CONTENT_LENGTH": "2"})

    assert error(response, 400) == "body: shorter than Content-Length"
    assert contents(redis_url) == before


def test_bodies_that_break_off(caller: Caller, redis_url: str) -> None:
    """A connection that ends within a chunk is the sender's fault, not ours."""

    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:  # noqa: ARG002 - the size of a read that fails
            raise OSError

    before = contents(redis_url)

    response = caller.post(PUBLISH, environ={"wsgi.input": Broken(), "wsgi.input_terminated": True})

    assert error(response, 400) == "body: could not be read to its end"
    assert contents(redis_url) == before


@pytest.mark.parametrize("length", ["x", "-1", "1.5", "٣", "+1"])
def test_lengths_that_are_no_number(caller: Caller, length: str) -> None:
    """A length that is no number is refused."""
    environ = {"CONTENT_LENGTH": length.encode().decode("latin-1"), "wsgi.input": io.BytesIO(b"xxx")}

    assert error(caller.post(PUBLISH, environ=environ), 400) == "Content-Length: must be a number"


MALFORMED = [
    (b"{", "body: malformed JSON: "),
    (b"nope", "body: malformed JSON: "),
    (b'{"a": 1,}', "body: malformed JSON: "),
    (b'{"a": NaN}', "body: malformed JSON: NaN is not JSON"),
    (b'{"a": -Infinity}', "body: malformed JSON: -Infinity is not JSON"),
    (b"\xff\xfe{\x00}\x00", "body: malformed JSON: "),
    (b"[" * 200_000, "body: malformed JSON: nested too deeply"),
    (b'{"count": ' + b"9" * 5_000 + b"}", "body: malformed JSON: "),
    (b"[]", "body: must be a JSON object"),
    (b'"messageIds"', "body: must be a JSON object"),
    (b"7", "body: must be a JSON object"),
]


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/v2/queues"),
        ("DELETE", "/v2/messages"),
        ("DELETE", "/v2/dlq"),
        ("POST", "/v2/dlq/retry"),
    ],
)
@pytest.mark.parametrize(("body", "text"), MALFORMED)
def test_malformed_json(
    caller: Caller, redis_url: str, method: str, target: str, body: bytes, text: str
) -> None:
    """A body that is no JSON object is a 400 that says why; nothing is cancelled, deleted or created."""
    caller.publish()
    before = contents(redis_url)

    assert error(caller.call(method, target, data=body), 400).startswith(text)
    assert contents(redis_url) == before


@pytest.mark.parametrize("body", [b"", b" \n"])
def test_an_empty_body_is_no_queue(caller: Caller, body: bytes) -> None:
    """An upsert needs a body; a bulk call does not."""
    assert error(caller.post("/v2/queues", data=body), 400).startswith("body: malformed JSON: ")
    assert caller.delete("/v2/messages", data=body).get_json() == {"cancelled": 0}
    assert caller.delete("/v2/dlq", data=b"null").get_json() == {"deleted": 0}


BAD_PARAMETERS = [
    ("colour=red", "unknown parameter: colour"),
    ("Label=red", "unknown parameter: Label"),
    ("=", "unknown parameter: "),
    ("count=0", "count: "),
    ("count=-1", "count: "),
    ("count=x", "count: must be a whole number"),
    ("count=1.5", "count: must be a whole number"),
    ("count=1_0", "count: must be a whole number"),
    ("count=%D9%A3", "count: must be a whole number"),
    ("count=" + "9" * 5_000, "count: must be a whole number"),
    ("count=1&count=2", "count: must be given once"),
    ("fromDate=x", "fromDate: must be a whole number"),
    ("toDate=2024-01-01", "toDate: must be a whole number"),
    ("label=%ff", "query: not valid UTF-8"),
    ("label=%zz", "query: invalid percent-encoding"),
    ("label=%", "query: invalid percent-encoding"),
]


@pytest.mark.parametrize(
    ("method", "target"), [("DELETE", "/v2/messages"), ("DELETE", "/v2/dlq"), ("POST", "/v2/dlq/retry")]
)
@pytest.mark.parametrize(("query", "text"), BAD_PARAMETERS)
def test_bad_parameters_of_bulk_calls(
    caller: Caller, redis_url: str, method: str, target: str, query: str, text: str
) -> None:
    """A bad or unknown parameter is a 400 naming it: a typo must never widen a bulk call."""
    caller.publish()
    before = contents(redis_url)

    assert error(caller.call(method, f"{target}?{query}"), 400).startswith(text)
    assert contents(redis_url) == before


@pytest.mark.parametrize(
    ("method", "target", "text"),
    [
        ("DELETE", "/v2/messages?count=501", "count: "),
        ("DELETE", "/v2/messages?messageId=msg_1", "unknown parameter: messageId"),
        ("DELETE", "/v2/messages?dlqIds=1-0", "unknown parameter: dlqIds"),
        ("DELETE", "/v2/messages?messageIds=msg_1&colour=red", "unknown parameter: colour"),
        ("GET", "/v2/dlq?host=example.com", "unknown parameter: host"),
        ("GET", "/v2/dlq?path=/a&host=b", "unknown parameter: host, path"),
        ("GET", "/v2/dlq?messageIds=a", "unknown parameter: messageIds"),
        ("GET", "/v2/dlq?responseStatus=ok", "responseStatus: must be a whole number"),
        ("GET", "/v2/dlq?order=up", "order: "),
        ("GET", "/v2/dlq?source=queue", "source: "),
        ("GET", "/v2/dlq?cursor=abc", "cursor: "),
        ("GET", "/v2/dlq?cursor=1", "cursor: "),
        ("GET", "/v2/dlq?cursor=1-0&cursor=2-0", "cursor: must be given once"),
        ("GET", "/v2/dlq?cursor=99999999999999999999-0", "cursor: "),
        ("GET", "/v2/dlq?cursor=1-99999999999999999999", "cursor: "),
        ("GET", "/v2/events?cursor=(1-0", "cursor: "),
        ("GET", "/v2/events?count=0", "count: must be at least 1"),
        ("GET", "/v2/events?fromDate=soon", "fromDate: "),
        ("GET", "/v2/logs?cursor=1-0%0A", "cursor: "),
    ],
)
def test_bad_parameters(caller: Caller, redis_url: str, method: str, target: str, text: str) -> None:
    """Parameters are refused per endpoint, each naming what is wrong."""
    before = contents(redis_url)

    assert error(caller.call(method, target), 400).startswith(text)
    assert contents(redis_url) == before


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"colour": "red"}, "unknown parameter: colour"),
        ({"label": {"a": 1}}, "label: "),
        ({"label": [["a"]]}, "label: "),
        ({"label": [None]}, "label: "),
        ({"label": True}, "label: "),
        ({"label": 1.5}, "label: "),
        ({"label": "\ud800"}, "label: not valid Unicode"),
        ({"count": "ten"}, "count: "),
        ({"count": 501}, "count: "),
        ({"fromDate": 1.5}, "fromDate: "),
    ],
)
def test_bad_parameters_in_bodies(caller: Caller, redis_url: str, body: dict[str, object], text: str) -> None:
    """The parameters of a JSON body are held to the same rules."""
    caller.publish()
    before = contents(redis_url)

    assert error(caller.delete("/v2/messages", data=json.dumps(body)), 400).startswith(text)
    assert contents(redis_url) == before


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("Upstash-Method", "TRACE", 400),
        ("Upstash-Delay", "1 day", 400),
        ("Upstash-Delay", "366d", 412),
        ("Upstash-Not-Before", "tomorrow", 400),
        ("Upstash-Not-Before", "99999999999", 412),
        ("Upstash-Retries", "-1", 400),
        ("Upstash-Retries", "1000000", 412),
        ("Upstash-Retry-Delay", "__import__('os')", 400),
        ("Upstash-Retry-Delay", "", 400),
        ("Upstash-Timeout", "0s", 400),
        ("Upstash-Timeout", "3h", 412),
        ("Upstash-Queue-Name", "a b", 400),
        ("Upstash-Callback", "example.com", 400),
        ("Upstash-Callback", "", 400),
        ("Upstash-Failure-Callback", "ftp://example.com", 400),
        ("Upstash-Header-Forward", "yes", 400),
        ("Upstash-Content-Based-Deduplication", "1", 400),
        ("Upstash-Flow-Control-Key", "k", 400),
        ("Upstash-Flow-Control-Value", "rate=1", 400),
        ("Upstash-Redact-Fields", "everything", 400),
        ("Upstash-Redact-Fields", "header[]", 400),
        ("Upstash-Schedule-Id", "a b", 400),
    ],
)
def test_bad_headers(caller: Caller, redis_url: str, name: str, value: str, status: int) -> None:
    """A header outside its grammar is a 400, above its limit a 412; both name it and store nothing."""
    before = contents(redis_url)

    response = caller.post("/v2/enqueue/new/https://example.com", headers={name: value})

    assert name in error(response, status)
    assert contents(redis_url) == before


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("Upstash-Callback-Method", "TRACE", 400),
        ("Upstash-Callback-Retries", "x", 400),
        ("Upstash-Callback-Retries", "1000000", 412),
        ("Upstash-Callback-Timeout", "0s", 400),
        ("Upstash-Callback-Delay", "1m", 400),
        ("Upstash-Callback-Retry-Delay", "import", 400),
        ("Upstash-Callback-Flow-Control-Key", "k", 400),
        ("Upstash-Callback-Redact-Fields", "all", 400),
        ("Upstash-Callback-Callback", "nope", 400),
        ("Upstash-Callback-Failure-Callback", "nope", 400),
        ("Upstash-Failure-Callback-Method", "TRACE", 400),
        ("Upstash-Failure-Callback-Timeout", "3h", 412),
        ("Upstash-Flow-Control-Value", "rate", 400),
        ("Upstash-Flow-Control-Value", "rate=0", 400),
        ("Upstash-Flow-Control-Value", "rate=1,rate=2", 400),
        ("Upstash-Flow-Control-Value", "speed=1", 400),
        ("Upstash-Flow-Control-Value", "rate=1,period=8d", 400),
        ("Upstash-Flow-Control-Value", "period=1s", 400),
    ],
)
def test_bad_headers_beside_others(
    caller: Caller, redis_url: str, name: str, value: str, status: int
) -> None:
    """Headers that mean something only beside others are held to their grammar too."""
    before = contents(redis_url)
    headers = {"Upstash-Callback": "https://cb.io", "Upstash-Failure-Callback": "https://cb.io"}
    headers |= {"Upstash-Flow-Control-Key": "k", "Upstash-Flow-Control-Value": "rate=1", name: value}

    response = caller.post("/v2/enqueue/new/https://example.com", headers=headers)

    assert name in error(response, status)
    assert contents(redis_url) == before


@pytest.mark.parametrize(
    ("key", "value", "name"),
    [
        ("HTTP_UPSTASH_FORWARD_X_A", "a\r\nHost: evil", "Upstash-Forward-X-A"),
        ("HTTP_UPSTASH_FORWARD_X_A", "a\nb", "Upstash-Forward-X-A"),
        ("HTTP_UPSTASH_FORWARD_X_A", "a\rb", "Upstash-Forward-X-A"),
        ("HTTP_UPSTASH_FORWARD_X_A", "a\x00b", "Upstash-Forward-X-A"),
        ("HTTP_UPSTASH_FORWARD_X_A", "\xff", "Upstash-Forward-X-A"),
        ("CONTENT_TYPE", "text/plain\r\nX: y", "Content-Type"),
        ("CONTENT_TYPE", "\xff", "Content-Type"),
        ("HTTP_UPSTASH_LABEL", "a\r\nb", "Upstash-Label"),
        ("HTTP_UPSTASH_METHOD", "GET\r\n", "Upstash-Method"),
        ("HTTP_UPSTASH_RETRIES", "\xe9", "Upstash-Retries"),
        ("HTTP_X_PLAIN", "\xff", "X-Plain"),
    ],
)
def test_unsafe_header_values(caller: Caller, redis_url: str, key: str, value: str, name: str) -> None:
    """Line ends, control characters and broken UTF-8 in a header are a 400 naming it."""
    before = contents(redis_url)

    assert name in error(caller.post(PUBLISH, environ={key: value}), 400)
    assert contents(redis_url) == before


@pytest.mark.parametrize(
    "target",
    [
        "/v2/publish/https://example.com/\xff",
        "/v2/publish/https%3A%2F%2Fexample.com%2F%0d%0aX%3A%20y",
        "/v2/publish/https%3A%2F%2Fexample.com%2F%ff",
        "/v2/publish/https://example.com/?upstash-label=%ff",
        "/v2/enqueue/%ff/https://example.com",
        "/v2/enqueue/%zz/https://example.com",
        "/v2/enqueue/a%2Fb/https://example.com",
        "/v2/enqueue//https://example.com",
        "/v2/enqueue",
    ],
)
def test_broken_targets(caller: Caller, redis_url: str, target: str) -> None:
    """A target that cannot be read is a 400 and stores nothing."""
    before = contents(redis_url)

    error(caller.post(target), 400)
    assert contents(redis_url) == before


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("/v2/queues/%ff", "path: '%ff' is not valid UTF-8"),
        ("/v2/queues/%zz", "path: invalid percent-encoding in '%zz'"),
        ("/v2/queues/\xff", "path: "),
        ("/v2/messages/a%", "path: invalid percent-encoding in 'a%'"),
    ],
)
def test_broken_names(caller: Caller, target: str, text: str) -> None:
    """A name in a path must be percent-encoded UTF-8."""
    assert error(caller.get(target), 400).startswith(text)


@pytest.fixture
def broken(app: Flask) -> Caller:
    """Give a caller to an app with a defect."""

    def defect() -> None:
        msg = "a defect"
        raise ZeroDivisionError(msg)

    app.add_url_rule("/v2/defect", view_func=defect)
    return Caller(app.test_client(), None)


def test_defects(broken: Caller, caplog: pytest.LogCaptureFixture) -> None:
    """A defect is a 500 that tells the caller nothing and the log all but the token."""
    response = broken.get(f"/v2/defect?qstash_token={DEVELOPMENT_TOKEN}")

    assert error(response, 500) == "internal error"
    assert "api.defect: GET /v2/defect" in caplog.text
    assert "ZeroDivisionError: a defect" in caplog.text
    assert DEVELOPMENT_TOKEN not in caplog.text


def test_outages_are_logged_once_a_second(
    settings: Settings, tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Without Redis every request is a 503; the log says so once a second, and why."""
    away = replace(settings, redis_url=f"unix://{tmp_path}/nothing")
    caller = Caller(create_app(open_core(away, clock)).test_client(), BEARER)

    for _ in range(5):
        assert error(caller.post(PUBLISH), 503) == "redis is unavailable, try again later"
    clock.advance(1_000)
    error(caller.get("/v2/queues"), 503)

    records = [record for record in caplog.records if record.name == "api.errors"]
    assert [record.levelno for record in records] == [logging.ERROR] * 2
    assert all(record.getMessage().startswith("api.unavailable: Error 2 connecting") for record in records)
