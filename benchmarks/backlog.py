"""Put a backlog into the plain lane, and read from the log how fast it was worked off."""

from dataclasses import dataclass
from typing import Any

from benchmarks.deployment import Deployment
from benchmarks.row import CannotMeasure
from qstash_rq.ids import new_message_id
from qstash_rq.message import Message
from qstash_rq.store import keys
from qstash_rq.storing import store_messages

BODY = b"twenty bytes of body"
HEADERS = (
    ("Content-Type", "text/plain"),
    ("X-Request-Id", "0123456789abcdef"),
    ("X-Tenant", "benchmark"),
    ("X-Trace", "00-0af7651916cd43dd-01"),
)
_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Messages that wait; `last_entry` is the last id of the log before they are claimed."""

    count: int
    last_entry: str


def fill(deployment: Deployment, count: int, url: str) -> Backlog:
    """Store `count` messages for `url`, each with the body and the forwarded headers of every row."""
    core, left = deployment.core, count
    while left:
        now_ms = core.clock.now_ms()
        messages = [
            Message(
                message_id=new_message_id(),
                user_id=deployment.user_id,
                url=url,
                created_at_ms=now_ms,
                not_before_ms=now_ms,
                headers=HEADERS,
                body=BODY,
                caller_ip="127.0.0.1",
            )
            for _ in range(min(left, _BATCH))
        ]
        store_messages(core, messages)
        left -= len(messages)
    return Backlog(count=count, last_entry=_entry_id(deployment, "XREVRANGE", "+", "-"))


def delivered_per_s(deployment: Deployment, backlog: Backlog) -> float:
    """Return the rate from the first ACTIVE to the last DELIVERED entry of the log.

    Raises CannotMeasure unless every message was delivered at its first attempt.
    """
    key = keys.LOG(deployment.user_id)
    entries = deployment.core.store.command("XLEN", key)
    living = deployment.core.store.command("ZCARD", keys.LIVE(deployment.user_id))
    if living or entries != 3 * backlog.count:
        msg = f"{living} messages are left and the log has {entries} entries for {backlog.count} messages"
        raise CannotMeasure(msg)
    first_ms = _milliseconds(_entry_id(deployment, "XRANGE", f"({backlog.last_entry}", "+"))
    last_ms = _milliseconds(_entry_id(deployment, "XREVRANGE", "+", "-"))
    return backlog.count * 1_000 / max(1, last_ms - first_ms)


def _entry_id(deployment: Deployment, command: str, start: str, end: str) -> str:
    key = keys.LOG(deployment.user_id)
    rows: list[Any] = deployment.core.store.command(command, key, start, end, "COUNT", 1)
    return rows[0][0].decode()


def _milliseconds(entry_id: str) -> int:
    return int(entry_id.partition("-")[0])
