"""Turn a message, or a schedule, into the fields of its record and back."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, fields
from typing import Any

from qstash_rq.delivery import Attempt
from qstash_rq.message import Callback, Flow, Headers, Message, Redaction
from qstash_rq.quick_values import quick_maker
from qstash_rq.schedule import Schedule

# Made once: `json.dumps` would make an encoder for each message. Nothing of ours contains itself.
_as_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False).encode

# Stored beside the spec, under names of their own.
_APART = frozenset({"message_id", "user_id", "body", "schedule_id", "cron", "created_at_ms"})
_NESTED = frozenset({"callback", "failure_callback", "flow", "redaction"})


_DECODER = json.JSONDecoder()
_quick_message = quick_maker(Message)


def _defaults(kind: type[Message] | type[Schedule]) -> dict[str, Any]:
    return {
        field.name: field.default
        for field in fields(kind)
        if field.name not in _APART and field.default is not MISSING
    }


_MESSAGE_DEFAULTS = {**_defaults(Message), "schedule_id": None}
_MESSAGE_REQUIRED = ("url", "created_at_ms", "not_before_ms")
_SCHEDULE_DEFAULTS = _defaults(Schedule)
_SCHEDULE_REQUIRED = ("destination",)


def encode_message(message: Message) -> str:
    """Return all of `message` but its id, user and body as JSON; defaults are left out."""
    return _encode(message, _MESSAGE_REQUIRED, _MESSAGE_DEFAULTS)


def encode_schedule(schedule: Schedule) -> str:
    """Return all of `schedule` but what its record holds apart, as JSON; defaults are left out."""
    return _encode(schedule, _SCHEDULE_REQUIRED, _SCHEDULE_DEFAULTS)


def decode_message(message_id: str, user_id: str, spec: bytes, body: bytes) -> Message:
    """Return the message that `encode_message` wrote."""
    return _quick_message({"message_id": message_id, "user_id": user_id, "body": body, **decode_spec(spec)})


def decode_spec(spec: bytes) -> dict[str, Any]:
    """Return the fields that were encoded, as values."""
    # Not `json.loads`, which looks for blanks around the text and guesses the encoding of bytes.
    values: dict[str, Any] = _DECODER.raw_decode(spec.decode())[0]
    if "headers" in values:
        values["headers"] = _headers(values["headers"])
    if "explicit" in values:
        values["explicit"] = tuple(values["explicit"])
    if "labels" in values:
        values["labels"] = tuple(values["labels"])
    if not _NESTED.isdisjoint(values):
        _decode_nested(values)
    return values


def encode_response(attempt: Attempt, error: str) -> str:
    """Return status, headers and error of a failed attempt as JSON; the body is stored apart."""
    response: dict[str, Any] = {"error": error}
    if attempt.status is not None:
        response |= {"status": attempt.status, "headers": attempt.headers}
    return _as_json(response)


def decode_response(text: bytes, body: bytes) -> Attempt:
    """Return the attempt that `encode_response` wrote; an empty text is an empty attempt."""
    response: Mapping[str, Any] = json.loads(text) if text else {}
    return Attempt(
        status=response.get("status"),
        headers=_headers(response.get("headers", ())),
        body=body,
        error=response.get("error"),
    )


def _encode(value: Message | Schedule, required: tuple[str, ...], defaults: Mapping[str, Any]) -> str:
    spec: dict[str, Any] = {name: getattr(value, name) for name in required}
    for name, default in defaults.items():
        held = getattr(value, name)
        if held != default:
            spec[name] = asdict(held) if name in _NESTED else held
    return _as_json(spec)


def _decode_nested(values: dict[str, Any]) -> None:
    if values.get("flow"):
        values["flow"] = Flow(**values["flow"])
    if values.get("redaction"):
        redaction: dict[str, Any] = values["redaction"]
        redaction["header_names"] = tuple(redaction["header_names"])
        values["redaction"] = Redaction(**redaction)
    for name in ("callback", "failure_callback"):
        if values.get(name):
            values[name] = _callback(values[name])


def _callback(values: dict[str, Any]) -> Callback:
    values["headers"] = _headers(values["headers"])
    if values["labels"] is not None:
        values["labels"] = tuple(values["labels"])
    _decode_nested(values)
    return Callback(**values)


def _headers(pairs: Iterable[Any]) -> Headers:
    return tuple(map(tuple, pairs))
