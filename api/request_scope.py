"""What a view asks about the request it serves: the core, the user, the caller's address, the parameters."""

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final, cast

from flask import current_app, g, request

from api.body import read_body
from api.parameters import Parameters, parse_parameters
from api.wsgi_text import from_wsgi
from qstash_rq.core import Core
from qstash_rq.json_text import parse_json

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

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
    return caller_ip_of(request.environ, current_core().settings.trusted_proxies)


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


def caller_ip_of(environ: "WSGIEnvironment", trusted_proxies: int) -> str | None:
    """Return the address of the caller of any request; see `caller_ip`."""
    peer = environ.get("REMOTE_ADDR") or None
    if not trusted_proxies:
        return peer
    hops = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
    # Each proxy appends the address it was called from, so only the last entries are beyond forging.
    claimed = hops[-trusted_proxies].strip() if len(hops) >= trusted_proxies else ""
    return claimed if _is_address(claimed) else peer


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
