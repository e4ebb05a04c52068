"""Make the callback and failure-callback messages of an attempt (contract 3.4, 4.7).

Their bodies are the one place besides `api` where JSON field names of the wire stand.
"""

import base64
import json
from typing import Any

from qstash_rq.delivery import Attempt, Failed, Verdict
from qstash_rq.message import Callback, Headers, Message

JSON_TYPE = ("Content-Type", "application/json")


def dlq_id_placeholder(source: Message) -> str:
    """Return the text that stands for the DLQ id in a failure callback's body.

    The id is made inside settle, which puts it in the place of the first placeholder in
    a body. Nobody but the endpoint, which hears the message id, could write another one,
    and the header it would answer with comes later.
    """
    return f"<dlqId of {source.message_id}>"


def wanted_callbacks(source: Message, verdict: Verdict) -> tuple[tuple[Callback, bool], ...]:
    """Return the callbacks an attempt calls for, each with whether it is the failure callback.

    A callback follows every attempt, a failure callback the last failed one.
    """
    wanted: list[tuple[Callback, bool]] = []
    if source.callback is not None:
        wanted.append((source.callback, False))
    if source.failure_callback is not None and isinstance(verdict, Failed):
        wanted.append((source.failure_callback, True))
    return tuple(wanted)


def callback_message(
    source: Message,
    callback: Callback,
    attempt: Attempt,
    *,
    error: str,
    retried: int,
    now_ms: int,
    message_id: str,
    dlq_id: str | None,
) -> Message:
    """Return the message that tells `callback` about `attempt`; unset options are the source's.

    `retried` counts the retries before that attempt; `error` says why there is no response.
    """
    payload = _payload(source, attempt, error, retried)
    if dlq_id is not None:
        # First, before anything that an endpoint can make look like the placeholder.
        payload = {"dlqId": dlq_id, **payload}
    return Message(
        message_id=message_id,
        user_id=source.user_id,
        url=callback.url,
        created_at_ms=now_ms,
        not_before_ms=max(now_ms, callback.not_before_ms or now_ms + callback.delay_ms),
        method=callback.method,
        headers=(JSON_TYPE, *callback.headers),
        body=json.dumps(payload, separators=(",", ":")).encode(),
        max_retries=source.max_retries if callback.max_retries is None else callback.max_retries,
        retry_delay=callback.retry_delay or source.retry_delay,
        timeout_ms=callback.timeout_ms,
        caller_ip=source.caller_ip,
        labels=source.labels if callback.labels is None else callback.labels,
        callback=callback.callback,
        failure_callback=callback.failure_callback,
        flow=callback.flow,
        redaction=callback.redaction or source.redaction,
        source_message_id=source.message_id,
    )


def _payload(source: Message, attempt: Attempt, error: str, retried: int) -> dict[str, Any]:
    # Without a response the body tells what went wrong instead.
    body = error.encode() if attempt.status is None else attempt.body
    payload: dict[str, Any] = {
        "status": attempt.status or 0,
        "header": header_map(attempt.headers),
        "body": _base64(body),
        "retried": retried,
        "maxRetries": source.max_retries,
        "sourceMessageId": source.message_id,
        "url": source.url,
        "method": source.method,
        "sourceHeader": header_map(source.headers),
        "sourceBody": _base64(source.body),
        "notBefore": source.not_before_ms,
        "createdAt": source.created_at_ms,
        "topicName": source.topic_name,
        "endpointName": source.endpoint_name,
        "scheduleId": source.schedule_id,
        "queueName": source.queue_name,
        "callerIP": source.caller_ip,
    }
    if source.labels:
        payload |= {"label": source.labels[0], "labels": source.labels}
    return {name: value for name, value in payload.items() if value not in (None, "")}


def header_map(headers: Headers) -> dict[str, list[str]]:
    """Return headers as the wire has them: canonical names, each with its values in order (contract 0.1)."""
    canonical: dict[str, list[str]] = {}
    for name, value in headers:
        canonical.setdefault("-".join(map(str.capitalize, name.split("-"))), []).append(value)
    return canonical


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
