"""GET and DELETE /v2/messages (contract 2.2), and our own explain."""

from flask import Blueprint, Response

from api.answer import answer
from api.request_scope import bulk_parameters, current_core, current_user_id
from api.selection import cancel_selection
from api.wire.explanation import explanation_json
from api.wire.messages import message_json
from qstash_rq.explaining import explain_message
from qstash_rq.messages import cancel_message, cancel_messages, get_message

blueprint = Blueprint("messages", __name__)


@blueprint.get("/v2/messages/<name:message_id>")
def read_one(message_id: str) -> Response:
    """Answer a message as its publisher may see it."""
    return answer(message_json(get_message(current_core(), current_user_id(), message_id)))


@blueprint.get("/v2/messages/<name:message_id>/explain")
def explain_one(message_id: str) -> Response:
    """Answer what a message waits for, or how it ended; an extension."""
    return answer(explanation_json(explain_message(current_core(), current_user_id(), message_id)))


@blueprint.delete("/v2/messages/<name:message_id>")
def cancel_one(message_id: str) -> Response:
    """Cancel one message."""
    cancel_message(current_core(), current_user_id(), message_id)
    return answer({"cancelled": 1})


@blueprint.delete("/v2/messages")
def cancel_many() -> Response:
    """Cancel the messages the request selects; without any parameter all of them."""
    chosen = cancel_selection(bulk_parameters())
    cancelled = cancel_messages(
        current_core(),
        current_user_id(),
        chosen.wanted,
        message_ids=chosen.message_ids,
        count=chosen.count,
    )
    return answer({"cancelled": cancelled})
