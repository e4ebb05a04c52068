"""What the store should hold once messages have flow-control keys and callbacks, without Redis."""

from collections import Counter
from dataclasses import dataclass, field

from qstash_rq.clock import Clock
from qstash_rq.delivery import RateWindow, Settled
from qstash_rq.message import Flow
from tests.store.gates import slack_ms, window_end_ms
from tests.store.model import Expected, Model


@dataclass(kw_only=True)
class Key:
    """One flow-control key: its limits, its window and its own line."""

    parallelism: int = 0
    rate: int = 0
    period_ms: int = 1000
    window_ms: int = 0
    arrived_ms: int = 0  # 0: nobody has told
    count: int = 0
    paused: bool = False
    pinned_parallelism: bool = False
    pinned_rate: bool = False
    line: list[str] = field(default_factory=list[str])
    recovered: set[str] = field(default_factory=set[str])  # in front of the line, in any order

    def is_shut_by_rate(self, now_ms: int) -> bool:
        """Tell whether the rate lets nothing start at `now_ms`: it is used up, or the window about to end."""
        last_ms = self.window_ms + self.period_ms - slack_ms(self.period_ms)
        closed = self.count >= self.rate or now_ms >= last_ms
        return bool(self.rate and self.count) and closed and now_ms < self._end_ms()

    def start(self, now_ms: int) -> RateWindow | None:
        """Count a delivery; returns the window that its worker should be told of."""
        if not self.count or now_ms >= self._end_ms():
            self.window_ms, self.arrived_ms, self.count = now_ms, 0, 0
        self.count += 1
        if not self.rate:
            return None
        slack = slack_ms(self.period_ms)
        return RateWindow(
            began_ms=self.window_ms,
            leave_by_ms=self.window_ms + self.period_ms - slack // 2,
            slack_ms=0 if self.arrived_ms else slack,
        )

    def confirm(self, began_ms: int, arrived_ms: int) -> None:
        """Learn when a request arrived."""
        if self.window_ms == began_ms and (not self.arrived_ms or arrived_ms < self.arrived_ms):
            self.arrived_ms = arrived_ms

    def _end_ms(self) -> int:
        return window_end_ms(self.window_ms, self.arrived_ms, self.period_ms)

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
        return not (key.paused or full or key.is_shut_by_rate(self._clock.now_ms()))

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
        """Return those that must not be left behind when a worker takes all it can."""
        return self.claimable()

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

    def hand_out(self, message_id: str, lease_ms: int) -> RateWindow | None:
        """Hand a message out and count it for its key."""
        super().claim(message_id, lease_ms)
        self._leave_line(message_id)
        name = self.key_of.get(message_id)
        return None if name is None else self.keys[name].start(self._clock.now_ms())

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
        self._stand_in_front(before)
        return count

    def give_back(self, message_id: str, attempt: int) -> int:
        """Take back what was not sent, to the front of its line; returns how many."""
        one = self.messages[message_id]
        if one.state != "active" or one.attempt != attempt:
            return 0
        before = set(self.of("ready"))
        if one.cancel:
            self._end(message_id, "canceled")
        else:
            one.state = "ready"
        self._stand_in_front(before)
        return 1

    def _stand_in_front(self, before: set[str]) -> None:
        for message_id in set(self.of("ready")) - before:
            line = self._line_of(message_id)
            if line is not None:
                line.recovered.add(message_id)

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
