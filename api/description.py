"""GET /openapi.json: what this server can be asked and what it answers; no token needed."""

from functools import cache

from flask import Blueprint, Response

from api.answer import JSON, answer
from api.openapi.document import describe

# `auth` lets everybody into this blueprint by its name.
blueprint = Blueprint("description", __name__)


@blueprint.get("/openapi.json")
def read() -> Response:
    """Answer the OpenAPI description."""
    return Response(_document(), mimetype=JSON)


@cache
def _document() -> bytes:
    """Return the text of the description, which is the same for the life of the process."""
    return answer(describe()).get_data()
