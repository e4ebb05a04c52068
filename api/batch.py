"""POST /v2/batch: many messages in one call (contract 2.1)."""

from flask import Blueprint, Response, request

from api.answer import accepted, answer
from api.body import read_body
from api.request_scope import caller_ip, current_core, current_user_id
from api.wire.messages import batch_json
from qstash_rq.batch import publish_batch

blueprint = Blueprint("batch", __name__)


@blueprint.post("/v2/batch")
def publish_items() -> Response:
    """Accept the messages of a JSON array; the answer says what became of each, in order."""
    core = current_core()
    payload = read_body(request.environ, core.settings.max_batch_bytes)
    elements = publish_batch(core, current_user_id(), payload, caller_ip=caller_ip())
    if any(one.error for one in elements):
        return answer(batch_json(elements))
    return accepted(batch_json(elements), [receipt for one in elements for receipt in one.receipts])
