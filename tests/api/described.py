"""Holds answers to the description of the API: what is not described must not be answered."""

import re
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from werkzeug.test import TestResponse

from api.openapi.document import describe

DESCRIPTION: dict[str, Any] = describe()

_URI = "urn:description"
_REGISTRY: Registry[Any] = Registry().with_resource(
    _URI, Resource(contents=DESCRIPTION, specification=DRAFT202012)
)

# What a parameter of a path may stand for: some hold slashes.
_PARAMETERS = {"destination": ".*", "flowControlKey": ".*"}
_ERROR = ("components", "schemas", "Error")


def check_described(method: str, target: str, response: TestResponse) -> None:
    """Fail unless `response` is one that the description allows for this call."""
    if response.status_code == 204 and method == "OPTIONS":
        return  # the preflight of a browser, not a call of the API
    template = find_template(method, target)
    if template is None:
        # No path or method that is described can only be an error.
        assert response.status_code >= 400, f"{method} {target} is not described"
        _check_json(response, _ERROR)
        return
    place = ("paths", template, _described_method(method), "responses", str(response.status_code))
    found, place = _resolve(place)
    assert found is not None, f"{method} {template} answers {response.status_code}, which is not described"
    for name, header in found.get("headers", {}).items():
        assert name in response.headers or not header["required"], f"{name} is missing"
    if method != "HEAD":
        _check_json(response, (*place, "content", "application/json", "schema"))


def find_template(method: str, target: str) -> str | None:
    """Return the described path that a call goes to: one with the most fixed words; or None."""
    path = _path(target)
    fitting = [template for template, pattern in _patterns() if pattern.fullmatch(path)]
    for template in fitting:
        if (
            _rank(template) == _rank(fitting[0])
            and _described_method(method) in DESCRIPTION["paths"][template]
        ):
            return template
    return None


def _rank(template: str) -> tuple[int, int]:
    return template.count("{"), -template.count("/")


def _described_method(method: str) -> str:
    return "get" if method == "HEAD" else method.lower()


def _path(target: str) -> str:
    path = target.partition("?")[0]
    return path if path.startswith("/") else urlsplit(path).path


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Return the described paths and how to tell them, those with the most fixed words first."""
    templates = sorted(DESCRIPTION["paths"], key=_rank)
    return [(template, re.compile(_pattern(template), re.DOTALL)) for template in templates]


def _pattern(template: str) -> str:
    words = re.split(r"(\{\w+\})", template)
    parts = [
        _PARAMETERS.get(word[1:-1], "[^/]+") if word.startswith("{") else f"(?i:{re.escape(word)})"
        for word in words
    ]
    return "".join(parts) + "/?"


def _resolve(place: tuple[str, ...]) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """Return what stands at `place` and where it really stands, behind a reference."""
    value: Any = DESCRIPTION
    for word in place:
        value = value.get(word)
        if value is None:
            return None, place
    if "$ref" in value:
        return _resolve(tuple(value["$ref"].removeprefix("#/").split("/")))
    return value, place


def _check_json(response: TestResponse, place: tuple[str, ...]) -> None:
    assert response.content_type == "application/json"
    errors = [error.message for error in _validator(place).iter_errors(response.get_json())]
    assert errors == [], f"{errors}: {response.text[:500]}"


@cache
def _validator(place: tuple[str, ...]) -> Draft202012Validator:
    pointer = "/".join(word.replace("~", "~0").replace("/", "~1") for word in place)
    return Draft202012Validator({"$ref": f"{_URI}#/{pointer}"}, registry=_REGISTRY)
