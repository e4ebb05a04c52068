"""/v2/topics (contract 2.5)."""

import json
from dataclasses import replace
from typing import Any

import pytest

from api.app import create_app
from qstash_rq.settings import Settings
from tests.api.conftest import OpenCore
from tests.api.serving import Caller, contents, error
from tests.clock import FakeClock


def upsert(caller: Caller, name: str, *endpoints: dict[str, Any]) -> None:
    """Merge endpoints into a group."""
    response = caller.post(f"/v2/topics/{name}/endpoints", json={"endpoints": endpoints})
    assert (response.status_code, response.get_json()) == (200, {})


def endpoints_of(caller: Caller, name: str) -> Any:
    """Return the endpoints of a group as the API shows them."""
    return caller.get(f"/v2/topics/{name}").get_json()["endpoints"]


def test_creates_and_shows_a_group(caller: Caller, clock: FakeClock) -> None:
    """A group has its name, its times and its endpoints in order; an endpoint a name only if given one."""
    created_ms = clock.now_ms()
    upsert(caller, "g", {"url": "https://a.io/1", "name": "one"}, {"url": "https://a.io/2"})
    clock.advance(5)
    upsert(caller, "g", {"url": "https://a.io/3"})

    expected = {
        "name": "g",
        "createdAt": created_ms,
        "updatedAt": created_ms + 5,
        "endpoints": [
            {"url": "https://a.io/1", "name": "one"},
            {"url": "https://a.io/2"},
            {"url": "https://a.io/3"},
        ],
    }
    assert caller.get("/v2/topics/g").get_json() == expected
    assert caller.get("/v2/Topics/").get_json() == [expected]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"name": "one", "url": "https://a.io/9"}, ["https://a.io/9 one", "https://a.io/2 -"]),
        ({"name": "two", "url": "https://a.io/2"}, ["https://a.io/1 one", "https://a.io/2 two"]),
        ({"url": "https://a.io/2"}, ["https://a.io/1 one", "https://a.io/2 -"]),
        (
            {"url": "https://a.io/3", "name": ""},
            ["https://a.io/1 one", "https://a.io/2 -", "https://a.io/3 -"],
        ),
    ],
)
def test_merges(caller: Caller, item: dict[str, str], expected: list[str]) -> None:
    """An endpoint is found by its name, then by its URL, else it is new."""
    upsert(caller, "g", {"url": "https://a.io/1", "name": "one"}, {"url": "https://a.io/2"})

    upsert(caller, "g", item)

    assert [f"{one['url']} {one.get('name', '-')}" for one in endpoints_of(caller, "g")] == expected


def test_removes_endpoints(caller: Caller) -> None:
    """Endpoints go by name or URL, others are ignored, and the group goes with the last one."""
    upsert(caller, "g", {"url": "https://a.io/1", "name": "one"}, {"url": "https://a.io/2"})

    by_name = {"endpoints": [{"name": "one"}, {"name": "nobody"}, {"url": "https://nowhere.io"}]}
    assert caller.delete("/v2/topics/g/endpoints", json=by_name).get_json() == {}
    assert endpoints_of(caller, "g") == [{"url": "https://a.io/2"}]

    assert (
        caller.delete("/v2/topics/g/endpoints", json={"endpoints": [{"url": "https://a.io/2"}]}).status_code
        == 200
    )
    assert error(caller.get("/v2/topics/g"), 404) == "topic g not found"
    assert caller.get("/v2/topics").get_json() == []


def test_deletes_a_group(caller: Caller) -> None:
    """Deleting answers 200 whether the group is there or not; its messages stay."""
    upsert(caller, "g", {"url": "https://a.io"})
    message_id = caller.post("/v2/publish/g").get_json()[0]["messageId"]

    assert caller.delete("/v2/topics/g").get_json() == {}
    assert caller.delete("/v2/topics/g").status_code == 200

    assert caller.get(f"/v2/messages/{message_id}").get_json()["topicName"] == "g"


def test_sets_default_headers(caller: Caller) -> None:
    """PATCH replaces all default headers and answers the group, which shows them only while there are any."""
    upsert(caller, "g", {"url": "https://a.io"})
    first = {"headers": {"upstash-retries": "7", "Upstash-Forward-X": ["a", "b"]}}

    shown = caller.call("PATCH", "/v2/topics/g", json=first).get_json()

    assert shown["headers"] == {"Upstash-Retries": ["7"], "Upstash-Forward-X": ["a", "b"]}
    assert shown == caller.get("/v2/topics/g").get_json()
    shown = caller.call("PATCH", "/v2/topics/g", json={"headers": {"Upstash-Label": "l"}}).get_json()
    assert shown["headers"] == {"Upstash-Label": ["l"]}
    assert "headers" not in caller.call("PATCH", "/v2/topics/g", json={"headers": {}}).get_json()


def test_default_headers_reach_the_messages(caller: Caller) -> None:
    """Messages take from the group what neither header nor query of the call say."""
    upsert(caller, "g", {"url": "https://a.io", "name": "one"})
    headers = {
        "Upstash-Retries": "7",
        "Upstash-Method": "PUT",
        "Upstash-Label": "l",
        "Upstash-Forward-X": "y",
    }
    caller.call("PATCH", "/v2/topics/g", json={"headers": headers})

    (receipt,) = caller.post(
        "/v2/publish/g?upstash-method=patch", headers={"Upstash-Retries": "1"}
    ).get_json()

    shown = caller.get(f"/v2/messages/{receipt['messageId']}").get_json()
    assert (shown["maxRetries"], shown["method"], shown["labels"]) == (1, "PATCH", ["l"])
    assert shown["header"] == {"X": ["y"]}
    assert (shown["topicName"], shown["endpointName"], shown["url"]) == ("g", "one", "https://a.io")


def test_hides_groups_of_other_users(caller: Caller, other: Caller) -> None:
    """A group belongs to its user."""
    upsert(caller, "g", {"url": "https://a.io"})

    assert other.get("/v2/topics").get_json() == []
    error(other.get("/v2/topics/g"), 404)
    error(other.post("/v2/publish/g"), 404)
    other.delete("/v2/topics/g")
    assert caller.get("/v2/topics/g").status_code == 200


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/v2/topics/g"),
        ("PATCH", "/v2/topics/g"),
        ("DELETE", "/v2/topics/g/endpoints"),
        ("POST", "/v2/publish/g"),
    ],
)
def test_unknown_groups(caller: Caller, redis_url: str, method: str, target: str) -> None:
    """A group that does not exist is a 404 with the known text."""
    before = contents(redis_url)
    given = {"headers": {"Upstash-Retries": "1"}, "endpoints": [{"url": "https://a.io"}]}

    assert error(caller.call(method, target, json=given), 404) == "topic g not found"
    assert contents(redis_url) == before


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"", "body: malformed JSON: "),
        (b"[]", "body: "),
        (b"{}", "endpoints"),
        (b'{"endpoints": {}}', "endpoints: "),
        (b'{"endpoints": []}', "endpoints: "),
        (b'{"endpoints": [1]}', "endpoints[0]: "),
        (b'{"endpoints": [{}]}', "endpoints[0].url: "),
        (b'{"endpoints": [{"url": ""}]}', "endpoints[0].url: "),
        (b'{"endpoints": [{"url": "https://a.io"}, {"url": "a.io"}]}', "endpoints[1].url: "),
        (b'{"endpoints": [{"url": "ftp://a.io"}]}', "endpoints[0].url: "),
        (b'{"endpoints": [{"url": "https://"}]}', "endpoints[0].url: "),
        (b'{"endpoints": [{"url": "https://a.io/\\n"}]}', "endpoints[0].url: "),
        (b'{"endpoints": [{"url": 1}]}', "endpoints[0].url: "),
        (b'{"endpoints": [{"url": "https://a.io", "name": 1}]}', "endpoints[0].name: "),
        (b'{"endpoints": [{"url": "https://a.io", "name": "\\ud800"}]}', "endpoints[0].name: "),
    ],
)
def test_refuses_bad_endpoints(caller: Caller, redis_url: str, payload: bytes, text: str) -> None:
    """Endpoints that could not be called are a 400 naming the field, and none of them is kept."""
    before = contents(redis_url)

    assert error(caller.post("/v2/topics/g/endpoints", data=payload), 400).startswith(text)
    assert contents(redis_url) == before


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"nope", "body: malformed JSON: "),
        (b"[]", "body: "),
        (b"{}", "headers: "),
        (b'{"headers": []}', "headers: "),
        (b'{"headers": null}', "headers: "),
        (b'{"headers": {"A": 1}}', "headers.A: "),
        (b'{"headers": {"A": ["a", null]}}', "headers.A: "),
        (b'{"headers": {"A": "a\\nb"}}', "headers.A: "),
        (b'{"headers": {"A b": "a"}}', "headers.'A b': "),
        (b'{"headers": {"": "a"}}', "headers.'': "),
    ],
)
def test_refuses_bad_headers(caller: Caller, redis_url: str, payload: bytes, text: str) -> None:
    """Default headers that are no headers are a 400 naming the one, and the old ones stay."""
    upsert(caller, "g", {"url": "https://a.io"})
    before = contents(redis_url)

    assert error(caller.call("PATCH", "/v2/topics/g", data=payload), 400).startswith(text)
    assert contents(redis_url) == before


@pytest.mark.parametrize("name", ["a%20b", "a%2Fb", "%C3%A9", "a:b", "x" * 257])
@pytest.mark.parametrize(
    ("method", "action"),
    [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/endpoints"), ("DELETE", "/endpoints")],
)
def test_refuses_bad_names(caller: Caller, redis_url: str, name: str, method: str, action: str) -> None:
    """A name outside the grammar is a 400 on every call."""
    before = contents(redis_url)
    given = {"headers": {}, "endpoints": [{"url": "https://a.io"}]}

    text = error(caller.call(method, f"/v2/topics/{name}{action}", json=given), 400)

    assert text.startswith("topicName: ")
    assert contents(redis_url) == before


def test_limits(core_with: OpenCore, settings: Settings, redis_url: str) -> None:
    """Too many groups or endpoints are a 412; what there is can still be changed."""
    limited = replace(settings, max_url_groups=1, max_group_endpoints=2)
    caller = Caller(create_app(core_with(limited)).test_client())
    upsert(caller, "g", {"url": "https://a.io/1"}, {"url": "https://a.io/2"})
    before = contents(redis_url)

    third = {"endpoints": [{"url": "https://a.io/3"}]}
    assert error(caller.post("/v2/topics/g/endpoints", json=third), 412).startswith("endpoints: ")
    assert error(caller.post("/v2/topics/h/endpoints", json=third), 412).startswith("topicName: ")
    assert contents(redis_url) == before
    upsert(caller, "g", {"url": "https://a.io/2", "name": "two"})


def test_refuses_private_endpoints(core_with: OpenCore, settings: Settings, redis_url: str) -> None:
    """With the guard on, an endpoint on a private network is refused with the known text."""
    core = core_with(replace(settings, allow_private_networks=False))
    caller = Caller(create_app(core).test_client())
    before = contents(redis_url)

    response = caller.post("/v2/topics/g/endpoints", json={"endpoints": [{"url": "http://127.0.0.1:1/"}]})

    text = "invalid destination url: endpoint resolves to a loopback address: 127.0.0.1"
    assert error(response, 400).startswith(text)
    assert contents(redis_url) == before


def test_bodies_over_the_limit(core_with: OpenCore, settings: Settings) -> None:
    """A body over the limit is a 413 on every call that has one."""
    caller = Caller(create_app(core_with(replace(settings, max_body_bytes=10))).test_client())
    payload = json.dumps({"endpoints": [{"url": "https://a.io"}]})

    for method, target in (
        ("POST", "/v2/topics/g/endpoints"),
        ("DELETE", "/v2/topics/g/endpoints"),
        ("PATCH", "/v2/topics/g"),
    ):
        assert error(caller.call(method, target, data=payload), 413) == "body: larger than 10 bytes"
