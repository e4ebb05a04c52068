"""GET /openapi.json, and the description it answers: held to the routes, the options and the standard."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from qstash_rq.option_table import DELIVERY_OPTIONS, MESSAGE_OPTIONS
from tests.api.described import DESCRIPTION, check_described, find_template
from tests.api.serving import Caller

METHODS = {"get", "post", "put", "patch", "delete"}
# Paths that end in a destination have a route without it: the middleware cuts it off.
ROUTES = {
    "/v2/publish": "/v2/publish/{}",
    "/v2/enqueue": None,
    "/v2/enqueue/{}": "/v2/enqueue/{}/{}",
}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give every operation with its path and method."""
    for path, described in DESCRIPTION["paths"].items():
        for method, operation in described.items():
            yield path, method, operation


def references(value: Any) -> Iterator[str]:
    """Give every reference inside a value."""
    if isinstance(value, dict):
        yield from (target for name, target in value.items() if name == "$ref")
        for one in value.values():
            yield from references(one)
    if isinstance(value, list):
        for one in value:
            yield from references(one)


def resolved(reference: str) -> Any:
    """Return what a reference leads to."""
    value: Any = DESCRIPTION
    for word in reference.removeprefix("#/").split("/"):
        value = value[word.replace("~1", "/").replace("~0", "~")]
    return value


def test_is_served(stranger: Caller) -> None:
    """The description is JSON, complete, and needs no token."""
    response = stranger.get("/openapi.json")

    assert response.content_type == "application/json"
    assert response.get_json() == DESCRIPTION
    assert DESCRIPTION["openapi"].startswith("3.1.")


def test_every_route_is_described(app: Flask) -> None:
    """Each route of the app is described under each of its methods, and nothing else is."""
    served = set()
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<[^>]+>", "{}", rule.rule)
        wanted = ROUTES.get(path, path)
        if wanted is not None and (path, "POST" in (rule.methods or ())) != ("/v2/schedules", True):
            served |= {(wanted, method.lower()) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    described = {(re.sub(r"\{\w+\}", "{}", path).lower(), method) for path, method, _ in operations()}

    assert described == served


def test_every_option_is_described() -> None:
    """Each header of the option table is a parameter of publish, enqueue, schedules and retries."""
    names = {f"Upstash-{option.name}" for option in MESSAGE_OPTIONS.values()} | {
        f"Upstash-{kind}-{option.name}"
        for kind in ("Callback", "Failure-Callback")
        for option in DELIVERY_OPTIONS.values()
    }
    for path in (
        "/v2/publish/{destination}",
        "/v2/enqueue/{queueName}/{destination}",
        "/v2/schedules/{destination}",
        "/v2/dlq/retry",
        "/v2/dlq/retry/{dlqId}",
    ):
        parameters = [resolved(one["$ref"]) for one in DESCRIPTION["paths"][path]["post"]["parameters"]]
        assert names <= {one["name"] for one in parameters if one["in"] == "header"}


def test_every_reference_leads_somewhere() -> None:
    """No reference is broken, and nothing that is shared goes unused."""
    found = set(references(DESCRIPTION))

    assert all(resolved(reference) for reference in found)
    shared = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "parameters", "responses")
        for name in DESCRIPTION["components"][kind]
    }
    assert shared - found == set()


def test_every_schema_is_one() -> None:
    """Each schema keeps to JSON Schema 2020-12, the language of OpenAPI 3.1."""
    for name, schema in DESCRIPTION["components"]["schemas"].items():
        assert schema, name
        Draft202012Validator.check_schema(schema)
    for parameter in DESCRIPTION["components"]["parameters"].values():
        Draft202012Validator.check_schema(parameter["schema"])


def test_every_operation_is_whole() -> None:
    """Each operation has its own name, all parameters of its path, and answers for success and failure."""
    names = []
    for path, method, operation in operations():
        assert method in METHODS
        parameters = [resolved(one["$ref"]) for one in operation["parameters"]]
        in_path = {one["name"] for one in parameters if one["in"] == "path"}
        assert in_path == set(re.findall(r"\{(\w+)\}", path))
        assert len({(one["in"], one["name"]) for one in parameters}) == len(parameters)
        assert {status[0] for status in operation["responses"]} == {"2", "4", "5"} or not operation.get(
            "security", True
        )
        names.append(operation["operationId"])
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("method", "target", "template"),
    [
        ("POST", "/v2/publish/https://a.io//b?c", "/v2/publish/{destination}"),
        ("POST", "/V2/Enqueue/q/g", "/v2/enqueue/{queueName}/{destination}"),
        ("POST", "/v2/schedules/s/pause", "/v2/schedules/{scheduleId}/pause"),
        ("POST", "/v2/schedules/https://a.io/pause", "/v2/schedules/{destination}"),
        ("DELETE", "/v2/Schedules/s/", "/v2/schedules/{scheduleId}"),
        ("POST", "/v2/dlq/retry", "/v2/dlq/retry"),
        ("HEAD", "/v2/flowControl/a/b", "/v2/flowControl/{flowControlKey}"),
        ("POST", "/v2/flowcontrol/a/b/resetrate", "/v2/flowControl/{flowControlKey}/resetRate"),
        ("GET", "/v2/flowControl/k/pause", None),
        ("GET", "/v2/nope", None),
    ],
)
def test_finds_the_description_of_a_call(method: str, target: str, template: str | None) -> None:
    """The check of the answers looks a call up as the server does."""
    assert find_template(method, target) == template


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (200, b'[{"name": "q"}]', "is a required property"),
        (200, b"{}", "is not of type"),
        (202, b"[]", "answers 202, which is not described"),
        (404, b'{"error": "x"}', "answers 404, which is not described"),
        (400, b'{"error": "x", "more": 1}', "Additional properties are not allowed"),
        (400, b'{"error": ""}', "should be non-empty"),
        (429, b'{"error": "x"}', "Burst-RateLimit-Limit is missing"),
    ],
)
def test_notices_what_is_not_described(status: int, body: bytes, text: str) -> None:
    """An answer with another status, shape or without its headers fails the test that sees it."""
    headers = [("Content-Type", "application/json")]
    response = TestResponse([body], f"{status} X", headers, request=None)  # type: ignore[arg-type]

    with pytest.raises(AssertionError, match=text):
        check_described("GET", "/v2/queues", response)
