"""Put messages into the store: the last step of everything that makes messages."""

from collections.abc import Sequence

from qstash_rq.core import Core
from qstash_rq.errors import LimitExceeded, NotFound
from qstash_rq.message import Message
from qstash_rq.store.message_scripts import Acceptance, Accepted, Item, accept
from qstash_rq.store.queues import read_queue_names
from qstash_rq.store.script import Call

__all__ = ["Item", "accept_items", "check_queues", "first_uses", "store_items", "store_messages"]


def store_items(
    core: Core, user_id: str, items: Sequence[Item], *, revived: Sequence[str] = ()
) -> tuple[tuple[str, ...], ...]:
    """Accept items of one user in one step, each at once or when it is due; all or none.

    An item whose deduplication id was used before is not stored: for it the answer has
    the message ids of the first use, for others nothing. The dead letters `revived` go in
    the same step. Raises NotFound when one of them is gone and LimitExceeded when a new
    queue would be one too many.
    """
    call = accept_items(core, user_id, items, revived=revived)
    answer = core.store.run(call, replicas=core.settings.wait_replicas)
    return first_uses(core, answer, revived=revived)


def accept_items(
    core: Core, user_id: str, items: Sequence[Item], *, revived: Sequence[str] = ()
) -> Call[Acceptance]:
    """Return the call that `store_items` makes, for whoever makes it another way."""
    settings = core.settings
    return accept(
        user_id=user_id,
        items=items,
        now_ms=core.clock.now_ms(),
        max_queues=settings.max_queues,
        max_timeout_ms=settings.max_timeout_ms,
        dedup_window_ms=settings.dedup_window_ms,
        revived=revived,
    )


def first_uses(core: Core, answer: Acceptance, *, revived: Sequence[str] = ()) -> tuple[tuple[str, ...], ...]:
    """Return what `store_items` returns for the answer to its call, and raise what it raises."""
    match answer.word:
        case Accepted.QUEUES_FULL:
            raise _queues_full(core)
        case Accepted.GONE:
            msg = f"dlqIds: {', '.join(revived)} not found"
            raise NotFound(msg)
        case Accepted.ACCEPTED:
            return answer.first_use


def check_queues(core: Core, user_id: str, items: Sequence[Item]) -> None:
    """Refuse items that would make a queue too many; raises LimitExceeded.

    A single `store_items` does that itself: this is for those who store in several steps.
    """
    wanted = {message.queue_name for item in items for message in item.messages} - {None}
    if not wanted:
        return
    names = set(read_queue_names(core.store, user_id))
    if not wanted <= names and len(wanted | names) > core.settings.max_queues:
        raise _queues_full(core)


def store_messages(core: Core, messages: Sequence[Message], *, revived: Sequence[str] = ()) -> None:
    """Accept messages of one user, none of them deduplicated; see `store_items`."""
    items = [Item(messages=(message,)) for message in messages]
    store_items(core, messages[0].user_id, items, revived=revived)


def _queues_full(core: Core) -> LimitExceeded:
    return LimitExceeded(f"queueName: the maximum of {core.settings.max_queues} queues is reached")
