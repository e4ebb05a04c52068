"""Read what a call asks to be delivered: the destination in its path, its headers and its body."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import request

from api.auth import bearer
from api.body import read_body
from api.caller_address import FORWARDED_FOR, caller_address
from api.header_fields import header_fields
from api.raw_target import DESTINATION
from api.request_scope import current_core
from api.wsgi_text import from_wsgi
from qstash_rq.message import Headers
from qstash_rq.publish import PublishRequest
from qstash_rq.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


@dataclass(frozen=True, slots=True)
class PublishHead:
    """All of a call but its body, its queue and who is at the other end of the connection."""

    destination: str
    headers: Headers
    authorization_is_ours: bool
    forwarded_for: str

    def request(
        self, body: bytes, peer: str | None, trusted_proxies: int, queue_name: str | None
    ) -> PublishRequest:
        """Return the call as a request for the core."""
        return PublishRequest(
            destination=self.destination,
            headers=self.headers,
            body=body,
            caller_ip=caller_address(peer, self.forwarded_for, trusted_proxies),
            queue_name=queue_name,
            authorization_is_ours=self.authorization_is_ours,
        )


def publish_request(queue_name: str | None = None) -> PublishRequest:
    """Return the current request as one for the core; raises InvalidInput and TooLarge."""
    return publish_request_of(request.environ, current_core().settings, queue_name)


def publish_request_of(
    environ: "WSGIEnvironment", settings: Settings, queue_name: str | None = None
) -> PublishRequest:
    """Return the request of `environ`, which is not Flask's current one; see `publish_request`."""
    head = publish_head(environ)
    body = read_body(environ, settings.max_body_bytes)
    return head.request(body, environ.get("REMOTE_ADDR") or None, settings.trusted_proxies, queue_name)


def publish_head(environ: "WSGIEnvironment") -> PublishHead:
    """Return what `environ` says before the body; raises InvalidInput."""
    return PublishHead(
        destination=from_wsgi(environ[DESTINATION], "destination"),
        headers=header_fields(environ),
        # One that is no bearer token did not let the call in: it is the webhook sender's.
        authorization_is_ours=bearer(environ) is not None,
        forwarded_for=environ.get(FORWARDED_FOR, ""),
    )
