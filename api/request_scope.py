"""What a view asks about the request it serves: the core, the user, the caller's address, the parameters."""

from typing import Any, Final, cast

from flask import current_app, g, request

from api.body import read_body
from api.caller_address import FORWARDED_FOR, caller_address
from api.parameters import Parameters, parse_parameters
from api.wsgi_text import from_wsgi
from qstash_rq.core import Core
from qstash_rq.json_text import parse_json

CORE: Final = "qstash_rq"
"""Key of the core among the app's extensions."""


def current_core() -> Core:
    """Return the core this app was made for."""
    return cast("Core", current_app.extensions[CORE])


def current_user_id() -> str:
    """Return the user behind the request's token."""
    return cast("str", g.user_id)


def caller_ip() -> str | None:
    """Return the caller's address; X-Forwarded-For counts only behind trusted proxies."""
    peer = request.environ.get("REMOTE_ADDR") or None
    forwarded_for = request.environ.get(FORWARDED_FOR, "")
    return caller_address(peer, forwarded_for, current_core().settings.trusted_proxies)


def query_parameters() -> Parameters:
    """Return the parameters of the query; raises InvalidInput."""
    return parse_parameters(from_wsgi(request.environ["QUERY_STRING"], "query"))


def bulk_parameters() -> Parameters:
    """Return the parameters of the query and of the JSON body, if there is one; raises InvalidInput."""
    body = read_body(request.environ, current_core().settings.max_body_bytes)
    return parse_parameters(from_wsgi(request.environ["QUERY_STRING"], "query"), body)


def json_body() -> Any:  # noqa: ANN401 - any JSON value
    """Return the JSON value of the request's body; raises InvalidInput and TooLarge."""
    return parse_json(read_body(request.environ, current_core().settings.max_body_bytes))
