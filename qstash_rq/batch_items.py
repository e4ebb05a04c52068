"""Read the JSON array of a batch call into its items (contract 2.1).

Judges the shape only: destinations and headers mean what they mean in a publish.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn, cast

from qstash_rq.errors import InvalidInput, QStashError
from qstash_rq.json_text import parse_json
from qstash_rq.message import Headers
from qstash_rq.names import check_name


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchItem:
    """One message of a batch; `index` is its place in the array, from 0."""

    index: int
    destination: str
    headers: Headers = ()
    body: bytes = b""
    queue_name: str | None = None


def parse_items(payload: bytes) -> tuple[BatchItem, ...]:
    """Return the items of the JSON array `payload`; unknown keys are ignored.

    Raises InvalidInput naming item and field, such as `[3].headers.Upstash-Retries: ...`.
    """
    items = parse_json(payload)
    if not isinstance(items, list):
        _refuse("body", "must be a JSON array")
    return tuple(_item(index, item) for index, item in enumerate(cast("list[object]", items)))


@contextmanager
def naming_item(item: BatchItem, field: str) -> Generator[None]:
    """Put item and `field` before the text of every error of the core that is raised inside.

    With `headers.` as the field, `Upstash-Retries: ...` becomes `[3].headers.Upstash-Retries: ...`; without a
    field, `a non-empty destination ...` becomes `[3]: a non-empty destination ...`.
    """
    try:
        yield
    except QStashError as error:
        msg = f"[{item.index}]{f'.{field}' if field else ': '}{error}"
        raise type(error)(msg) from error


def _item(index: int, item: object) -> BatchItem:
    place = f"[{index}]"
    if not isinstance(item, dict):
        _refuse(place, "must be a JSON object")
    fields = cast("dict[str, object]", item)
    queue_name = _optional_text(fields, "queue", place)
    return BatchItem(
        index=index,
        destination=_text(fields.get("destination"), f"{place}.destination"),
        headers=_headers(fields, place),
        body=_optional_text(fields, "body", place).encode(),
        queue_name=check_name(queue_name, f"{place}.queue") if queue_name else None,
    )


def _headers(fields: Mapping[str, object], place: str) -> Headers:
    given = fields.get("headers", {})
    if not isinstance(given, dict):
        _refuse(f"{place}.headers", "must be a JSON object")
    headers: list[tuple[str, str]] = []
    for name, value in cast("dict[str, object]", given).items():
        # repr where a name may hold anything, also what a log line must not.
        field = f"{place}.headers.{name if name.isprintable() else ascii(name)}"
        texts = cast("list[object]", value) if isinstance(value, list) else [value]
        _text(name, field)
        headers.extend((name, _text(text, field)) for text in texts)
    return tuple(headers)


def _optional_text(fields: Mapping[str, object], name: str, place: str) -> str:
    """Return the text of a field that may be null or absent: then it is empty."""
    value = fields.get(name)
    return "" if value is None else _text(value, f"{place}.{name}")


def _text(value: object, field: str) -> str:
    if not isinstance(value, str):
        _refuse(field, "must be a string")
    try:
        value.encode()
    except UnicodeEncodeError:
        _refuse(field, "must be Unicode text: half of a surrogate pair is none")
    return value


def _refuse(field: str, reason: str) -> NoReturn:
    msg = f"{field}: {reason}"
    raise InvalidInput(msg)
