"""Turn a claim into the request that is sent: the headers of contract 4.1, signed. Pure, sends nothing."""

from collections.abc import Callable

from qstash_rq.delivery import Claim
from qstash_rq.message import Headers, Message
from qstash_rq.settings import Settings
from qstash_rq.signing import sign
from workers.prepared import PreparedDelivery

USER_AGENT = "Upstash-QStash"

# Publish drops these too (contract 3.2). Here it also holds for messages that came another way, and for
# those of the transport: a forwarded Content-Length would let one request end where another begins.
_NEVER_FORWARDED = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",  # codespell:ignore te
        "trailer",
        "transfer-encoding",
        "upgrade",
        "upstash-caller-ip",
        "upstash-message-id",
        "upstash-region",
        "upstash-retried",
        "upstash-schedule-id",
        "upstash-signature",
        "upstash-topic-name",
    }
)


def prepare(
    claim: Claim,
    *,
    settings: Settings,
    now_ms: int,
    jwt_id: str,
    leave: Callable[[], bool] | None = None,
) -> PreparedDelivery:
    """Return the request for this attempt of `claim`, with a signature made at `now_ms`."""
    message, allowed = claim.message, settings.allowed_private_hosts
    signature = sign(key=claim.signing_key, url=message.url, body=message.body, now_ms=now_ms, jwt_id=jwt_id)
    return PreparedDelivery(
        method=message.method,
        url=message.url,
        headers=(
            *_forwarded(message.headers),
            ("Upstash-Message-Id", message.message_id),
            ("Upstash-Retried", str(claim.retried)),
            ("Upstash-Signature", signature),
            *_origin(message, settings.region),
        ),
        body=message.body,
        timeout_ms=message.timeout_ms or settings.max_timeout_ms,
        allow_private=settings.allow_private_networks or allowed.names_host_of(message.url),
        allowed_hosts=allowed,
        max_response_bytes=settings.max_body_bytes,
        leave=leave,
    )


def _forwarded(headers: Headers) -> Headers:
    names = [name.lower() for name, _ in headers]
    kept = tuple(field for field, name in zip(headers, names, strict=True) if name not in _NEVER_FORWARDED)
    return kept if "user-agent" in names else (("User-Agent", USER_AGENT), *kept)


def _origin(message: Message, region: str) -> Headers:
    fields = (
        ("Upstash-Caller-Ip", message.caller_ip),
        ("Upstash-Region", region),
        ("Upstash-Topic-Name", message.topic_name),
        ("Upstash-Schedule-Id", message.schedule_id),
    )
    return tuple((name, value) for name, value in fields if value)
