"""The rules for every object on the wire: absent fields, bodies, header maps, pages (contract 0.1)."""

from base64 import b64encode
from collections.abc import Iterable
from typing import Any

from api.header_fields import canonical
from qstash_rq.message import Headers

Json = dict[str, Any]


def unless_empty(name: str, value: object) -> Json:
    """Return the field `name`, or no field at all when the value is unset, empty or 0."""
    return {name: value} if value else {}


def unless_none(name: str, value: object) -> Json:
    """Return the field `name`, or no field at all when there is no value."""
    return {} if value is None else {name: value}


def header_map(headers: Headers) -> dict[str, list[str]]:
    """Return headers as a map of canonical names to their values in order."""
    fields: dict[str, list[str]] = {}
    for name, value in headers:
        fields.setdefault(canonical(name), []).append(value)
    return fields


def base64_body(name: str, body: bytes) -> Json:
    """Return `name` as base64; the convention of logs."""
    return unless_empty(name, b64encode(body).decode())


def text_or_base64(name: str, body: bytes) -> Json:
    """Return `name` as text, or `<name>Base64` for bytes that are no UTF-8, or neither when empty."""
    try:
        return unless_empty(name, body.decode())
    except UnicodeDecodeError:
        return base64_body(f"{name}Base64", body)


def whole_seconds(ms: int) -> int:
    """Return milliseconds as seconds, a started one counting as a whole."""
    return -(-ms // 1_000)


def page_json(name: str, items: Iterable[Json], cursor: str | None) -> Json:
    """Return one page under `name`; the cursor is absent at the end."""
    return {name: list(items), **unless_empty("cursor", cursor)}
