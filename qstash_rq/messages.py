"""Look at messages and cancel them (contract 2.2, 4.11)."""

from dataclasses import dataclass

from qstash_rq.core import Core
from qstash_rq.errors import InvalidInput, NotFound
from qstash_rq.filters import Filter
from qstash_rq.message import TERMINAL_STATES, Message, State
from qstash_rq.store.message_scripts import Canceled, cancel
from qstash_rq.store.messages import StoredMessage, read_messages, walk_live

# Bounds one cancel script to a few milliseconds.
CANCEL_STEP = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A message as its publisher may see it; `not_before_ms` is its earliest next delivery."""

    message: Message
    state: State
    not_before_ms: int


def get_message(core: Core, user_id: str, message_id: str) -> MessageView:
    """Return a message; raises NotFound when unknown, cancelled, or finished longer than the grace ago."""
    stored = read_messages(core.store, user_id, [message_id]).get(message_id)
    if stored is None or not _is_visible(core, stored):
        raise NotFound(_not_found(message_id))
    return MessageView(message=stored.message, state=stored.state, not_before_ms=stored.not_before_ms)


def cancel_message(core: Core, user_id: str, message_id: str) -> None:
    """Cancel one message; raises NotFound when unknown, terminal or cancelled before. Atomic."""
    if _cancel(core, user_id, [message_id]) == 0:
        raise NotFound(_not_found(message_id))


def cancel_messages(
    core: Core,
    user_id: str,
    wanted: Filter,
    *,
    message_ids: tuple[str, ...] | None = None,
    count: int | None = None,
) -> int:
    """Cancel the given messages, or the living ones that match, oldest first; returns how many.

    Not atomic as a whole: each message is. `message_ids` makes every other filter and
    `count` idle; unknown ids are skipped. Raises InvalidInput for a count out of range.
    """
    if count is not None and not 1 <= count <= core.settings.max_bulk_cancel:
        msg = f"count: {count} must be between 1 and {core.settings.max_bulk_cancel}"
        raise InvalidInput(msg)
    if message_ids is not None:
        unique = list(dict.fromkeys(message_ids))
        return sum(
            _cancel(core, user_id, unique[at : at + CANCEL_STEP]) for at in range(0, len(unique), CANCEL_STEP)
        )
    return _cancel_matching(core, user_id, wanted, count)


def _cancel_matching(core: Core, user_id: str, wanted: Filter, count: int | None) -> int:
    canceled = 0
    for page in walk_live(core.store, user_id, wanted.from_ms, wanted.to_ms):
        stored = read_messages(core.store, user_id, page, bodies=False)
        matching = [
            message_id
            for message_id, one in stored.items()
            if wanted.matches(one.message, at_ms=one.message.created_at_ms)
        ]
        at = 0
        while at < len(matching):
            room = CANCEL_STEP if count is None else min(CANCEL_STEP, count - canceled)
            # A message that turned terminal meanwhile is not counted, so the room is asked again.
            canceled += _cancel(core, user_id, matching[at : at + room])
            at += room
            if canceled == count:
                return canceled
    return canceled


def _cancel(core: Core, user_id: str, message_ids: list[str]) -> int:
    call = cancel(
        user_id=user_id,
        message_ids=message_ids,
        now_ms=core.clock.now_ms(),
        keep_ms=core.settings.record_retention_ms,
    )
    return sum(word is not Canceled.GONE for word in core.store.run(call))


def _is_visible(core: Core, stored: StoredMessage) -> bool:
    if stored.state is State.CANCELED or stored.cancel_requested:
        return False
    if stored.state not in TERMINAL_STATES or stored.ended_ms is None:
        return True
    return core.clock.now_ms() <= stored.ended_ms + core.settings.grace_ms


def _not_found(message_id: str) -> str:
    return f"message {message_id} not found"
