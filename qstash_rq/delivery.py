"""The values of one delivery: what a claim hands out, what an attempt brings back.

A delivery goes Claim -> Attempt -> Verdict; a failed attempt is a value, not an
exception.
"""

from dataclasses import dataclass
from enum import StrEnum

from qstash_rq.message import Headers, Message


@dataclass(frozen=True, slots=True, kw_only=True)
class RateWindow:
    """The rate window of a flow-control key that a delivery was counted in.

    The request must have left before `leave_by_ms`. `slack_ms` is 0 once it is known when the window's
    first request arrived; else it says how long this one may be on its way at most.
    """

    began_ms: int
    leave_by_ms: int
    slack_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A message handed to one worker under a lease.

    `attempt` counts claims and fences late workers: a settle with another number
    is refused. `retried` counts failed attempts that were followed by a retry; a
    crash between claim and settle raises the first but not the second. Only a key with
    a rate limit has a `window`.
    """

    message: Message
    attempt: int
    retried: int
    signing_key: str
    window: RateWindow | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came back from one try to deliver.

    `status` is None when no HTTP response arrived; `error` then says why. `body` is
    decoded (gzip removed) and cut at the response limit.
    """

    status: int | None = None
    headers: Headers = ()
    body: bytes = b""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """The attempt succeeded (2xx)."""


@dataclass(frozen=True, slots=True)
class Retry:
    """The attempt failed and another one follows at `at_ms`."""

    at_ms: int
    error: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed and was the last one."""

    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A failed message and its last response (status None: there was none)."""

    dlq_id: str
    message: Message
    response: Attempt


Verdict = Delivered | Retry | Failed


class Withheld(StrEnum):
    """Why a claim hands out nothing although messages may be ready."""

    SUSPENDED = "suspended"  # `rq suspend` is on
    FULL = "full"  # all workers together hold as many deliveries as they may


class Settled(StrEnum):
    """What became of one attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    FAILED = "failed"
    CANCELED = "canceled"
    SUPERSEDED = "superseded"
