"""Turn a message into the fields of its record and back."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from qstash_rq.delivery import Attempt
from qstash_rq.message import Headers, Message

# Stored beside the spec, under names of their own.
_APART = frozenset({"message_id", "user_id", "body"})
_DEFAULTS = {
    field.name: field.default
    for field in fields(Message)
    if field.name not in _APART and field.default is not MISSING
}
_REQUIRED = ("url", "created_at_ms", "not_before_ms")


def encode_spec(message: Message) -> str:
    """Return all of `message` but its id, user and body as JSON; defaults are left out."""
    spec: dict[str, Any] = {name: getattr(message, name) for name in _REQUIRED}
    for name, default in _DEFAULTS.items():
        value = getattr(message, name)
        if value != default:
            spec[name] = value
    return json.dumps(spec, separators=(",", ":"), ensure_ascii=False)


def decode_message(message_id: str, user_id: str, spec: bytes, body: bytes) -> Message:
    """Return the message that `encode_spec` wrote."""
    values = json.loads(spec.decode())  # str: bytes would have their encoding guessed first
    if "headers" in values:
        values["headers"] = _headers(values["headers"])
    if "labels" in values:
        values["labels"] = tuple(values["labels"])
    return Message(message_id=message_id, user_id=user_id, body=body, **values)


def record_fields(message: Message) -> dict[str, str | bytes | int]:
    """Return our own fields of a fresh record, RQ's and the scripts' not among them."""
    record: dict[str, str | bytes | int] = {"spec": encode_spec(message)}
    if message.body:
        record["body"] = message.body
    return record


def encode_response(attempt: Attempt, error: str) -> str:
    """Return status, headers and error of a failed attempt as JSON; the body is stored apart."""
    response: dict[str, Any] = {"error": error}
    if attempt.status is not None:
        response |= {"status": attempt.status, "headers": attempt.headers}
    return json.dumps(response, separators=(",", ":"), ensure_ascii=False)


def decode_response(text: bytes, body: bytes) -> Attempt:
    """Return the attempt that `encode_response` wrote; an empty text is an empty attempt."""
    response: Mapping[str, Any] = json.loads(text) if text else {}
    return Attempt(
        status=response.get("status"),
        headers=_headers(response.get("headers", ())),
        body=body,
        error=response.get("error"),
    )


def _headers(pairs: Any) -> Headers:  # noqa: ANN401 - parsed JSON
    return tuple((name, value) for name, value in pairs)
