"""The values a message is made of: the message itself and its states. No I/O."""

from dataclasses import dataclass
from enum import StrEnum

Headers = tuple[tuple[str, str], ...]
"""Header fields in order; a name that occurs twice stands twice."""

DEFAULT_RETRIES = 3


class State(StrEnum):
    """Where a message is in its life; stored in its record, one word each."""

    DUE = "due"  # waits for its time: delayed, or between two attempts
    READY = "ready"  # stands in the line of its lane
    ACTIVE = "active"  # a worker holds its lease
    DELIVERED = "delivered"  # terminal: a 2xx came back
    FAILED = "failed"  # terminal: attempts exhausted, a dead letter
    CANCELED = "canceled"  # terminal: cancelled before it was delivered


TERMINAL_STATES = frozenset({State.DELIVERED, State.FAILED, State.CANCELED})


class LogState(StrEnum):
    """The states of log records, spelled as on the wire (contract 5.1)."""

    CREATED = "CREATED"
    ACTIVE = "ACTIVE"
    ERROR = "ERROR"
    RETRY = "RETRY"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    CANCEL_REQUESTED = "CANCEL_REQUESTED"
    CANCELED = "CANCELED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A flow-control key and the limits a message brings for it (contract 4.10)."""

    key: str
    parallelism: int | None = None
    rate: int | None = None
    period_ms: int = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """What the API may not show: the body, all headers, or the named ones (contract 4.12)."""

    body: bool = False
    all_headers: bool = False
    header_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """How to send a callback or failure callback; None means: as the original message (contract 3.4)."""

    url: str
    method: str = "POST"
    headers: Headers = ()
    max_retries: int | None = None
    retry_delay: str | None = None
    timeout_ms: int | None = None
    delay_ms: int = 0
    not_before_ms: int | None = None
    labels: tuple[str, ...] | None = None
    flow: Flow | None = None
    redaction: Redaction | None = None
    callback: "Callback | None" = None
    failure_callback: "Callback | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One accepted message, as published; nothing in it changes after accept.

    `headers` holds what is delivered: `Content-Type` (if the publisher sent one)
    and the forwarded headers without their prefix.
    """

    message_id: str
    user_id: str
    url: str
    created_at_ms: int
    not_before_ms: int
    method: str = "POST"
    headers: Headers = ()
    body: bytes = b""
    max_retries: int = DEFAULT_RETRIES
    retry_delay: str | None = None
    timeout_ms: int | None = None
    caller_ip: str | None = None
    labels: tuple[str, ...] = ()
    queue_name: str | None = None
    topic_name: str | None = None
    endpoint_name: str | None = None
    schedule_id: str | None = None
    callback: Callback | None = None
    failure_callback: Callback | None = None
    flow: Flow | None = None
    redaction: Redaction | None = None
    # The message whose callback this is; a FIFO slot of that one is held until this one ends.
    source_message_id: str | None = None
