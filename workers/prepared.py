"""The value a deliverer is handed: one request, complete and signed."""

from collections.abc import Callable
from dataclasses import dataclass

from qstash_rq.addresses import is_private
from qstash_rq.allowed_hosts import NOTHING_ALLOWED, AllowedHosts
from qstash_rq.message import Headers
from workers.response_room import ResponseRoom


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedDelivery:
    """One request as it is to be sent; `headers` holds all but those of the transport.

    `timeout_ms` covers the whole exchange. Only addresses that `may_reach` lets pass may be connected to;
    `allow_private` holds for all of them, also because the operator trusts the host's name.
    `wants_success` is False if nobody reads headers and body of a 2xx answer: they may be left out then.
    `leave`, if there is one, is asked as the request is about to leave: after a False nothing may be sent.
    `room`, if there is one, is for what comes back while it comes; plug-ins may pass it over.
    """

    method: str
    url: str
    headers: Headers
    body: bytes
    timeout_ms: int
    allow_private: bool
    max_response_bytes: int
    allowed_hosts: AllowedHosts = NOTHING_ALLOWED
    wants_success: bool = True
    leave: Callable[[], bool] | None = None
    room: ResponseRoom | None = None

    def may_reach(self, address: str) -> bool:
        """Tell whether the address guard lets `address` be connected to; text that is none may not."""
        return self.allow_private or not is_private(address) or self.allowed_hosts.holds(address)
