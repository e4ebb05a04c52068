"""The value a deliverer is handed: one request, complete and signed."""

from dataclasses import dataclass

from qstash_rq.message import Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedDelivery:
    """One request as it is to be sent; `headers` holds all but those of the transport.

    `timeout_ms` covers the whole exchange. With `allow_private` false only globally
    reachable addresses may be connected to.
    """

    method: str
    url: str
    headers: Headers
    body: bytes
    timeout_ms: int
    allow_private: bool
    max_response_bytes: int
