"""Read messages: their records, their entries in the log, and who still lives."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qstash_rq.delivery import Attempt
from qstash_rq.message import Message, State
from qstash_rq.store import keys
from qstash_rq.store.executor import Executor
from qstash_rq.store.records import decode_message, decode_response

_FIELDS = (
    "user",
    "state",
    "spec",
    "not_before_ms",
    "ended_ms",
    "cancel",
    "response",
)
_BODIES = ("body", "response_body")
_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """A message and where it is in its life; `response` is the last one of a dead letter."""

    message: Message
    state: State
    not_before_ms: int
    ended_ms: int | None
    cancel_requested: bool
    response: Attempt


def read_messages(
    store: Executor, user_id: str, message_ids: Sequence[str], *, bodies: bool = True
) -> dict[str, StoredMessage]:
    """Return those of the given messages that exist and are this user's, by id; one round trip.

    Without `bodies`, which may be megabytes each, messages and responses come with empty ones.
    """
    names = (*_FIELDS, *_BODIES) if bodies else _FIELDS
    rows = store.commands([("HMGET", keys.JOB(message_id), *names) for message_id in message_ids])
    found: dict[str, StoredMessage] = {}
    for message_id, row in zip(message_ids, rows, strict=True):
        owner, state, spec, not_before_ms, ended_ms, cancel, response, *rest = row
        if owner is None or owner.decode() != user_id:
            continue
        body, response_body = rest or (None, None)
        message = decode_message(message_id, user_id, spec, body or b"")
        found[message_id] = StoredMessage(
            message=message,
            state=State(state.decode()),
            not_before_ms=int(not_before_ms) if not_before_ms else message.not_before_ms,
            ended_ms=int(ended_ms) if ended_ms else None,
            cancel_requested=cancel is not None,
            response=decode_response(response or b"", response_body or b""),
        )
    return found


def read_bodies(store: Executor, message_ids: Sequence[str]) -> dict[str, bytes]:
    """Return the bodies of the given messages by id, empty ones included; one round trip."""
    answers = store.commands([("HGET", keys.JOB(message_id), "body") for message_id in message_ids])
    return {message_id: body or b"" for message_id, body in zip(message_ids, answers, strict=True)}


def read_sizes(store: Executor, message_ids: Sequence[str]) -> list[int]:
    """Return the bytes of each message's body and last response, without reading them; one round trip."""
    rows = store.commands(
        [("HSTRLEN", keys.JOB(message_id), name) for message_id in message_ids for name in _BODIES]
    )
    return [body + response for body, response in zip(rows[::2], rows[1::2], strict=True)]


def read_trails(store: Executor, user_id: str, message_ids: Sequence[str]) -> list[str]:
    """Return the ids of all log entries of the given messages, oldest first."""
    rows = store.commands(
        [("HMGET", keys.JOB(message_id), "user", "trail") for message_id in dict.fromkeys(message_ids)]
    )
    entries: list[str] = []
    for owner, trail in rows:
        if owner is not None and owner.decode() == user_id:
            entries.extend(trail.decode().split())
    return sorted(entries, key=entry_order)


def entry_order(entry_id: str) -> tuple[int, int]:
    """Return the sort key of a `<ms>-<seq>` id."""
    ms, _, seq = entry_id.partition("-")
    return int(ms), int(seq or 0)


def walk_live(
    store: Executor, user_id: str, from_ms: int | None, to_ms: int | None
) -> Iterator[tuple[str, ...]]:
    """Yield pages of the user's living messages, oldest first; safe while they are removed."""
    low = "-inf" if from_ms is None else str(from_ms)
    high = "+inf" if to_ms is None else str(to_ms)
    seen: set[str] = set()
    while True:
        # Messages of the same millisecond come again on the next page, so `seen` widens it.
        limit = _PAGE + len(seen)
        rows = store.command("ZRANGEBYSCORE", keys.LIVE(user_id), low, high, "WITHSCORES", "LIMIT", 0, limit)
        ids = [word.decode() for word in rows[::2]]
        fresh = tuple(message_id for message_id in ids if message_id not in seen)
        if not fresh:
            return
        yield fresh
        last = rows[-1]
        low = last.decode()
        seen = {message_id for message_id, score in zip(ids, rows[1::2], strict=True) if score == last}
