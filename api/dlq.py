"""/v2/dlq: list, delete and retry dead letters (contract 2.6)."""

from flask import Blueprint, Response, request

from api.answer import answer, done
from api.header_fields import header_fields
from api.request_scope import bulk_parameters, current_core, current_user_id, query_parameters
from api.selection import dead_letter_selection, retry_selection
from api.stream_ids import check_dlq_id
from api.wire.dead_letters import dead_letter_json, deleted_json, revived_json
from api.wire.fields import page_json
from qstash_rq.dead_letters import (
    delete_dead_letter,
    delete_dead_letters,
    get_dead_letter,
    list_dead_letters,
    retry_dead_letter,
    retry_dead_letters,
)

blueprint = Blueprint("dlq", __name__)

_CREATED = 201


@blueprint.get("/v2/dlq")
def read_page() -> Response:
    """Answer the dead letters the query selects."""
    chosen = dead_letter_selection(query_parameters())
    page = list_dead_letters(
        current_core(),
        current_user_id(),
        chosen.wanted,
        dlq_ids=chosen.dlq_ids,
        cursor=chosen.cursor,
        count=chosen.count,
        earliest_first=chosen.earliest_first,
    )
    return answer(page_json("messages", map(dead_letter_json, page.items), page.cursor))


@blueprint.get("/v2/dlq/<name:dlq_id>")
def read_one(dlq_id: str) -> Response:
    """Answer one dead letter."""
    letter = get_dead_letter(current_core(), current_user_id(), check_dlq_id(dlq_id))
    return answer(dead_letter_json(letter))


@blueprint.delete("/v2/dlq/<name:dlq_id>")
def delete_one(dlq_id: str) -> Response:
    """Delete one dead letter."""
    delete_dead_letter(current_core(), current_user_id(), check_dlq_id(dlq_id))
    return done()


@blueprint.delete("/v2/dlq")
def delete_many() -> Response:
    """Delete the dead letters the request selects."""
    chosen = dead_letter_selection(bulk_parameters())
    deleted = delete_dead_letters(
        current_core(),
        current_user_id(),
        chosen.wanted,
        dlq_ids=chosen.dlq_ids,
        cursor=chosen.cursor,
        count=chosen.count,
    )
    return answer(deleted_json(deleted))


@blueprint.post("/v2/dlq/retry/<name:dlq_id>")
def retry_one(dlq_id: str) -> Response:
    """Send a dead letter again as a new message."""
    overrides = header_fields(request.environ)
    message_id = retry_dead_letter(current_core(), current_user_id(), check_dlq_id(dlq_id), overrides)
    return answer({"messageId": message_id}, _CREATED)


@blueprint.post("/v2/dlq/retry")
def retry_many() -> Response:
    """Send the dead letters the request selects again, all or none."""
    chosen = retry_selection(bulk_parameters())
    page = retry_dead_letters(
        current_core(),
        current_user_id(),
        chosen.wanted,
        dlq_ids=chosen.dlq_ids,
        cursor=chosen.cursor,
        count=chosen.count,
        overrides=header_fields(request.environ),
    )
    return answer(revived_json(page), _CREATED)
