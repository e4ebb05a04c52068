"""Read what a call asks to be delivered: the destination in its path, its headers and its body."""

from typing import TYPE_CHECKING

from flask import request

from api.auth import bearer
from api.body import read_body
from api.header_fields import header_fields
from api.raw_target import DESTINATION
from api.request_scope import caller_ip_of, current_core
from api.wsgi_text import from_wsgi
from qstash_rq.publish import PublishRequest
from qstash_rq.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


def publish_request(queue_name: str | None = None) -> PublishRequest:
    """Return the current request as one for the core; raises InvalidInput and TooLarge."""
    return publish_request_of(request.environ, current_core().settings, queue_name)


def publish_request_of(
    environ: "WSGIEnvironment", settings: Settings, queue_name: str | None = None
) -> PublishRequest:
    """Return the request of `environ`, which is not Flask's current one; see `publish_request`."""
    return PublishRequest(
        destination=from_wsgi(environ[DESTINATION], "destination"),
        headers=header_fields(environ),
        body=read_body(environ, settings.max_body_bytes),
        caller_ip=caller_ip_of(environ, settings.trusted_proxies),
        queue_name=queue_name,
        # One that is no bearer token did not let the call in: it is the webhook sender's.
        authorization_is_ours=bearer(environ) is not None,
    )
