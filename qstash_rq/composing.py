"""Turn a request into the messages it asks for: everything is checked, nothing is stored."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from qstash_rq.address_guard import guard_callbacks, guard_url
from qstash_rq.core import Core
from qstash_rq.dedup import deduplication_key
from qstash_rq.destination import Destination, DestinationKind, parse_destination
from qstash_rq.errors import NotFound, TooLarge
from qstash_rq.fan_out import expand
from qstash_rq.headers import PublishOptions, parse_options
from qstash_rq.ids import new_message_id
from qstash_rq.message import Headers, Message
from qstash_rq.names import check_name
from qstash_rq.store.groups import read_groups
from qstash_rq.storing import Item
from qstash_rq.url_group import UrlGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishRequest:
    """One publish, enqueue or batch item as it came in.

    `destination` is raw and undecoded, query included; `headers` are all headers of the
    call; `queue_name` comes from an enqueue path or a batch item. `authorization_is_ours`
    tells that an Authorization header is this API's and must not travel.
    """

    destination: str
    headers: Headers
    body: bytes
    caller_ip: str | None = None
    queue_name: str | None = None
    authorization_is_ours: bool = True


def check_target(core: Core, request: PublishRequest) -> Destination:
    """Return where a request goes, once size, queue name and destination are found good.

    Raises TooLarge and InvalidInput. Whether a group exists is not asked.
    """
    if len(request.body) > core.settings.max_body_bytes:
        msg = f"body: larger than the maximum of {core.settings.max_body_bytes} bytes"
        raise TooLarge(msg)
    if request.queue_name is not None:
        check_name(request.queue_name, "queueName")
    destination = parse_destination(request.destination, schemes=core.schemes)
    if destination.kind is DestinationKind.URL:
        guard_url(core, destination.value)
    return destination


def find_groups(core: Core, user_id: str, destinations: Iterable[Destination]) -> dict[str, UrlGroup]:
    """Return the groups among `destinations` that exist, by name; at most one round trip."""
    names = {one.value for one in destinations if one.kind is DestinationKind.GROUP}
    return {group.name: group for group in read_groups(core.store, user_id, sorted(names))}


def check_fan_out(core: Core, body: bytes, group: UrlGroup | None) -> None:
    """Refuse a body that the endpoints of its group would make too much of; raises TooLarge.

    All of its messages are stored in one step, which Redis has to write to its disk in time.
    """
    most_bytes = core.settings.max_batch_bytes
    if group is not None and len(body) * len(group.endpoints) > most_bytes:
        msg = f"body: larger than {most_bytes} bytes for {len(group.endpoints)} endpoints together"
        raise TooLarge(msg)


def check_options(
    core: Core, request: PublishRequest, destination: Destination, groups: Mapping[str, UrlGroup]
) -> PublishOptions:
    """Return how a request wants its messages delivered; raises InvalidInput, LimitExceeded."""
    group = group_of(destination, groups)
    options = parse_options(
        request.headers,
        destination.query_options,
        settings=core.settings,
        now_ms=core.clock.now_ms(),
        defaults=group.headers if group else (),
        queued=request.queue_name is not None,
        authorization_is_ours=request.authorization_is_ours,
    )
    guard_callbacks(core, options.callback, options.failure_callback)
    return options


def compose(
    user_id: str,
    request: PublishRequest,
    destination: Destination,
    options: PublishOptions,
    groups: Mapping[str, UrlGroup],
    *,
    new_id: Callable[[], str] = new_message_id,
) -> Item:
    """Return the messages to store: one, or one for each endpoint; raises NotFound for an unknown group.

    `new_id` is asked once.
    """
    template = _template(user_id, request, destination, options, new_id())
    digest = deduplication_key(
        deduplication_id=options.deduplication_id,
        content_based=options.content_based,
        destination=destination.value,
        body=request.body,
        headers=options.headers,
    )
    if destination.kind is DestinationKind.URL:
        return Item(messages=(template,), digest=digest)
    group = group_of(destination, groups)
    if group is None:
        raise NotFound(group_not_found(destination.value))
    return Item(messages=expand(template, group.name, group.endpoints, new_message_id), digest=digest)


def group_not_found(name: str) -> str:
    """Return the text for a URL group that does not exist."""
    return f"topic {name} not found"


def group_of(destination: Destination, groups: Mapping[str, UrlGroup]) -> UrlGroup | None:
    """Return the group of a destination, None for a URL and for one that does not exist."""
    return groups.get(destination.value) if destination.kind is DestinationKind.GROUP else None


def _template(
    user_id: str, request: PublishRequest, destination: Destination, options: PublishOptions, message_id: str
) -> Message:
    return Message(
        message_id=message_id,
        user_id=user_id,
        url=destination.value,
        created_at_ms=options.now_ms,
        not_before_ms=options.not_before_ms if options.delayed else options.now_ms,
        method=options.method,
        headers=options.headers,
        body=request.body,
        max_retries=options.max_retries,
        retry_delay=options.retry_delay,
        timeout_ms=options.timeout_ms,
        caller_ip=request.caller_ip,
        labels=options.labels,
        queue_name=request.queue_name or options.queue_name,
        callback=options.callback,
        failure_callback=options.failure_callback,
        flow=options.flow,
        redaction=options.redaction,
    )
