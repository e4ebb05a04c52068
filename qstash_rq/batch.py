"""Accept many messages in one call: all items are checked before any is stored (contract 2.1).

Storing goes in few steps, each atomic; messages of different steps stand alone. A
crash between two steps leaves the first ones stored and the caller without an answer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qstash_rq.batch_items import BatchItem, naming_item, parse_items
from qstash_rq.composing import (
    PublishRequest,
    check_fan_out,
    check_options,
    check_target,
    compose,
    find_groups,
    group_of,
)
from qstash_rq.core import Core
from qstash_rq.destination import Destination, DestinationKind
from qstash_rq.errors import InvalidInput, NotFound, QStashError
from qstash_rq.headers import PublishOptions
from qstash_rq.ids import new_message_ids
from qstash_rq.publish import Receipt, receipts_of
from qstash_rq.storing import Item, check_queues, store_items
from qstash_rq.url_group import UrlGroup

# One script call holds Redis for about 30 microseconds a message.
STEP_MESSAGES = 300
STEP_BYTES = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchElement:
    """What became of one item: receipts, in a group's case one for each endpoint, or why it was not sent."""

    receipts: tuple[Receipt, ...] = ()
    to_group: bool = False
    error: QStashError | None = None


def publish_batch(core: Core, user_id: str, payload: bytes, *, caller_ip: str | None) -> list[BatchElement]:
    """Store the items of the JSON array `payload` and say what became of each, in order.

    Raises what the first bad item raises, naming it; nothing is stored then. An item to
    an unknown group is not sent and its element has the error; when every item is such a
    one, the first one's error is raised.
    """
    items = parse_items(payload)
    requests = [_request(item, caller_ip) for item in items]
    destinations = [_target(core, *pair) for pair in zip(items, requests, strict=True)]
    groups = find_groups(core, user_id, destinations)
    composed: list[Item | QStashError] = []
    ids = new_message_ids(len(items))
    for item, request, destination in zip(items, requests, destinations, strict=True):
        options = _options(core, item, request, destination, groups)
        try:
            composed.append(compose(user_id, request, destination, options, groups, new_id=ids.__next__))
        except NotFound as error:
            composed.append(error)
    errors = [one for one in composed if isinstance(one, QStashError)]
    if errors and len(errors) == len(composed):
        raise errors[0]
    stored = iter(_store(core, user_id, [one for one in composed if isinstance(one, Item)]))
    return [
        BatchElement(error=one)
        if isinstance(one, QStashError)
        else BatchElement(receipts=next(stored), to_group=destination.kind is DestinationKind.GROUP)
        for one, destination in zip(composed, destinations, strict=True)
    ]


def _request(item: BatchItem, caller_ip: str | None) -> PublishRequest:
    return PublishRequest(
        destination=item.destination,
        headers=item.headers,
        body=item.body,
        caller_ip=caller_ip,
        queue_name=item.queue_name,
    )


def _target(core: Core, item: BatchItem, request: PublishRequest) -> Destination:
    with naming_item(item, ""):
        return check_target(core, request)


def _options(
    core: Core,
    item: BatchItem,
    request: PublishRequest,
    destination: Destination,
    groups: dict[str, UrlGroup],
) -> PublishOptions:
    with naming_item(item, ""):
        check_fan_out(core, request.body, group_of(destination, groups))
    with naming_item(item, "headers."):
        options = check_options(core, request, destination, groups)
        if options.cron is not None:
            msg = "Upstash-Cron: a batch cannot make schedules"
            raise InvalidInput(msg)
        return options


def _store(core: Core, user_id: str, items: Sequence[Item]) -> list[tuple[Receipt, ...]]:
    steps = list(_steps(items))
    if len(steps) > 1:
        check_queues(core, user_id, items)
    receipts: list[tuple[Receipt, ...]] = []
    for step in steps:
        first_uses = store_items(core, user_id, step)
        receipts += [receipts_of(*pair) for pair in zip(step, first_uses, strict=True)]
    return receipts


def _steps(items: Sequence[Item]) -> Iterator[list[Item]]:
    step: list[Item] = []
    messages = size = 0
    for item in items:
        item_size = sum(len(message.body) for message in item.messages)
        if step and (messages + len(item.messages) > STEP_MESSAGES or size + item_size > STEP_BYTES):
            yield step
            step, messages, size = [], 0, 0
        step.append(item)
        messages += len(item.messages)
        size += item_size
    if step:
        yield step
