"""Dead letters and the answers to calls that delete and retry them (contract 2.6)."""

from api.wire.fields import Json, header_map, page_json, text_or_base64, unless_empty
from api.wire.messages import message_fields
from qstash_rq.dead_letters import Deleted
from qstash_rq.delivery import DeadLetter
from qstash_rq.paging import Page
from qstash_rq.redaction import redact


def dead_letter_json(letter: DeadLetter) -> Json:
    """Return a DLQ message; `responseStatus` is there even when no response was."""
    response = letter.response
    fields = message_fields(redact(letter.message), not_before_ms=letter.message.not_before_ms)
    fields |= {"dlqId": letter.dlq_id, "responseStatus": response.status or 0}
    if response.status is not None:
        fields["responseHeader"] = header_map(response.headers)
    return fields | text_or_base64("responseBody", response.body)


def deleted_json(deleted: Deleted) -> Json:
    """Return the answer to a bulk delete."""
    return {"deleted": deleted.count, **unless_empty("cursor", deleted.cursor)}


def revived_json(page: Page[str]) -> Json:
    """Return the answer to a bulk retry."""
    return page_json("responses", ({"messageId": message_id} for message_id in page.items), page.cursor)
