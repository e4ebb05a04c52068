"""Read what a call asks to be delivered: the destination in its path, its headers and its body."""

from flask import request

from api.auth import bearer
from api.body import read_body
from api.header_fields import header_fields
from api.raw_target import DESTINATION
from api.request_scope import caller_ip, current_core
from api.wsgi_text import from_wsgi
from qstash_rq.publish import PublishRequest


def publish_request(queue_name: str | None = None) -> PublishRequest:
    """Return the current request as one for the core; raises InvalidInput and TooLarge."""
    environ = request.environ
    return PublishRequest(
        destination=from_wsgi(environ[DESTINATION], "destination"),
        headers=header_fields(environ),
        body=read_body(environ, current_core().settings.max_body_bytes),
        caller_ip=caller_ip(),
        queue_name=queue_name,
        # One that is no bearer token did not let the call in: it is the webhook sender's.
        authorization_is_ours=bearer(environ) is not None,
    )
