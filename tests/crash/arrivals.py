"""What the endpoints saw, in order, whoever delivered it: the receiver's side of every promise."""

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A delivery that starts, or one that is over: answered with a status, or cut with its process (0)."""

    message_id: str
    starts: bool
    retried: int = 0
    at_ms: int = 0
    status: int = 0


class Arrivals:
    """All events of one run."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def started(self, message_id: str, retried: int, at_ms: int) -> None:
        """Note a delivery that starts."""
        self.events.append(Event(message_id=message_id, starts=True, retried=retried, at_ms=at_ms))

    def ended(self, message_id: str, status: int) -> None:
        """Note a delivery that is over."""
        self.events.append(Event(message_id=message_id, starts=False, status=status))

    def cut(self) -> set[str]:
        """End every delivery that is open: its process is dead. Returns the messages."""
        open_ones = Counter[str]()
        for event in self.events:
            open_ones[event.message_id] += 1 if event.starts else -1
        cut = {message_id for message_id, count in open_ones.items() if count}
        for message_id in cut:
            self.ended(message_id, 0)
        return cut

    def attempts(self) -> Counter[tuple[str, int]]:
        """Count the deliveries by message and retry."""
        return Counter((event.message_id, event.retried) for event in self.events if event.starts)

    def answered_well(self) -> set[str]:
        """Return the messages that were answered with 2xx at least once."""
        return {event.message_id for event in self.events if 200 <= event.status < 300}

    def spans(self) -> dict[str, tuple[int, int]]:
        """Return where each message has its first event and where its last."""
        spans: dict[str, tuple[int, int]] = {}
        for at, event in enumerate(self.events):
            first, _ = spans.get(event.message_id, (at, at))
            spans[event.message_id] = (first, at)
        return spans
