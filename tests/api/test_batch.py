"""POST /v2/batch (contract 2.1)."""

import io
import json
from dataclasses import replace
from typing import Any

import pytest

from api.app import create_app
from qstash_rq.batch import STEP_MESSAGES
from qstash_rq.settings import Settings
from tests.api.conftest import OpenCore
from tests.api.serving import Caller, contents, error

URL = "https://example.com/hook"


def batch(caller: Caller, *items: Any, status: int = 200) -> Any:
    """Send one batch and return its answer."""
    response = caller.post("/v2/batch", data=json.dumps(items), headers={"Content-Type": "application/json"})
    assert response.status_code == status, response.text
    return response.get_json()


def message(caller: Caller, message_id: str) -> Any:
    """Return a message as the API shows it."""
    return caller.get(f"/v2/messages/{message_id}").get_json()


def make_group(caller: Caller, name: str, *urls: str) -> None:
    """Create a URL group."""
    endpoints = {"endpoints": [{"url": url} for url in urls]}
    assert caller.post(f"/v2/topics/{name}/endpoints", json=endpoints).status_code == 200


def test_answers_in_order(caller: Caller) -> None:
    """Each item has an element in its place: an object for a URL, an array for a group."""
    make_group(caller, "g", "https://a.io/1", "https://a.io/2")

    answers = batch(caller, {"destination": URL}, {"destination": "g"}, {"destination": "https://b.io"})

    assert [set(one) if isinstance(one, dict) else [two["url"] for two in one] for one in answers] == [
        {"messageId", "url"},
        ["https://a.io/1", "https://a.io/2"],
        {"messageId", "url"},
    ]
    assert [answers[0]["url"], answers[2]["url"]] == [URL, "https://b.io"]


def test_one_item_is_still_an_array(caller: Caller) -> None:
    """A batch of one answers an array of one, nested for a group."""
    make_group(caller, "g", "https://a.io")

    assert [one["url"] for one in batch(caller, {"destination": URL})] == [URL]
    assert [[two["url"] for two in one] for one in batch(caller, {"destination": "g"})] == [["https://a.io"]]


def test_nothing_to_send(caller: Caller) -> None:
    """An empty batch is no error."""
    assert batch(caller) == []


def test_as_the_python_client_sends_it(caller: Caller) -> None:
    """Every key is there, null where nothing was given."""
    (answer,) = batch(
        caller,
        {
            "destination": "https://example.com/a?b=1&upstash-retries=2",
            "headers": {"Content-Type": "application/json", "Upstash-Forward-X": "1", "Upstash-Delay": "10s"},
            "body": '{"a": "é"}',
            "queue": None,
        },
        {"destination": URL, "headers": {}, "body": None, "queue": None},
    )[:1]

    shown = message(caller, answer["messageId"])
    assert shown["url"] == "https://example.com/a?b=1"
    assert shown["header"] == {"Content-Type": ["application/json"], "X": ["1"]}
    assert (shown["body"], shown["maxRetries"]) == ('{"a": "é"}', 2)
    assert shown["notBefore"] == shown["createdAt"] + 10_000


def test_as_the_typescript_and_go_clients_send_it(caller: Caller) -> None:
    """Names in lower case and values in arrays are the same headers; a queue enqueues."""
    (answer,) = batch(
        caller,
        {
            "destination": URL,
            "headers": {"upstash-method": "put", "upstash-forward-x": ["1", "2"], "upstash-label": ["a"]},
            "queue": "orders",
        },
    )

    shown = message(caller, answer["messageId"])
    assert (shown["method"], shown["queueName"], shown["labels"]) == ("PUT", "orders", ["a"])
    assert shown["header"] == {"X": ["1", "2"]}
    assert "body" not in shown


def test_the_calls_own_headers_are_not_the_items(caller: Caller) -> None:
    """Options stand in the items; the headers of the call itself mean nothing to them."""
    response = caller.post(
        "/v2/batch", data=json.dumps([{"destination": URL}]), headers={"Upstash-Retries": "9"}
    )

    shown = message(caller, response.get_json()[0]["messageId"])
    assert (shown["maxRetries"], shown["header"]) == (3, {})


def test_an_unknown_group_fails_alone(caller: Caller) -> None:
    """An item that turns out not to be sendable has an error in its place; the others are sent."""
    answers = batch(caller, {"destination": URL}, {"destination": "nobody"})

    assert answers[1] == {"error": "topic nobody not found"}
    assert message(caller, answers[0]["messageId"])["url"] == URL


def test_all_groups_unknown(caller: Caller, redis_url: str) -> None:
    """When no item can be sent, the call has the status of the first one."""
    before = contents(redis_url)

    response = caller.post("/v2/batch", json=[{"destination": "nobody"}, {"destination": "none"}])

    assert error(response, 404) == "topic nobody not found"
    assert contents(redis_url) == before


def test_duplicates(caller: Caller) -> None:
    """Duplicates answer the first id; only when there is nothing else the status is 202."""
    item = {"destination": URL, "headers": {"Upstash-Deduplication-Id": "d"}}
    (first,) = batch(caller, item)

    (again,) = batch(caller, item, status=202)
    mixed = batch(caller, item, {"destination": URL})

    assert again == first | {"deduplicated": True}
    assert mixed[0] == again
    assert "deduplicated" not in mixed[1]


def test_a_duplicate_beside_an_unknown_group(caller: Caller) -> None:
    """A batch in which an item failed was not a batch of duplicates."""
    item = {"destination": URL, "headers": {"Upstash-Deduplication-Id": "d"}}
    batch(caller, item)

    assert batch(caller, item, {"destination": "nobody"}, status=200)[0]["deduplicated"] is True


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"", "body: malformed JSON: "),
        (b"[{]", "body: malformed JSON: "),
        (b"\xff", "body: malformed JSON: "),
        (b"{}", "body: must be a JSON array"),
        (b"null", "body: must be a JSON array"),
        (b'"x"', "body: must be a JSON array"),
        (b"[1]", "[0]: must be a JSON object"),
        (b"[null]", "[0]: must be a JSON object"),
        (b"[[]]", "[0]: must be a JSON object"),
        (b"[{}]", "[0].destination: must be a string"),
    ],
)
def test_refuses_what_is_no_batch(caller: Caller, redis_url: str, payload: bytes, text: str) -> None:
    """A body that is no JSON array of objects is a 400 that says why."""
    before = contents(redis_url)

    assert error(caller.post("/v2/batch", data=payload), 400).startswith(text)
    assert contents(redis_url) == before


@pytest.mark.parametrize(
    ("item", "status", "text"),
    [
        ({"destination": None}, 400, "[1].destination: "),
        ({"destination": 7}, 400, "[1].destination: "),
        ({"destination": ""}, 400, "a non-empty destination must be provided"),
        ({"destination": "ftp://a.io"}, 400, "invalid destination url: endpoint has invalid scheme"),
        ({"destination": "https://"}, 400, "invalid destination url: "),
        ({"destination": "https://a.io/\n"}, 400, "invalid destination url: "),
        ({"destination": "api/llm"}, 400, "api/llm is not supported"),
        ({"destination": URL, "headers": []}, 400, "[1].headers: must be a JSON object"),
        ({"destination": URL, "headers": {"A": 1}}, 400, "[1].headers.A: must be a string"),
        ({"destination": URL, "headers": {"A": [1]}}, 400, "[1].headers.A: must be a string"),
        ({"destination": URL, "headers": {"A": None}}, 400, "[1].headers.A: must be a string"),
        ({"destination": URL, "headers": {"Upstash-Retries": "x"}}, 400, "[1].headers.Upstash-Retries: "),
        ({"destination": URL, "headers": {"upstash-retries": "9999"}}, 412, "[1].headers.Upstash-Retries: "),
        ({"destination": URL, "headers": {"Upstash-Delay": "400d"}}, 412, "[1].headers.Upstash-Delay: "),
        ({"destination": URL, "headers": {"Upstash-Cron": "* * * * *"}}, 400, "[1].headers.Upstash-Cron: "),
        ({"destination": URL, "headers": {"Upstash-Forward-A": "a\nb"}}, 400, "Upstash-Forward-A: "),
        ({"destination": URL, "body": {}}, 400, "[1].body: must be a string"),
        ({"destination": URL, "body": "\ud800"}, 400, "[1].body: "),
        ({"destination": URL, "queue": "a b"}, 400, "[1].queue: "),
        ({"destination": URL, "queue": 1}, 400, "[1].queue: must be a string"),
    ],
)
def test_one_bad_item_stops_all(
    caller: Caller, redis_url: str, item: dict[str, Any], status: int, text: str
) -> None:
    """An item that breaks a rule gives its status to the whole call, and nothing is stored."""
    before = contents(redis_url)

    response = caller.post("/v2/batch", data=json.dumps([{"destination": URL}, item]))

    assert text in error(response, status)
    assert contents(redis_url) == before


@pytest.mark.parametrize("chunked", [False, True])
def test_the_limit_of_the_whole(
    core_with: OpenCore, settings: Settings, redis_url: str, chunked: bool
) -> None:
    """A batch has a limit of its own, above which it is a 413; that of a message holds for each item."""
    limited = replace(settings, max_batch_bytes=200, max_body_bytes=10)
    caller = Caller(create_app(core_with(limited)).test_client())
    before = contents(redis_url)
    stream = io.BytesIO(b" " * 5_000)
    framing: dict[str, Any] = {"wsgi.input_terminated": True} if chunked else {"CONTENT_LENGTH": "5000"}

    response = caller.post("/v2/batch", environ={"wsgi.input": stream, **framing})

    assert error(response, 413) == "body: larger than 200 bytes"
    assert stream.tell() == (201 if chunked else 0)
    item = {"destination": URL, "body": "x" * 11}
    assert error(caller.post("/v2/batch", json=[item]), 413).startswith("[0]: body: larger than ")
    assert contents(redis_url) == before
    assert len(batch(caller, {"destination": URL, "body": "x" * 10})) == 1


@pytest.mark.parametrize("before_them", [0, STEP_MESSAGES + 1])
def test_new_queues_are_counted(
    core_with: OpenCore, settings: Settings, redis_url: str, before_them: int
) -> None:
    """A batch that would make one queue too many is a 412 and sends nothing, however large it is."""
    caller = Caller(create_app(core_with(replace(settings, max_queues=1))).test_client())
    before = contents(redis_url)

    items = [{"destination": URL}] * before_them + [{"destination": URL, "queue": name} for name in "ab"]

    response = caller.post("/v2/batch", json=items)

    assert error(response, 412) == "queueName: the maximum of 1 queues is reached"
    assert contents(redis_url) == before
    assert len(batch(caller, *items[:-1])) == before_them + 1
    assert len(batch(caller, *items[:-1])) == before_them + 1


def test_a_body_for_many_endpoints_is_as_large_as_all_of_them(
    core_with: OpenCore, settings: Settings, redis_url: str
) -> None:
    """What a call makes of a body may be no larger than a batch: 413 and nothing stored; one less fits."""
    core = core_with(replace(settings, max_batch_bytes=300))
    caller = Caller(create_app(core).test_client())
    make_group(caller, "g", *(f"https://a.io/{number}" for number in range(10)))
    before = contents(redis_url)

    text = "body: larger than 300 bytes for 10 endpoints together"
    assert error(caller.post("/v2/publish/g", data="x" * 31), 413) == text
    item = {"destination": "g", "body": "x" * 31}
    assert error(caller.post("/v2/batch", json=[item]), 413) == f"[0]: {text}"
    assert contents(redis_url) == before
    assert len(caller.post("/v2/publish/g", data="x" * 30).get_json()) == 10
