"""Write answers: compact JSON with the status of the contract."""

import json
from typing import Final

from flask import Response

# ASCII only: a lone surrogate that a client sent us in JSON must not break the answer.
_encode = json.JSONEncoder(separators=(",", ":")).encode

JSON: Final = "application/json"


def answer(value: object, status: int = 200) -> Response:
    """Return `value` as a JSON response."""
    return Response(_encode(value), status, mimetype=JSON)


def done() -> Response:
    """Return the answer of endpoints without one; `{}`, because some clients parse it anyway."""
    return answer({})
