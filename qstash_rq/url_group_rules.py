"""Read what callers send about URL groups, and merge and remove endpoints (contract 2.5).

How many endpoints a group may have, and what its default headers mean, are for others to judge.
"""

from collections.abc import Mapping
from typing import NoReturn, cast

from qstash_rq.errors import InvalidInput, LimitExceeded
from qstash_rq.forwarding import check_value, is_header_name
from qstash_rq.message import Headers
from qstash_rq.url_group import Endpoint
from qstash_rq.urls import WEB_SCHEMES, check_url

# Bounds the work of one call; every publish to the group carries its headers.
MAX_ITEMS = 1_000
MAX_HEADER_CHARACTERS = 65_536


def parse_endpoints(payload: object, *, schemes: frozenset[str] = WEB_SCHEMES) -> tuple[Endpoint, ...]:
    """Return the endpoints to add out of `{"endpoints": [{"url": ..., "name": ...}]}`, at least one.

    A name that is null or empty is none; unknown keys are ignored. Raises InvalidInput naming the field, such
    as `endpoints[0].url: ...`, and LimitExceeded for more than 1,000 items.
    """
    items = _items(payload)
    if not items:
        _refuse("endpoints", "must not be empty")
    return tuple(
        Endpoint(url=_url(fields, place, schemes), name=_optional_text(fields, "name", place))
        for place, fields in items
    )


def parse_removals(payload: object) -> tuple[Endpoint, ...]:
    """Return the endpoints to remove; each needs a name or a URL, and without one its URL is empty.

    Raises as `parse_endpoints` does, but for URLs that could not be called: nothing has to be deliverable.
    """
    removals: list[Endpoint] = []
    for place, fields in _items(payload):
        name, url = _optional_text(fields, "name", place), _optional_text(fields, "url", place)
        if name is None and url is None:
            _refuse(place, "needs a url or a name")
        removals.append(Endpoint(url=url or "", name=name))
    return tuple(removals)


def parse_group_headers(payload: object) -> Headers:
    """Return the default headers out of `{"headers": {"Upstash-Retries": "3", "X": ["a", "b"]}}`.

    A name with a list stands once for each of its values. Raises InvalidInput naming the field, such as
    `headers.X: ...`, and LimitExceeded for more than 65,536 characters.
    """
    given = _object(payload, "body").get("headers")
    headers: list[tuple[str, str]] = []
    for name, value in _object(given, "headers").items():
        if not is_header_name(name):
            # ascii: a broken name may hold anything, also what a log line must not.
            _refuse(f"headers.{name!a}", "is not a valid header name")
        values = cast("list[object]", value) if isinstance(value, list) else [value]
        headers += ((name, _text(one, f"headers.{name}")) for one in values)
    if sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_CHARACTERS:
        msg = f"headers: more than {MAX_HEADER_CHARACTERS} characters"
        raise LimitExceeded(msg)
    return tuple(headers)


def merge_endpoints(current: tuple[Endpoint, ...], items: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    """Return `current` with `items` merged in one after the other; places are kept, new ones come last.

    An item whose name exists gives that endpoint its URL; else one whose URL exists gives that endpoint its
    name, if it has one; else it is appended. A URL can so come to stand twice, a name cannot.
    """
    merged = list(current)
    for item in items:
        place = _place(merged, item)
        if place is None:
            merged.append(item)
        else:
            merged[place] = Endpoint(url=item.url, name=item.name or merged[place].name)
    return tuple(merged)


def remove_endpoints(current: tuple[Endpoint, ...], items: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    """Return `current` without those that an item names or, where the item has no name, whose URL it has."""
    names = {item.name for item in items if item.name is not None}
    urls = {item.url for item in items if item.name is None}
    return tuple(one for one in current if one.name not in names and one.url not in urls)


def _place(endpoints: list[Endpoint], item: Endpoint) -> int | None:
    if item.name is not None:
        for place, one in enumerate(endpoints):
            if one.name == item.name:
                return place
    return next((place for place, one in enumerate(endpoints) if one.url == item.url), None)


def _items(payload: object) -> list[tuple[str, Mapping[str, object]]]:
    """Return the items under `endpoints`, each with its place in the text of an error."""
    given = _object(payload, "body").get("endpoints")
    if not isinstance(given, list):
        _refuse("endpoints", "must be a list")
    items = cast("list[object]", given)
    if len(items) > MAX_ITEMS:
        msg = f"endpoints: more than {MAX_ITEMS} items"
        raise LimitExceeded(msg)
    return [(f"endpoints[{index}]", _object(item, f"endpoints[{index}]")) for index, item in enumerate(items)]


def _url(fields: Mapping[str, object], place: str, schemes: frozenset[str]) -> str:
    url = _text(fields.get("url"), f"{place}.url")
    try:
        return check_url(url, schemes=schemes)
    except InvalidInput as error:
        msg = f"{place}.url: {error}"
        raise InvalidInput(msg) from error


def _optional_text(fields: Mapping[str, object], name: str, place: str) -> str | None:
    value = fields.get(name)
    return None if value is None else _text(value, f"{place}.{name}") or None


def _object(value: object, field: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        _refuse(field, "must be a JSON object")
    return cast("dict[str, object]", value)


def _text(value: object, field: str) -> str:
    if not isinstance(value, str):
        _refuse(field, "must be a string")
    return check_value(field, value)


def _refuse(field: str, reason: str) -> NoReturn:
    msg = f"{field}: {reason}"
    raise InvalidInput(msg)
