"""Typed wrappers of the worker's scripts: claim, renew, give back and settle."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qstash_rq.clock import iso_timestamp
from qstash_rq.delivery import Claim, RateWindow, Settled, Withheld
from qstash_rq.message import Message
from qstash_rq.store import keys
from qstash_rq.store.executor import Word
from qstash_rq.store.message_args import message_args
from qstash_rq.store.records import decode_message
from qstash_rq.store.script import Call, load_script

# More than there can be in Redis, and exact in Lua.
ANY_BYTES = 2**53

# Looked up for every message: to ask an enum for its member by value takes 0.5 µs.
_SETTLED = {word.value.encode(): word for word in Settled}
_DELIVERED = Settled.DELIVERED.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """One attempt to settle; `response` is JSON, `body` the response's bytes.

    `placeholder` stands in the callbacks' bodies for the id of the dead letter, should one be made.
    """

    message_id: str
    attempt: int
    outcome: Settled
    due_ms: int = 0
    response: str = ""
    body: bytes = b""
    callbacks: tuple[Message, ...] = ()
    placeholder: str = ""


def _decode_claims(answer: list[Any]) -> tuple[Claim, ...] | Withheld:
    if answer[0] != b"claimed":
        return Withheld(answer[0].decode())
    pairs = [word.decode() for word in answer[1]]
    signing_keys = dict(zip(pairs[::2], pairs[1::2], strict=True))
    claims: list[Claim] = []
    for message_id, attempt, retried, user, spec, body, window in answer[2:]:
        user_id = user.decode()
        claims.append(
            Claim(
                message=decode_message(message_id.decode(), user_id, spec, body),
                attempt=attempt,
                retried=retried,
                signing_key=signing_keys[user_id],
                window=_decode_window(window) if window else None,
            )
        )
    return tuple(claims)


def _decode_window(words: list[int]) -> RateWindow:
    began_ms, leave_by_ms, slack_ms = words
    return RateWindow(began_ms=began_ms, leave_by_ms=leave_by_ms, slack_ms=slack_ms)


def claim(
    *,
    worker: str,
    now_ms: int,
    lease_until_ms: int,
    most: int,
    most_in_flight: int,
    most_bytes: int = ANY_BYTES,
    lanes: Sequence[str] = (),
) -> Call[tuple[Claim, ...] | Withheld]:
    """Claim up to `most` messages, or hear why nothing is handed out. `lanes` empty: every lane.

    The message whose body reaches `most_bytes` is the last one.
    """
    args = (worker, now_ms, iso_timestamp(now_ms), lease_until_ms, most, most_in_flight, most_bytes, *lanes)
    return Call(load_script("claim"), (keys.RING(),), args, _decode_claims)


def renew(*, lease_until_ms: int, held: Sequence[tuple[str, int]]) -> Call[tuple[str, ...]]:
    """Prolong leases given as (message id, attempt); answers the ids that are no longer held."""
    args = (lease_until_ms, *(word for pair in held for word in pair))
    return Call(
        load_script("renew"), (keys.LEASES(),), args, lambda answer: tuple(word.decode() for word in answer)
    )


def give_back(*, now_ms: int, keep_ms: int, held: Sequence[tuple[str, int]]) -> Call[int]:
    """Return claims given as (message id, attempt) to the front of their lanes; answers how many it were."""
    args = (now_ms, iso_timestamp(now_ms), keep_ms, *(word for pair in held for word in pair))
    return Call(load_script("give_back"), (keys.LEASES(),), args, int)


def settle(
    *,
    worker: str,
    now_ms: int,
    keep_ms: int,
    dead_keep_ms: int,
    max_timeout_ms: int,
    settlements: Sequence[Settlement | Claim],
) -> Call[tuple[Settled, ...]]:
    """Write what became of attempts, one word each; late attempts are refused as superseded.

    A bare Claim was delivered, and nobody is called back: nearly all are, and a Settlement costs 1 µs.
    """
    args: list[Word] = [worker, now_ms, iso_timestamp(now_ms), keep_ms, dead_keep_ms]
    for item in settlements:
        if isinstance(item, Claim):
            args += (item.message.message_id, item.attempt, _DELIVERED, 0)
        else:
            args += _settlement_args(item, max_timeout_ms)
    return Call(
        load_script("settle"),
        (keys.LEASES(),),
        tuple(args),
        lambda answer: tuple(_SETTLED[word] for word in answer),
    )


def _settlement_args(item: Settlement, max_timeout_ms: int) -> list[Word]:
    args: list[Word] = [item.message_id, item.attempt, item.outcome.value, len(item.callbacks)]
    if item.callbacks:
        args.append(item.placeholder)
    for callback in item.callbacks:
        args += message_args(callback, max_timeout_ms=max_timeout_ms, held_by=item.message_id)
    if item.outcome is not Settled.DELIVERED:
        args += (item.due_ms, item.response, item.body)
    return args
