"""POST /v2/publish/<destination> and /v2/enqueue/<queue>/<destination> (contract 2.1)."""

from flask import Blueprint, Response, request

from api.answer import answer
from api.body import read_body
from api.header_fields import header_fields
from api.raw_target import DESTINATION
from api.request_scope import caller_ip, current_core, current_user_id
from api.wire import receipt_json
from api.wsgi_text import from_wsgi
from qstash_rq.publish import PublishRequest, publish

blueprint = Blueprint("publish", __name__)

_STORED = 200
_DUPLICATE = 202


@blueprint.post("/v2/publish")
def publish_message() -> Response:
    """Accept one message for a destination."""
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
    core, environ = current_core(), request.environ
    wanted = PublishRequest(
        destination=from_wsgi(environ[DESTINATION], "destination"),
        headers=header_fields(environ),
        body=read_body(environ, core.settings.max_body_bytes),
        caller_ip=caller_ip(),
        queue_name=queue_name,
    )
    receipt = publish(core, current_user_id(), wanted)
    return answer(receipt_json(receipt), _DUPLICATE if receipt.deduplicated else _STORED)
