"""GET /openapi.json: what this server can be asked and what it answers; no token needed."""

from flask import Blueprint, Response

from api.answer import answer
from api.openapi.document import describe

# `auth` lets everybody into this blueprint by its name.
blueprint = Blueprint("description", __name__)


@blueprint.get("/openapi.json")
def read() -> Response:
    """Answer the OpenAPI description."""
    return answer(describe())
