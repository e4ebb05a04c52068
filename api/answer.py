"""Write answers: compact JSON with the status of the contract."""

import json
from collections.abc import Iterable
from typing import Final

from flask import Response

from qstash_rq.publish import Receipt

# ASCII only: a lone surrogate that a client sent us in JSON must not break the answer.
encode: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
"""Write a value as compact JSON."""

JSON: Final = "application/json"

_STORED = 200
_DUPLICATE = 202


def answer(value: object, status: int = _STORED) -> Response:
    """Return `value` as a JSON response."""
    return Response(encode(value), status, mimetype=JSON)


def accepted(value: object, receipts: Iterable[Receipt]) -> Response:
    """Return `value` as the answer to a publish or batch: 202 when every message was a duplicate."""
    return answer(value, accepted_status(receipts))


def accepted_status(receipts: Iterable[Receipt]) -> int:
    """Return the status of the answer to a publish or batch with these receipts."""
    duplicates = [receipt.deduplicated for receipt in receipts]
    return _DUPLICATE if duplicates and all(duplicates) else _STORED


def done() -> Response:
    """Return the answer of endpoints without one; `{}`, because some clients parse it anyway."""
    return answer({})
