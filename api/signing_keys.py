"""GET /v2/keys and POST /v2/keys/rotate (contract 2.8)."""

from flask import Blueprint, Response

from api.answer import answer
from api.request_scope import current_core, current_user_id
from api.wire.signing_keys import signing_keys_json
from qstash_rq.signing_keys import get_signing_keys, rotate_signing_keys

# `auth` keeps read-only tokens away from this blueprint by its name.
blueprint = Blueprint("signing_keys", __name__)


@blueprint.get("/v2/keys")
def read() -> Response:
    """Answer both signing keys."""
    return answer(signing_keys_json(get_signing_keys(current_core(), current_user_id())))


@blueprint.post("/v2/keys/rotate")
def rotate() -> Response:
    """Make the next key the current one and answer the new pair."""
    return answer(signing_keys_json(rotate_signing_keys(current_core(), current_user_id())))
