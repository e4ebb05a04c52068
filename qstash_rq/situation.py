"""The facts about one message at one moment: all that it may wait for. Values only; `reasons` reads them."""

from dataclasses import dataclass

from qstash_rq.message import Message, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Since when a gate is paused, and the address of who did it, as far as it was noted."""

    since_ms: int | None = None
    caller_ip: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A message that holds a slot: in flight, between two attempts, or over but for its callbacks."""

    message_id: str
    state: State
    since_ms: int | None = None
    worker: str | None = None
    due_ms: int | None = None
    callbacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueGate:
    """The gate of the message's queue; `before` counts the queue's messages in front, `holders` are some."""

    parallelism: int
    held: int
    holders: tuple[Holder, ...]
    before: int | None
    holds_slot: bool
    pause: Pause | None = None
    closing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowGate:
    """The gate of the message's flow-control key; 0 is no limit. `holders` are some of those in flight."""

    key: str
    parallelism: int
    held: int
    holders: tuple[Holder, ...]
    rate: int
    count: int
    window_ends_ms: int
    window_awaited: bool = False
    pause: Pause | None = None
    pinned_parallelism: bool = False
    pinned_rate: bool = False
    # Lanes whose turn comes first; None: this message's lane does not wait for one.
    turns_before: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Where the message stands in its lane's line; `before` None: not within the places that were counted."""

    before: int | None
    length: int
    counted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One message and what surrounds it; times that are not there are None."""

    message: Message
    state: State
    attempts: int
    retried: int
    cancel_requested: bool
    line: Line
    in_flight: int
    suspended: bool
    # The last signs of life of workers that serve the lane, and of any scheduler.
    worker_beats_ms: tuple[int, ...] = ()
    scheduler_beat_ms: int | None = None
    queue: QueueGate | None = None
    flow: FlowGate | None = None
    due_ms: int | None = None
    lease_until_ms: int | None = None
    started_ms: int | None = None
    worker: str | None = None
    last_error: str | None = None
    ended_ms: int | None = None
    dlq_id: str | None = None
    callbacks: tuple[str, ...] = ()
    # Its workers died, so it is tried while no other such message is; and the one that was tried last.
    suspect: bool = False
    deaths: int = 0
    on_trial: str | None = None

    @property
    def recovered(self) -> int:
        """How many attempts ended without an outcome: their worker went silent, or gave them back."""
        under_way_or_last = self.state not in (State.DUE, State.READY) and self.attempts > 0
        return max(self.attempts - self.retried - under_way_or_last, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is the same for every message: the time and the settings that matter."""

    now_ms: int
    lease_ms: int
    max_global_parallelism: int
