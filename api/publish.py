"""POST /v2/publish/<destination> and /v2/enqueue/<queue>/<destination> (contract 2.1)."""

from flask import Blueprint, Response

from api.answer import accepted
from api.publish_request import publish_request
from api.request_scope import current_core, current_user_id
from api.wire.messages import published_json
from qstash_rq.publish import publish

blueprint = Blueprint("publish", __name__)


@blueprint.post("/v2/publish")
def publish_message() -> Response:
    """Accept one message for a destination, one for each endpoint of a group, or a schedule."""
    return _publish(None)


@blueprint.post("/v2/enqueue")
def enqueue_nowhere() -> Response:
    """Refuse an enqueue whose path has no queue name."""
    return _publish("")


@blueprint.post("/v2/enqueue/<name:queue_name>")
def enqueue_message(queue_name: str) -> Response:
    """Accept one message for a destination through a queue."""
    return _publish(queue_name)


def _publish(queue_name: str | None) -> Response:
    published = publish(current_core(), current_user_id(), publish_request(queue_name))
    return accepted(published_json(published), published.receipts)
