"""Shape core values as the JSON of the contract; the only file with the wire's field names.

Fields that are unset are left out, never sent empty (contract 0.1). Times are milliseconds.
"""

from base64 import b64encode
from collections.abc import Iterable
from typing import Any

from api.header_fields import canonical
from qstash_rq.dead_letters import Deleted
from qstash_rq.delivery import Attempt, DeadLetter
from qstash_rq.lanes import Queue
from qstash_rq.logs import LogRecord
from qstash_rq.message import Headers, Message
from qstash_rq.messages import MessageView
from qstash_rq.paging import Page
from qstash_rq.publish import Receipt
from qstash_rq.signing_keys import SigningKeys

Json = dict[str, Any]


def receipt_json(receipt: Receipt) -> Json:
    """Return the answer to a publish (contract 2.1)."""
    fields: Json = {"messageId": receipt.message_id, "url": receipt.url}
    if receipt.deduplicated:
        fields["deduplicated"] = True
    return fields


def message_json(view: MessageView) -> Json:
    """Return a Message object (contract 2.2)."""
    return _message(view.message, not_before_ms=view.not_before_ms)


def queue_json(queue: Queue) -> Json:
    """Return a Queue object, every field always present (contract 2.3)."""
    return {
        "name": queue.name,
        "parallelism": queue.parallelism,
        "createdAt": queue.created_at_ms,
        "updatedAt": queue.updated_at_ms,
        "lag": queue.lag,
        "paused": queue.paused,
    }


def dead_letter_json(letter: DeadLetter) -> Json:
    """Return a DLQ message; `responseStatus` is there even when no response was (contract 2.6)."""
    response = letter.response
    fields = _message(letter.message, not_before_ms=letter.message.not_before_ms)
    fields |= {"dlqId": letter.dlq_id, "responseStatus": response.status or 0}
    if response.status is not None:
        fields["responseHeader"] = header_map(response.headers)
    return fields | _text_or_base64("responseBody", response.body)


def log_json(record: LogRecord, *, body_limit: int | None = None) -> Json:
    """Return a log record (contract 5.2); bodies are cut to `body_limit` bytes."""
    message = record.message
    return {
        "time": record.time_ms,
        "state": record.state.value,
        **_identity(message),
        **_unless_empty("header", header_map(message.headers)),
        **_base64("body", message.body[:body_limit]),
        **_options(message),
        # Both spellings: the documentation names the first, the Python client reads the second.
        **_unless_empty("retryDelayExpr", message.retry_delay),
        **_unless_empty("error", record.error),
        **_unless_empty("nextDeliveryTime", record.next_delivery_ms),
        **_response(record.response, body_limit),
    }


def deleted_json(deleted: Deleted) -> Json:
    """Return the answer to a bulk delete of dead letters (contract 2.6)."""
    return {"deleted": deleted.count, **_unless_empty("cursor", deleted.cursor)}


def revived_json(page: Page[str]) -> Json:
    """Return the answer to a bulk retry of dead letters (contract 2.6)."""
    return page_json("responses", ({"messageId": message_id} for message_id in page.items), page.cursor)


def signing_keys_json(signing_keys: SigningKeys) -> Json:
    """Return the pair of signing keys (contract 2.8)."""
    return {"current": signing_keys.current, "next": signing_keys.next}


def page_json(name: str, items: Iterable[Json], cursor: str | None) -> Json:
    """Return one page under `name`; the cursor is absent at the end."""
    return {name: list(items), **_unless_empty("cursor", cursor)}


def header_map(headers: Headers) -> dict[str, list[str]]:
    """Return headers as a map of canonical names to their values in order."""
    fields: dict[str, list[str]] = {}
    for name, value in headers:
        fields.setdefault(canonical(name), []).append(value)
    return fields


def _message(message: Message, *, not_before_ms: int) -> Json:
    return {
        **_identity(message),
        "header": header_map(message.headers),
        "notBefore": not_before_ms,
        "createdAt": message.created_at_ms,
        **_text_or_base64("body", message.body),
        **_options(message),
    }


def _identity(message: Message) -> Json:
    return {
        "messageId": message.message_id,
        "url": message.url,
        "method": message.method,
        "maxRetries": message.max_retries,
    }


def _options(message: Message) -> Json:
    """Return what only some messages have."""
    fields = {
        "topicName": message.topic_name,
        "endpointName": message.endpoint_name,
        "queueName": message.queue_name,
        "scheduleId": message.schedule_id,
        "callerIP": message.caller_ip,
        "callerIp": message.caller_ip,  # what the TypeScript client's types say
        "label": message.labels[0] if message.labels else None,
        "labels": list(message.labels),
        "retryDelayExpression": message.retry_delay,
        "timeout": message.timeout_ms,
    }
    return {name: value for name, value in fields.items() if value}


def _response(response: Attempt | None, body_limit: int | None) -> Json:
    if response is None or response.status is None:
        return {}
    headers = header_map(response.headers)
    return {
        "responseStatus": response.status,
        "responseHeader": headers,
        "responseHeaders": headers,
        **_base64("responseBody", response.body[:body_limit]),
    }


def _unless_empty(name: str, value: object) -> Json:
    return {name: value} if value else {}


def _base64(name: str, body: bytes) -> Json:
    return _unless_empty(name, b64encode(body).decode())


def _text_or_base64(name: str, body: bytes) -> Json:
    """Return `name` as text, or `<name>Base64` for bytes that are no UTF-8, or neither when empty."""
    try:
        return _unless_empty(name, body.decode())
    except UnicodeDecodeError:
        return _base64(f"{name}Base64", body)
