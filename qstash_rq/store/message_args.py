"""Write a message as the arguments that the scripts parse; see `lua/parts/store.lua`."""

from collections.abc import Sequence

from qstash_rq.clock import iso_timestamp
from qstash_rq.lanes import Lane
from qstash_rq.message import Message
from qstash_rq.store.executor import Word
from qstash_rq.store.records import encode_message
from qstash_rq.store.rq_job import job_timeout_s


def all_message_args(messages: Sequence[Message], *, max_timeout_ms: int) -> list[Word]:
    """Return the arguments of all messages of one publish or tick.

    A body that all of them have is there once: 100 endpoints of a group make 10 MB of it instead of 1 GB.
    """
    count = len(messages)
    shared = messages[0].body if count > 1 else b""
    if any(message.body != shared for message in messages):
        shared = b""
    args: list[Word] = [count, shared] if count > 1 else [count]
    for message in messages:
        args += _args(message, b"" if shared else message.body, max_timeout_ms, "")
    return args


def message_args(message: Message, *, max_timeout_ms: int, held_by: str = "") -> tuple[Word, ...]:
    """Return the arguments of one message, due at once unless its time lies ahead.

    `held_by` names the message that keeps its FIFO slot until this one, its callback, ends.
    """
    return _args(message, message.body, max_timeout_ms, held_by)


def _args(message: Message, body: bytes, max_timeout_ms: int, held_by: str) -> tuple[Word, ...]:
    return (
        message.message_id,
        lane_of(message).name,
        message.not_before_ms if message.not_before_ms > message.created_at_ms else 0,
        iso_timestamp(message.created_at_ms),
        job_timeout_s(message, max_timeout_ms=max_timeout_ms),
        encode_message(message),
        body,
        held_by,
        *_flow_args(message),
    )


def lane_of(message: Message) -> Lane:
    """Return the lane a message waits in: its queue's, its flow-control key's, or its user's own."""
    if message.queue_name is None and message.flow is not None:
        return Lane(message.user_id, flow_key=message.flow.key)
    return Lane(message.user_id, message.queue_name)


def _flow_args(message: Message) -> tuple[Word, ...]:
    flow = message.flow
    if flow is None:
        return ("",)
    gate = Lane(message.user_id, flow_key=flow.key).name
    return (gate, flow.parallelism or 0, flow.rate or 0, flow.period_ms)
