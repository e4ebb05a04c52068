"""What the store should hold once messages have flow-control keys and callbacks, without Redis."""

from collections import Counter
from dataclasses import dataclass, field

from qstash_rq.clock import Clock
from qstash_rq.delivery import Settled
from qstash_rq.message import Flow
from tests.store.model import Expected, Model

MARGIN_MS = 20


@dataclass(kw_only=True)
class Key:
    """One flow-control key: its limits, its window and its own line."""

    parallelism: int = 0
    rate: int = 0
    period_ms: int = 1000
    window_ms: int = 0
    count: int = 0
    paused: bool = False
    pinned_parallelism: bool = False
    pinned_rate: bool = False
    line: list[str] = field(default_factory=list[str])
    recovered: set[str] = field(default_factory=set[str])  # in front of the line, in any order

    def next_ids(self) -> set[str]:
        """Return the ids of which one is the next of the line."""
        return self.recovered or set(self.line[:1])


class FlowModel(Model):
    """All messages, queues and keys of one user."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.keys: dict[str, Key] = {}
        self.key_of: dict[str, str] = {}
        self.source_of: dict[str, str] = {}
        self.pending: Counter[str] = Counter()  # callbacks that have not ended, by their source
        self.lingering: set[str] = set()

    # ── keys ───────────────────────────────────────────────────────────────────────────────────

    def join(self, message_id: str, flow: Flow | None) -> None:
        """Let a message that comes use a key and bring its limits."""
        if flow is None:
            return
        key = self.keys.setdefault(flow.key, Key())
        if not key.pinned_parallelism:
            key.parallelism = flow.parallelism or 0
        if not key.pinned_rate:
            key.rate, key.period_ms = flow.rate or 0, flow.period_ms
        self.key_of[message_id] = flow.key

    def in_flight(self, name: str) -> int:
        """Return how many deliveries of a key are open."""
        return sum(self.key_of.get(one) == name for one in self.of("active"))

    def is_open(self, name: str | None) -> bool:
        """Tell whether a delivery of a key may start now; those without a key always may."""
        if name is None:
            return True
        key = self.keys[name]
        full = 0 < key.parallelism <= self.in_flight(name)
        spent = 0 < key.rate <= key.count and not self._window_is_over(key)
        return not (key.paused or full or spent)

    def _window_is_over(self, key: Key) -> bool:
        return self._clock.now_ms() >= key.window_ms + key.period_ms + MARGIN_MS

    def _line_of(self, message_id: str) -> Key | None:
        name = self.key_of.get(message_id)
        return self.keys[name] if name and self.messages[message_id].queue is None else None

    # ── what may start ─────────────────────────────────────────────────────────────────────────

    def claimable(self) -> set[str]:
        """Return every message that a claim may hand out next."""
        plain = {one for one in self.of("ready") if self.messages[one].queue is None}
        found = plain - set(self.key_of)
        for key in self.keys.values():
            found |= key.next_ids()
        for queue in self.queues:
            found |= self._next_of(queue)
        return {one for one in found if self.is_open(self.key_of.get(one))}

    def startable(self) -> set[str]:
        """Return those that nothing else may keep back: a queue whose head waits for its key is shut."""
        blocked: set[str] = set()
        for queue in self.queues:
            ready = {one for one in self.holders(queue) if self.messages[one].state == "ready"}
            if not all(self.is_open(self.key_of.get(one)) for one in ready):
                blocked |= self._next_of(queue)
        return self.claimable() - blocked

    def _next_of(self, queue: str) -> set[str]:
        gate, holders = self.queues[queue], self.holders(queue)
        if gate.paused:
            return set()
        waiting = [one for one in gate.order if one not in holders]
        free = waiting[:1] if len(holders) < gate.parallelism else []
        return {one for one in holders if self.messages[one].state == "ready"} | set(free)

    # ── steps ──────────────────────────────────────────────────────────────────────────────────

    def accept(self, message_id: str, queue: str | None, due_ms: int, now_ms: int) -> None:
        """Take a message in; its key is joined already."""
        super().accept(message_id, queue, due_ms, now_ms)
        line = self._line_of(message_id)
        if line is not None and self.messages[message_id].state == "ready":
            line.line.append(message_id)

    def claim(self, message_id: str, lease_ms: int) -> None:
        """Hand a message out and count it for its key."""
        super().claim(message_id, lease_ms)
        self._leave_line(message_id)
        name = self.key_of.get(message_id)
        if name is None:
            return
        key = self.keys[name]
        if self._window_is_over(key):
            key.window_ms, key.count = self._clock.now_ms(), 0
        key.count += 1

    def settle(
        self, message_id: str, attempt: int, outcome: Settled, due_ms: int, callbacks: int = 0
    ) -> Settled:
        """Write what became of an attempt, with as many callbacks to come."""
        one = self.messages[message_id]
        is_written = one.state == "active" and one.attempt == attempt
        if is_written and (outcome is Settled.DELIVERED or not one.cancel):
            self.pending[message_id] += callbacks
        return super().settle(message_id, attempt, outcome, due_ms)

    def promote(self, now_ms: int) -> None:
        """Let every message whose time has come join its line."""
        before = set(self.of("ready"))
        super().promote(now_ms)
        ready = [one for one in self.of("ready") if one not in before]
        for message_id in sorted(ready, key=lambda one: (self.messages[one].due_ms, one)):
            line = self._line_of(message_id)
            if line is not None:
                line.line.append(message_id)

    def recover(self, now_ms: int) -> int:
        """Take back what is leased for too long, to the front of its line."""
        before = set(self.of("ready"))
        count = super().recover(now_ms)
        for message_id in set(self.of("ready")) - before:
            line = self._line_of(message_id)
            if line is not None:
                line.recovered.add(message_id)
        return count

    def close(self, queue: str) -> None:
        """Forget a queue; what lingers in it lingers no more."""
        super().close(queue)
        self.lingering = {one for one in self.lingering if self.messages[one].queue != queue}

    def lag(self, queue: str) -> int:
        """Return how many messages of a queue are not terminal."""
        return sum(self._is_of(one, queue) for one in self.messages.values())

    def _is_of(self, one: Expected, queue: str) -> bool:
        return one.queue == queue and one.living and not (one.closing or one.adrift)

    def _end(self, message_id: str, state: str) -> None:
        one = self.messages[message_id]
        self._leave_line(message_id)
        gate = self.queues.get(one.queue or "")
        if gate is not None and message_id in gate.order and self.pending[message_id]:
            one.state = state
            self.lingering.add(message_id)
        else:
            super()._end(message_id, state)
        source = self.source_of.get(message_id)
        if source is not None:
            self.pending[source] -= 1
            if not self.pending[source] and source in self.lingering:
                self.lingering.remove(source)
                self.queues[self.messages[source].queue or ""].order.remove(source)

    def _leave_line(self, message_id: str) -> None:
        line = self._line_of(message_id)
        if line is not None:
            line.recovered.discard(message_id)
            if message_id in line.line:
                line.line.remove(message_id)
