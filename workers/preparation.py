"""Turn a claim into the request that is sent: the headers of contract 4.1, signed. Pure, sends nothing."""

from collections.abc import Callable

from qstash_rq.delivery import Claim
from qstash_rq.message import Headers, Message
from qstash_rq.settings import Settings
from qstash_rq.signing import sign
from workers.prepared import PreparedDelivery
from workers.response_room import ResponseRoom

USER_AGENT = "Upstash-QStash"
_USER_AGENT = ("User-Agent", USER_AGENT)

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
    room: ResponseRoom | None = None,
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
        # Only a callback tells what came with a success.
        wants_success=message.callback is not None,
        leave=leave,
        room=room,
    )


def _forwarded(headers: Headers) -> Headers:
    names = {name.lower() for name, _ in headers}
    if not names.isdisjoint(_NEVER_FORWARDED):
        headers = tuple(field for field in headers if field[0].lower() not in _NEVER_FORWARDED)
    return headers if "user-agent" in names else (_USER_AGENT, *headers)


def _origin(message: Message, region: str) -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []
    if message.caller_ip:
        fields.append(("Upstash-Caller-Ip", message.caller_ip))
    if region:
        fields.append(("Upstash-Region", region))
    if message.topic_name:
        fields.append(("Upstash-Topic-Name", message.topic_name))
    if message.schedule_id:
        fields.append(("Upstash-Schedule-Id", message.schedule_id))
    return fields
