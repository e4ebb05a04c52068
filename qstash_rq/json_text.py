"""Read bytes that a caller sent as JSON. What the value has to look like is for whoever asked."""

import json
from typing import Any, NoReturn

from qstash_rq.errors import InvalidInput


def parse_json(payload: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return the JSON value of `payload`, UTF-8; raises InvalidInput saying where it is malformed."""
    try:
        return json.loads(payload.decode(), parse_constant=_refuse_constant)
    except RecursionError as error:
        msg = "body: malformed JSON: nested too deeply"
        raise InvalidInput(msg) from error
    except ValueError as error:
        msg = f"body: malformed JSON: {error}"
        raise InvalidInput(msg) from error


def _refuse_constant(name: str) -> NoReturn:
    msg = f"{name} is not JSON"
    raise ValueError(msg)
