"""What the store should hold, in plain Python: the rules of lanes, leases and attempts, without Redis."""

from dataclasses import dataclass, field

from qstash_rq.delivery import Settled


@dataclass(kw_only=True)
class Expected:
    """One message."""

    queue: str | None
    state: str
    due_ms: int = 0
    lease_ms: int = 0
    attempt: int = 0
    retried: int = 0
    cancel: bool = False
    closing: bool = False
    adrift: bool = False  # its queue was drained while it was in flight

    @property
    def living(self) -> bool:
        """Tell whether the message is not terminal."""
        return self.state in ("due", "ready", "active")


@dataclass
class Gate:
    """One queue: its gate and its messages in the order in which they became ready."""

    parallelism: int = 1
    paused: bool = False
    order: list[str] = field(default_factory=list[str])


class Model:
    """All messages and queues of one user."""

    def __init__(self) -> None:
        self.messages: dict[str, Expected] = {}
        self.queues: dict[str, Gate] = {}
        self.dead: list[str] = []

    def of(self, *states: str) -> list[str]:
        """Return the ids of the messages in these states, the oldest first."""
        return [message_id for message_id, one in self.messages.items() if one.state in states]

    def holders(self, queue: str) -> list[str]:
        """Return who holds a slot of a queue."""
        return [
            message_id for message_id in self.queues[queue].order if self.messages[message_id].attempt > 0
        ]

    def claimable(self) -> set[str]:
        """Return every message that a claim may hand out next."""
        found = {one for one in self.of("ready") if self.messages[one].queue is None}
        for queue, gate in self.queues.items():
            if gate.paused:
                continue
            holders = self.holders(queue)
            found |= {one for one in holders if self.messages[one].state == "ready"}
            waiting = [one for one in gate.order if one not in holders]
            if waiting and len(holders) < gate.parallelism:
                found.add(waiting[0])
        return found

    def accept(self, message_id: str, queue: str | None, due_ms: int, now_ms: int) -> None:
        """Take a message in."""
        if queue is not None:
            self.queues.setdefault(queue, Gate())
        waits = due_ms > now_ms
        self.messages[message_id] = Expected(
            queue=queue, state="due" if waits else "ready", due_ms=due_ms if waits else 0
        )
        if not waits and queue is not None:
            self.queues[queue].order.append(message_id)

    def claim(self, message_id: str, lease_ms: int) -> None:
        """Hand a message out."""
        one = self.messages[message_id]
        one.state, one.attempt, one.lease_ms = "active", one.attempt + 1, lease_ms

    def settle(self, message_id: str, attempt: int, outcome: Settled, due_ms: int) -> Settled:
        """Write what became of an attempt; returns the word the store should say."""
        one = self.messages[message_id]
        if one.state != "active" or one.attempt != attempt:
            return Settled.SUPERSEDED
        if outcome is Settled.DELIVERED:
            self._end(message_id, "delivered")
        elif one.cancel:
            self._end(message_id, "canceled")
            return Settled.CANCELED
        elif outcome is Settled.RETRY:
            one.state, one.due_ms, one.retried = "due", due_ms, one.retried + 1
        else:
            self._end(message_id, "failed")
            self.dead.append(message_id)
        return outcome

    def promote(self, now_ms: int) -> None:
        """Let every message whose time has come join its line."""
        ready = [one for one in self.of("due") if self.messages[one].due_ms <= now_ms]
        for message_id in sorted(ready, key=lambda one: (self.messages[one].due_ms, one)):
            one = self.messages[message_id]
            if one.closing:
                continue
            one.state = "ready"
            if one.queue is not None and not one.attempt:
                self.queues[one.queue].order.append(message_id)

    def recover(self, now_ms: int) -> int:
        """Take back what is leased for too long; returns how many."""
        late = [one for one in self.of("active") if self.messages[one].lease_ms < now_ms]
        for message_id in late:
            if self.messages[message_id].cancel:
                self._end(message_id, "canceled")
            else:
                self.messages[message_id].state = "ready"
        return len(late)

    def cancel(self, message_id: str) -> str:
        """Cancel a message; returns the word the store should say."""
        one = self.messages[message_id]
        if not one.living or one.cancel:
            return "gone"
        if one.state == "active":
            one.cancel = True
            return "requested"
        self._end(message_id, "canceled")
        return "canceled"

    def close(self, queue: str) -> None:
        """Forget a queue; its messages wait for their drain."""
        self.queues.pop(queue, None)
        for one in self.messages.values():
            if one.queue == queue and one.living and not one.adrift:
                one.closing = True

    def drain(self, message_id: str) -> None:
        """Cancel a message of a closed queue."""
        self.cancel(message_id)
        one = self.messages[message_id]
        one.closing, one.adrift = False, one.state == "active"

    def _end(self, message_id: str, state: str) -> None:
        one = self.messages[message_id]
        one.state = state
        gate = self.queues.get(one.queue or "")
        if gate is not None and message_id in gate.order:
            gate.order.remove(message_id)
