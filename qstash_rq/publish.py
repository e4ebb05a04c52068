"""Accept a message: check everything, then store it in one step (contract 2.1, 3)."""

from dataclasses import dataclass

from qstash_rq.addresses import check_host, system_resolver
from qstash_rq.core import Core
from qstash_rq.destination import Destination, DestinationKind, parse_destination
from qstash_rq.errors import NotFound, TooLarge
from qstash_rq.headers import PublishOptions, parse_options
from qstash_rq.ids import new_message_id
from qstash_rq.message import Headers, Message
from qstash_rq.names import check_name
from qstash_rq.storing import store_messages


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishRequest:
    """A publish or enqueue call as it came in.

    `destination` is the raw, undecoded rest of the request target, query included;
    `headers` are all headers of the call; `queue_name` comes from an enqueue path.
    """

    destination: str
    headers: Headers
    body: bytes
    caller_ip: str | None = None
    queue_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the publisher gets back for one message."""

    message_id: str
    url: str
    deduplicated: bool = False


def publish(core: Core, user_id: str, request: PublishRequest) -> Receipt:
    """Store one message and return its id; it is in Redis when this returns (contract 3.6).

    Raises InvalidInput, NotSupported, NotFound (unknown URL group), LimitExceeded or
    TooLarge; a refused request leaves no trace. Atomic.
    """
    if len(request.body) > core.settings.max_body_bytes:
        msg = f"body: larger than the maximum of {core.settings.max_body_bytes} bytes"
        raise TooLarge(msg)
    if request.queue_name is not None:
        check_name(request.queue_name, "queueName")
    destination = resolve_destination(core, request.destination)
    now_ms = core.clock.now_ms()
    options = parse_options(request.headers, destination.query_options, settings=core.settings, now_ms=now_ms)
    message = _compose(user_id, request, destination, options, now_ms)
    store_messages(core, [message])
    return Receipt(message_id=message.message_id, url=message.url)


def resolve_destination(core: Core, raw: str) -> Destination:
    """Return the destination in `raw`, allowed by the address guard; raises InvalidInput, NotFound."""
    destination = parse_destination(raw, schemes=core.schemes)
    if destination.kind is DestinationKind.GROUP:
        msg = f"topic {destination.value} not found"
        raise NotFound(msg)
    if not core.settings.allow_private_networks:
        check_host(destination.value, system_resolver)
    return destination


def _compose(
    user_id: str, request: PublishRequest, destination: Destination, options: PublishOptions, now_ms: int
) -> Message:
    return Message(
        message_id=new_message_id(),
        user_id=user_id,
        url=destination.value,
        created_at_ms=now_ms,
        not_before_ms=options.not_before_ms,
        method=options.method,
        headers=options.headers,
        body=request.body,
        max_retries=options.max_retries,
        retry_delay=options.retry_delay,
        timeout_ms=options.timeout_ms,
        caller_ip=request.caller_ip,
        labels=options.labels,
        queue_name=request.queue_name or options.queue_name,
    )
