"""Put messages into the store: the last step of everything that makes messages."""

from collections.abc import Sequence

from qstash_rq.core import Core
from qstash_rq.errors import LimitExceeded, NotFound
from qstash_rq.message import Message
from qstash_rq.store.message_scripts import Accepted, Item, accept

__all__ = ["Item", "store_items", "store_messages"]


def store_items(
    core: Core, user_id: str, items: Sequence[Item], *, revived: Sequence[str] = ()
) -> tuple[tuple[str, ...], ...]:
    """Accept items of one user in one step, each at once or when it is due; all or none.

    An item whose deduplication id was used before is not stored: for it the answer has
    the message ids of the first use, for others nothing. The dead letters `revived` go in
    the same step. Raises NotFound when one of them is gone and LimitExceeded when a new
    queue would be one too many.
    """
    settings = core.settings
    answer = core.store.run(
        accept(
            user_id=user_id,
            items=items,
            now_ms=core.clock.now_ms(),
            max_queues=settings.max_queues,
            max_timeout_ms=settings.max_timeout_ms,
            dedup_window_ms=settings.dedup_window_ms,
            revived=revived,
        )
    )
    match answer.word:
        case Accepted.QUEUES_FULL:
            msg = f"queueName: the maximum of {settings.max_queues} queues is reached"
            raise LimitExceeded(msg)
        case Accepted.GONE:
            msg = f"dlqIds: {', '.join(revived)} not found"
            raise NotFound(msg)
        case Accepted.ACCEPTED:
            return answer.first_use


def store_messages(core: Core, messages: Sequence[Message], *, revived: Sequence[str] = ()) -> None:
    """Accept messages of one user, none of them deduplicated; see `store_items`."""
    items = [Item(messages=(message,)) for message in messages]
    store_items(core, messages[0].user_id, items, revived=revived)
