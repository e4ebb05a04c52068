"""What the store should hold once the verbs of the API are used: groups, schedules, ids used before."""

from dataclasses import dataclass, field

from qstash_rq.clock import Clock
from qstash_rq.message import Flow
from tests.store.flow_model import FlowModel

MINUTE_MS = 60_000


@dataclass(kw_only=True)
class Plan:
    """A schedule for every minute; `made` are the messages of its last tick."""

    target: str
    queue: str | None
    next_ms: int
    paused: bool = False
    made: list[str] = field(default_factory=list[str])


class VerbModel(FlowModel):
    """All that one user has."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.first_use: dict[str, list[str]] = {}  # message ids by deduplication id
        self.groups: dict[str, list[str]] = {}  # the URLs of their endpoints
        self.plans: dict[str, Plan] = {}
        self.created_ms: dict[str, int] = {}
        self.signing_keys: tuple[str, str] = ("", "")
        self._lingered: set[str] = set()
        self._outlived: set[str] = set()  # records whose log has gone before them

    def copies(self, target: str) -> int:
        """Return how many messages go to a target; 0: it is a group that does not exist."""
        return 1 if "/" in target else len(self.groups.get(target, ()))

    def take_in(self, message_id: str, queue: str | None, flow: Flow | None, due_ms: int) -> None:
        """Take in a message with its key."""
        self.join(message_id, flow)
        self.accept(message_id, queue, due_ms, self._clock.now_ms())

    def accept(self, message_id: str, queue: str | None, due_ms: int, now_ms: int) -> None:
        """Take a message in, and remember when."""
        self.created_ms[message_id] = now_ms
        super().accept(message_id, queue, due_ms, now_ms)

    def cancel_oldest(self, queue: str | None, count: int | None) -> int:
        """Cancel the oldest living messages, of one queue or all; returns how many."""
        canceled = 0
        living = self.of("due", "ready", "active")
        for message_id in sorted(living, key=lambda one: (self.created_ms[one], one)):
            if canceled == count:
                break
            if queue in (None, self.messages[message_id].queue):
                canceled += self.cancel(message_id) != "gone"
        return canceled

    def delete_queue(self, queue: str) -> None:
        """Forget a queue and cancel all of its messages, those of an earlier one of its name too."""
        self.close(queue)
        for message_id, one in self.messages.items():
            if one.queue == queue and one.closing:
                self.drain(message_id)

    def due_plans(self) -> list[tuple[str, Plan]]:
        """Return the schedules whose tick has come, in the order in which they tick."""
        now_ms = self._clock.now_ms()
        return [(name, plan) for name, plan in sorted(self.plans.items()) if plan.next_ms <= now_ms]

    def next_minute_ms(self) -> int:
        """Return when a schedule for every minute ticks next."""
        return (self._clock.now_ms() // MINUTE_MS + 1) * MINUTE_MS

    def grow_old(self) -> None:
        """Forget what has ended: neither logs nor dead letters are kept, nor records without them."""
        # A record that waits for callbacks stays, also when its queue is gone.
        waiting = {one for one in self._lingered if self.pending[one]}
        for message_id, one in self.messages.items():
            ended = one.state in ("delivered", "failed", "canceled")
            if ended and message_id not in waiting | self._outlived:
                one.state = "gone"
        self._outlived |= waiting
        self.dead.clear()

    def _end(self, message_id: str, state: str) -> None:
        super()._end(message_id, state)
        if message_id in self.lingering:
            self._lingered.add(message_id)
