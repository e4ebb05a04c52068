"""POST /v2/publish and /v2/enqueue (contract 2.1)."""

import io
from base64 import b64decode
from dataclasses import replace

import pytest
from flask import Flask

from api.app import create_app
from qstash_rq.settings import DEVELOPMENT_TOKEN, Settings
from tests.api.conftest import OpenCore
from tests.api.serving import Caller, contents, error


def test_answers_id_and_url(caller: Caller) -> None:
    """A publish answers 200 with the new message's id and the destination, and nothing else."""
    response = caller.post("/v2/publish/https://example.com/hook", data=b"hi")

    assert response.status_code == 200
    assert response.content_type == "application/json"
    body = response.get_json()
    assert body["messageId"].startswith("msg_")
    assert body == {"messageId": body["messageId"], "url": "https://example.com/hook"}


@pytest.mark.parametrize(
    "destination",
    [
        "https://example.com",
        "https://example.com/",
        "https://example.com/a//b/../c/",
        "https://example.com/b%20c%2Fd",
        "https://example.com:8443/x?a=1&a=2&b=%2F&c",
        "https://user:pw@example.com/?x=a+b&next=https://other.com/?y=1",
        "HTTPS://Example.COM/Path",
    ],
)
def test_keeps_the_destination_as_sent(caller: Caller, destination: str) -> None:
    """The destination is stored byte for byte: slashes, percent signs, case and query."""
    message_id = caller.publish(destination)

    assert caller.get(f"/v2/messages/{message_id}").get_json()["url"] == destination


def test_takes_options_and_token_out_of_the_query(caller: Caller) -> None:
    """The worked example of the contract: options and token leave the query, the rest stays."""
    target = "/v2/publish/https://a.io/hook?src=gh&upstash-retries=1&qstash_token=T&x=%2F1"

    body = caller.post(target).get_json()

    message = caller.get(f"/v2/messages/{body['messageId']}").get_json()
    assert body["url"] == "https://a.io/hook?src=gh&x=%2F1"
    assert message["url"] == "https://a.io/hook?src=gh&x=%2F1"
    assert message["maxRetries"] == 1


def test_keeps_non_ascii_destinations(caller: Caller) -> None:
    """Raw UTF-8 in the target, as some clients send it, arrives as that text."""
    target = "/v2/publish/https://example.com/é".encode().decode("latin-1")

    assert caller.post(target).get_json()["url"] == "https://example.com/é"


@pytest.mark.parametrize("body", [b"null", b'{"a": 1}', bytes(range(256)), b"x" * 100_000])
def test_keeps_the_body(caller: Caller, body: bytes) -> None:
    """A body is opaque bytes of any content."""
    message_id = caller.publish(data=body, headers={"Content-Type": "application/x-any"})

    event = caller.get(f"/v2/events?messageId={message_id}").get_json()["events"][0]
    assert b64decode(event["body"]) == body


def test_reads_chunked_bodies(caller: Caller) -> None:
    """A body without a length, as chunked encoding brings it, is read to its end."""
    environ = {"wsgi.input": io.BytesIO(b"chunked"), "wsgi.input_terminated": True}

    message_id = caller.publish(environ=environ)

    assert caller.get(f"/v2/messages/{message_id}").get_json()["body"] == "chunked"


def test_reads_header_values_as_utf8(caller: Caller) -> None:
    """Header values may be UTF-8, which WSGI hands on in disguise."""
    message_id = caller.publish(headers={"Upstash-Forward-X-Name": "Grüße ☃"})

    assert caller.get(f"/v2/messages/{message_id}").get_json()["header"] == {"X-Name": ["Grüße ☃"]}


def test_keeps_repeated_headers_apart(caller: Caller) -> None:
    """A forwarded header that the server hook kept apart stays two values; a comma is just a letter."""
    environ = {"HTTP_UPSTASH_FORWARD_X_A": "1, 2\x1f3"}

    message_id = caller.publish(environ=environ)

    assert caller.get(f"/v2/messages/{message_id}").get_json()["header"] == {"X-A": ["1, 2", "3"]}


def test_does_not_forward_what_was_meant_for_the_server(caller: Caller) -> None:
    """Neither the API's own headers nor control headers nor plain ones become part of the message."""
    message_id = caller.publish(
        headers={"X-Plain": "1", "Upstash-Telemetry-Sdk": "", "Upstash-Method": "put", "User-Agent": "me"}
    )

    message = caller.get(f"/v2/messages/{message_id}").get_json()
    assert message["header"] == {}
    assert message["method"] == "PUT"


def test_enqueues(caller: Caller) -> None:
    """An enqueue creates the queue, and its message carries the queue's name."""
    message_id = caller.enqueue("orders", "https://example.com/a?b=1")

    message = caller.get(f"/v2/messages/{message_id}").get_json()
    assert message["queueName"] == "orders"
    assert message["url"] == "https://example.com/a?b=1"
    assert caller.get("/v2/queues/orders").get_json()["lag"] == 1


def make_group(caller: Caller) -> None:
    """Create a group of two endpoints."""
    endpoints = [{"url": "https://a.io/1", "name": "one"}, {"url": "https://a.io/2"}]
    assert caller.post("/v2/topics/g/endpoints", json={"endpoints": endpoints}).status_code == 200


@pytest.mark.parametrize("path", ["/v2/publish/g", "/v2/publish/g/", "/v2/publish/g?a=1", "/v2/enqueue/q/g"])
def test_answers_a_group_with_a_bare_array(caller: Caller, path: str) -> None:
    """A group makes a message for each endpoint, in order, and the answer is an array of receipts."""
    make_group(caller)

    response = caller.post(path, data=b"hi", headers={"Upstash-Forward-X": "1"})

    assert response.status_code == 200
    receipts = response.get_json()
    assert [set(one) for one in receipts] == [{"messageId", "url"}] * 2
    assert [one["url"] for one in receipts] == ["https://a.io/1", "https://a.io/2"]
    first, second = (caller.get(f"/v2/messages/{one['messageId']}").get_json() for one in receipts)
    assert (first["topicName"], first["endpointName"], first["url"]) == ("g", "one", "https://a.io/1")
    assert (second["topicName"], second["body"], second["header"]) == ("g", "hi", {"X": ["1"]})
    assert "endpointName" not in second


@pytest.mark.parametrize(
    "headers",
    [
        {"Upstash-Deduplication-Id": "d"},
        {"Upstash-Content-Based-Deduplication": "True"},
        {
            "Upstash-Content-Based-Deduplication": "true",
            "Content-Type": "text/plain",
            "Upstash-Forward-X": "1",
        },
    ],
)
def test_answers_a_duplicate_with_202(caller: Caller, headers: dict[str, str]) -> None:
    """A repeated publish answers 202 with the first id and stores nothing."""
    first = caller.post("/v2/publish/https://a.io", headers=headers)

    again = caller.post("/v2/publish/https://a.io", headers=headers)

    assert (first.status_code, again.status_code) == (200, 202)
    assert again.get_json() == first.get_json() | {"deduplicated": True}
    assert len(caller.get("/v2/events").get_json()["events"]) == 1


def test_answers_a_duplicate_to_a_group_with_202(caller: Caller) -> None:
    """Every element of a repeated publish to a group has the id of the first time."""
    make_group(caller)
    headers = {"Upstash-Deduplication-Id": "d"}
    first = caller.post("/v2/publish/g", headers=headers).get_json()

    again = caller.post("/v2/enqueue/q/g", headers=headers)

    assert again.status_code == 202
    assert again.get_json() == [one | {"deduplicated": True} for one in first]


@pytest.mark.parametrize("value", ["False", "false", "FALSE"])
def test_a_switch_that_is_off_is_off(caller: Caller, value: str) -> None:
    """The Python client's `False` does not switch deduplication on."""
    headers = {"Upstash-Content-Based-Deduplication": value}

    assert caller.publish(headers=headers) != caller.publish(headers=headers)


def test_ids_of_others_are_no_duplicates(caller: Caller, other: Caller) -> None:
    """An id counts for all destinations of its user, and for nobody else."""
    headers = {"Upstash-Deduplication-Id": "d"}
    caller.publish(headers=headers)

    assert caller.post("/v2/publish/https://a.io", headers=headers).status_code == 202
    assert other.post("/v2/publish/https://a.io", headers=headers).status_code == 200


def test_receives_a_webhook(app: Flask) -> None:
    """A webhook is configured by its URL alone; its own Authorization travels with its other headers."""
    webhook = Caller(app.test_client(), "Basic dXNlcjpwYXNz")
    options = "upstash-header-forward=true&upstash-method=PUT&upstash-label=hook"
    target = f"/v2/publish/https://a.io/x?a=1&{options}&qstash_token={DEVELOPMENT_TOKEN}"
    headers = {"X-Event": "push", "Content-Type": "application/json", "X-Forwarded-For": "9.9.9.9"}

    receipt = webhook.post(target, data=b"{}", headers=headers).get_json()

    message = Caller(app.test_client()).get(f"/v2/messages/{receipt['messageId']}").get_json()
    assert (message["url"], message["method"], message["label"]) == ("https://a.io/x?a=1", "PUT", "hook")
    assert message["header"]["Authorization"] == ["Basic dXNlcjpwYXNz"]
    assert message["header"]["X-Event"] == ["push"]
    assert message["header"]["Content-Type"] == ["application/json"]
    assert not {"Host", "Content-Length"} & message["header"].keys()


def test_never_forwards_the_token(caller: Caller) -> None:
    """The Authorization that let the call in stays here, also when all headers are forwarded."""
    message_id = caller.publish(headers={"Upstash-Header-Forward": "true", "X-Plain": "1"})

    header = caller.get(f"/v2/messages/{message_id}").get_json()["header"]
    assert header["X-Plain"] == ["1"]
    assert "Authorization" not in header


@pytest.mark.parametrize("path", ["/V2/Publish/https://example.com/A", "/v2/PUBLISH/https://example.com/A"])
def test_ignores_the_case_of_static_words(caller: Caller, path: str) -> None:
    """The words of the path may come in any case; the destination keeps its own."""
    assert caller.post(path).get_json()["url"] == "https://example.com/A"


def test_accepts_absolute_form(caller: Caller) -> None:
    """A target in absolute form, as proxies send it, is routed by its path."""
    response = caller.post("http://localhost:8080/v2/publish/https://example.com/a//b?c")

    assert response.get_json()["url"] == "https://example.com/a//b?c"


def test_accepts_wholly_encoded_destinations(caller: Caller) -> None:
    """A destination that was percent-encoded as a whole is decoded once."""
    response = caller.post("/v2/publish/https%3A%2F%2Fexample.com%2Fa%2520b")

    assert response.get_json()["url"] == "https://example.com/a%20b"


@pytest.mark.parametrize(
    ("forwarded", "proxies", "expected"),
    [
        ("9.9.9.9", 0, "10.0.0.7"),
        ("9.9.9.9", 1, "9.9.9.9"),
        ("1.1.1.1, 9.9.9.9", 1, "9.9.9.9"),
        ("1.1.1.1, 2.2.2.2,9.9.9.9", 2, "2.2.2.2"),
        ("2001:db8::1", 1, "2001:db8::1"),
        ("9.9.9.9", 2, "10.0.0.7"),
        ("unknown", 1, "10.0.0.7"),
        ("", 1, "10.0.0.7"),
    ],
)
def test_believes_only_trusted_proxies(
    core_with: OpenCore, settings: Settings, forwarded: str, proxies: int, expected: str
) -> None:
    """The caller's address is the peer's, unless as many proxies as configured stand in between."""
    core = core_with(replace(settings, trusted_proxies=proxies))
    caller = Caller(create_app(core).test_client())

    message_id = caller.publish(headers={"X-Forwarded-For": forwarded}, environ={"REMOTE_ADDR": "10.0.0.7"})

    message = caller.get(f"/v2/messages/{message_id}").get_json()
    assert message["callerIP"] == message["callerIp"] == expected


def test_leaves_an_unknown_address_out(caller: Caller) -> None:
    """A server on a Unix socket knows no address: the field is absent."""
    message_id = caller.publish(environ={"REMOTE_ADDR": ""})

    assert "callerIP" not in caller.get(f"/v2/messages/{message_id}").get_json()


@pytest.mark.parametrize("path", ["/v2/publish", "/v2/publish/", "/v2/publish?a=1", "/v2/enqueue/q"])
def test_refuses_an_empty_destination(caller: Caller, path: str) -> None:
    """A path without a destination is refused with the known text."""
    assert error(caller.post(path), 400) == "a non-empty destination must be provided"


@pytest.mark.parametrize(
    ("destination", "status", "text"),
    [
        (
            "example.com/x",
            400,
            "invalid destination url: endpoint has invalid scheme, add http:// or https://",
        ),
        (
            "ftp://example.com",
            400,
            "invalid destination url: endpoint has invalid scheme, add http:// or https://",
        ),
        ("https://", 400, "invalid destination url: empty host"),
        ("api/llm", 400, "api/llm is not supported, use a full provider URL"),
        ("my-group", 404, "topic my-group not found"),
    ],
)
def test_refuses_destinations_with_known_texts(
    caller: Caller, destination: str, status: int, text: str
) -> None:
    """Destinations that cannot be delivered to are refused with the texts clients know."""
    assert error(caller.post(f"/v2/publish/{destination}"), status) == text


def test_refuses_private_destinations(core_with: OpenCore, settings: Settings, redis_url: str) -> None:
    """With the guard on, a loopback destination is refused with the known text and leaves no trace."""
    core = core_with(replace(settings, allow_private_networks=False))
    caller = Caller(create_app(core).test_client())
    before = contents(redis_url)

    text = error(caller.post("/v2/publish/http://127.0.0.1:9/x"), 400)

    assert text == (
        "invalid destination url: endpoint resolves to a loopback address: 127.0.0.1"
        " (QSTASH_ALLOWED_PRIVATE_HOSTS can allow it)"
    )
    assert contents(redis_url) == before
