"""Accept one publish or enqueue: check everything, then store it in one step (contract 2.1, 3)."""

from dataclasses import dataclass

from qstash_rq.composing import (
    PublishRequest,
    check_fan_out,
    check_options,
    check_target,
    compose,
    find_groups,
    group_not_found,
    group_of,
)
from qstash_rq.core import Core
from qstash_rq.destination import Destination, DestinationKind
from qstash_rq.errors import NotFound
from qstash_rq.schedules import ScheduleRequest, create_schedule
from qstash_rq.storing import Item, store_items
from qstash_rq.url_group import UrlGroup

__all__ = ["PublishRequest", "Published", "Receipt", "plain_item", "publish", "receipts_of", "schedule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the publisher gets back for one message."""

    message_id: str
    url: str
    deduplicated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a publish made: one receipt for a URL, one for each endpoint of a group, or a schedule."""

    receipts: tuple[Receipt, ...] = ()
    to_group: bool = False
    schedule_id: str | None = None


def publish(core: Core, user_id: str, request: PublishRequest) -> Published:
    """Store what a request asks for and say what it made; it is in Redis when this returns.

    With Upstash-Cron it makes a schedule (contract 3.5). Raises InvalidInput, NotFound
    (unknown URL group), LimitExceeded or TooLarge; a refused request leaves no trace. Atomic.
    """
    destination = check_target(core, request)
    groups = _groups(core, user_id, destination)
    check_fan_out(core, request.body, group_of(destination, groups))
    options = check_options(core, request, destination, groups)
    if options.cron is not None:
        return Published(schedule_id=schedule(core, user_id, request))
    item = compose(user_id, request, destination, options, groups)
    (first_use,) = store_items(core, user_id, [item])
    return Published(receipts=receipts_of(item, first_use), to_group=bool(groups))


def plain_item(core: Core, user_id: str, request: PublishRequest) -> Item | None:
    """Return the single message of a request, or None for one that needs the store to be read first.

    Those are publishes to URL groups and schedules, which are for `publish`. Raises what `publish` raises.
    """
    destination = check_target(core, request)
    if destination.kind is DestinationKind.GROUP:
        return None
    options = check_options(core, request, destination, {})
    return None if options.cron is not None else compose(user_id, request, destination, options, {})


def schedule(core: Core, user_id: str, request: PublishRequest) -> str:
    """Make or replace a schedule of what a request asks for, and return its id (contract 2.4).

    Raises what `publish` raises, and InvalidInput without Upstash-Cron. Atomic.
    """
    destination = check_target(core, request)
    _groups(core, user_id, destination)
    # Without the group's default headers: those are of the time of each tick.
    options = check_options(core, request, destination, {})
    wanted = ScheduleRequest(request=request, destination=destination, options=options)
    return create_schedule(core, user_id, wanted)


def _groups(core: Core, user_id: str, destination: Destination) -> dict[str, UrlGroup]:
    groups = find_groups(core, user_id, [destination])
    if destination.kind is DestinationKind.GROUP and not groups:
        raise NotFound(group_not_found(destination.value))
    return groups


def receipts_of(item: Item, first_use: tuple[str, ...]) -> tuple[Receipt, ...]:
    """Return a receipt for each message; a duplicate's has the id that was made the first time.

    A group that has grown since then has no first id for its new endpoints: they share
    the last one (contract 3.7).
    """
    if not first_use:
        return tuple(Receipt(message_id=one.message_id, url=one.url) for one in item.messages)
    return tuple(
        Receipt(message_id=first_use[min(index, len(first_use) - 1)], url=one.url, deduplicated=True)
        for index, one in enumerate(item.messages)
    )
