"""Typed wrappers of the scripts that accept, cancel, put back and discard messages.

No call site counts positions. Words that scripts return become values here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from qstash_rq.clock import iso_timestamp
from qstash_rq.message import Message
from qstash_rq.store import keys
from qstash_rq.store.executor import Word
from qstash_rq.store.message_args import all_message_args
from qstash_rq.store.script import Call, load_script


class Accepted(StrEnum):
    """What accept answers."""

    ACCEPTED = "accepted"
    GONE = "gone"  # a dead letter to revive is not there
    QUEUES_FULL = "queues_full"


class Canceled(StrEnum):
    """What cancel answers for one message."""

    CANCELED = "canceled"
    REQUESTED = "requested"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What one publish makes: a message, or one for each endpoint; `digest` of its deduplication id."""

    messages: tuple[Message, ...]
    digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """What accept answers; `first_use` has the ids that a duplicate item stands for, item by item."""

    word: Accepted
    first_use: tuple[tuple[str, ...], ...] = ()


def _decode_acceptance(answer: list[Any]) -> Acceptance:
    word = Accepted(answer[0].decode())
    if word is not Accepted.ACCEPTED:
        return Acceptance(word=word)
    return Acceptance(word=word, first_use=tuple(tuple(ids.decode().split()) for ids in answer[1:]))


def accept(
    *,
    user_id: str,
    items: Sequence[Item],
    now_ms: int,
    max_queues: int,
    max_timeout_ms: int,
    dedup_window_ms: int,
    revived: Sequence[str] = (),
) -> Call[Acceptance]:
    """Store items of one user; all or none, but for those whose deduplication id was used before.

    Revives dead letters in the same step: the entries `revived` go when the messages come.
    """
    args: list[Word] = [now_ms, max_queues, user_id, dedup_window_ms, len(revived), *revived]
    for item in items:
        args.append(item.digest or "")
        args += all_message_args(item.messages, max_timeout_ms=max_timeout_ms)
    return Call(load_script("accept"), (keys.RING(),), tuple(args), _decode_acceptance)


def put_back(*, message_id: str) -> Call[str]:
    """Return a popped message to the front of its line; answers its lane, or nothing."""
    return Call(
        load_script("put_back"), (keys.JOB(message_id),), (message_id,), lambda answer: answer.decode()
    )


def cancel(
    *, user_id: str, message_ids: Sequence[str], now_ms: int, keep_ms: int
) -> Call[tuple[Canceled, ...]]:
    """Cancel messages of one user, one word each."""
    args = (now_ms, iso_timestamp(now_ms), keep_ms, user_id, *message_ids)
    return Call(
        load_script("cancel"),
        (keys.DUE(),),
        args,
        lambda answer: tuple(Canceled(word.decode()) for word in answer),
    )


def discard(*, user_id: str, dlq_ids: Sequence[str]) -> Call[int]:
    """Delete dead letters; answers how many were there."""
    return Call(load_script("discard"), (keys.DEAD(user_id),), (user_id, *dlq_ids), int)
