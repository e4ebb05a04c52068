"""Store messages in the mass, through accept in large calls, with every field at will."""

from collections.abc import Iterable
from itertools import islice

from benchmarks.backlog import HEADERS
from benchmarks.deployment import Deployment
from qstash_rq.ids import new_message_id
from qstash_rq.message import Flow, Message
from qstash_rq.storing import store_messages

_BATCH = 500


def new_message(
    running: Deployment, url: str, body: bytes, *, due_ms: int = 0, flow: Flow | None = None
) -> Message:
    """Return a message as every row sends them; due at once unless `due_ms` lies ahead."""
    now_ms = running.core.clock.now_ms()
    return Message(
        message_id=new_message_id(),
        user_id=running.user_id,
        url=url,
        created_at_ms=now_ms,
        not_before_ms=max(due_ms, now_ms),
        headers=HEADERS,
        body=body,
        caller_ip="127.0.0.1",
        flow=flow,
    )


def store_all(running: Deployment, messages: Iterable[Message]) -> None:
    """Store what comes, some hundreds in a call; only those are in memory at once."""
    coming = iter(messages)
    while batch := list(islice(coming, _BATCH)):
        store_messages(running.core, batch)
