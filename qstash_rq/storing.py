"""Put messages into the store: the last step of everything that makes messages."""

from collections.abc import Sequence

from qstash_rq.core import Core
from qstash_rq.errors import LimitExceeded, NotFound
from qstash_rq.message import Message
from qstash_rq.store.scripts import Accepted, accept


def store_messages(core: Core, messages: Sequence[Message], *, revived: Sequence[str] = ()) -> None:
    """Accept messages of one user, each at once or when it is due; all or none, in one step.

    The dead letters `revived` go in the same step. Raises NotFound when one of them is
    gone and LimitExceeded when a new queue would be one too many.
    """
    call = accept(
        user_id=messages[0].user_id,
        messages=[(message, _due_ms(message)) for message in messages],
        now_ms=core.clock.now_ms(),
        max_queues=core.settings.max_queues,
        max_timeout_ms=core.settings.max_timeout_ms,
        revived=revived,
    )
    match core.store.run(call):
        case Accepted.QUEUES_FULL:
            msg = f"queueName: the maximum of {core.settings.max_queues} queues is reached"
            raise LimitExceeded(msg)
        case Accepted.GONE:
            msg = f"dlqIds: {', '.join(revived)} not found"
            raise NotFound(msg)
        case Accepted.ACCEPTED:
            return


def _due_ms(message: Message) -> int:
    return message.not_before_ms if message.not_before_ms > message.created_at_ms else 0
