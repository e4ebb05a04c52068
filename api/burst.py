"""Answer 429 to a user who calls too often, where the settings set a limit (contract 0.3)."""

from flask import Response, request

from api.answer import answer
from api.auth import OPEN_BLUEPRINTS
from api.request_scope import current_core, current_user_id
from qstash_rq.burst import count_call

_UNLIMITED = OPEN_BLUEPRINTS | {"publish", "batch"}

_TOO_MANY = 429


def refuse_burst() -> Response | None:
    """Count the current request, once it is known whose it is; return the answer to one too many."""
    if request.blueprint in _UNLIMITED:
        return None
    burst = count_call(current_core(), current_user_id())
    if burst is None or not burst.exceeded:
        return None
    response = answer({"error": f"rate limit: more than {burst.limit} calls in one second"}, _TOO_MANY)
    # Never `RateLimit-Limit`: the clients would take it for a daily limit.
    response.headers["Burst-RateLimit-Limit"] = str(burst.limit)
    response.headers["Burst-RateLimit-Remaining"] = "0"
    response.headers["Burst-RateLimit-Reset"] = str(burst.reset_s)
    return response
