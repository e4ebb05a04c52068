"""Messages and the answers to publish and batch calls (contract 2.1, 2.2)."""

from collections.abc import Iterable

from api.wire.fields import Json, header_map, text_or_base64
from api.wire.options import callbacks_json, message_options_json
from qstash_rq.batch import BatchElement
from qstash_rq.message import Message
from qstash_rq.messages import MessageView
from qstash_rq.publish import Published, Receipt
from qstash_rq.redaction import redact


def published_json(published: Published) -> Json | list[Json]:
    """Return the answer to a publish: an object, for a URL group the bare array both clients need."""
    if published.schedule_id is not None:
        return {"scheduleId": published.schedule_id}
    return _receipts_json(published.receipts, to_group=published.to_group)


def batch_json(elements: Iterable[BatchElement]) -> list[Json | list[Json]]:
    """Return the answer to a batch: what each item would have answered, or why it was not sent."""
    return [
        _receipts_json(one.receipts, to_group=one.to_group)
        if one.error is None
        else {"error": str(one.error)}
        for one in elements
    ]


def message_json(view: MessageView) -> Json:
    """Return a Message object."""
    return message_fields(redact(view.message), not_before_ms=view.not_before_ms)


def message_fields(shown: Message, *, not_before_ms: int) -> Json:
    """Return the fields of a Message object; takes a message that is redacted already."""
    return {
        **identity_fields(shown),
        "header": header_map(shown.headers),
        "notBefore": not_before_ms,
        "createdAt": shown.created_at_ms,
        **text_or_base64("body", shown.body),
        **message_options_json(shown),
        **callbacks_json(shown),
    }


def identity_fields(shown: Message) -> Json:
    """Return the fields that every object about a message begins with."""
    return {
        "messageId": shown.message_id,
        "url": shown.url,
        "method": shown.method,
        "maxRetries": shown.max_retries,
    }


def receipt_json(receipt: Receipt) -> Json:
    """Return the answer to a publish that made one message."""
    fields: Json = {"messageId": receipt.message_id, "url": receipt.url}
    if receipt.deduplicated:
        fields["deduplicated"] = True
    return fields


def _receipts_json(receipts: tuple[Receipt, ...], *, to_group: bool) -> Json | list[Json]:
    fields = [receipt_json(receipt) for receipt in receipts]
    return fields if to_group else fields[0]
