"""GET /health and /v2/readiness, for load balancers: no token needed (contract 2.11)."""

from flask import Blueprint, Response

from api.answer import answer
from api.request_scope import current_core
from qstash_rq.health import check_health

# `auth` lets everybody into this blueprint by its name.
blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
@blueprint.get("/v2/readiness")
def read() -> Response:
    """Answer whether the server can work."""
    check_health(current_core())
    return answer({"status": "ok"})
