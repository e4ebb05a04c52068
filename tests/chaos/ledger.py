"""What a chaos run knows in the end: what was asked, answered, logged and received, by message."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import urlsplit

from tests.chaos.endpoint import Arrival
from tests.chaos.fire import Fault
from tests.chaos.orders import Order
from tests.chaos.publishing import Accepted, Doubt
from tests.life.caller import Caller, Json

# A request may be this late at the endpoint, on a busy machine, without a process being frozen.
WAY_MS = 300
TERMINAL = frozenset({"DELIVERED", "FAILED", "CANCELED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One log record; `place` is its rank in the log, which is the order in which things happened."""

    place: int
    at_ms: int
    state: str
    message_id: str
    path: str
    schedule_id: str | None
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """An attempt that was claimed again before its outcome was written."""

    message_id: str
    first_ms: int
    again_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Everything about one run."""

    orders: dict[int, Order]
    accepted: dict[int, Accepted]
    doubts: tuple[Doubt, ...]
    arrivals: tuple[Arrival, ...]
    log: dict[str, list[Entry]]
    faults: tuple[Fault, ...]
    next_tick_ms: dict[str, int]  # of each schedule, when the fire was out
    end_ms: int  # when the fire was out
    lease_ms: int

    def repetitions(self) -> list[Repetition]:
        """Return every claim that followed another one, its lease over, without an outcome between them.

        What a worker gave back unsent is claimed sooner.
        """
        return [
            Repetition(message_id=message_id, first_ms=one.at_ms, again_ms=other.at_ms)
            for message_id, entries in self.log.items()
            for one, other in pairwise(entries)
            if one.state == other.state == "ACTIVE" and self._lease_is_over(one.at_ms, other.at_ms)
        ]

    def _lease_is_over(self, first_ms: int, again_ms: int) -> bool:
        # A claim tells when it left: it may have waited for one who stood still, until just before when a
        # later entry was in the log first. And the claims of a worker share a lease: half is left for the
        # last of them.
        waited = self.harmed(first_ms - WAY_MS, again_ms, "freeze redis", "freeze worker")
        return waited or again_ms - first_ms >= self.lease_ms // 2

    def forgotten(self, start_ms: int, end_ms: int) -> bool:
        """Whether a killed Redis may have lost what it was told in a time: what it had not written then."""
        return any(
            start_ms <= fault.end_ms and end_ms >= fault.withheld.written_ms
            for fault in self.faults
            if fault.withheld
        )

    def harmed(self, start_ms: int, end_ms: int, *kinds: str) -> bool:
        """Whether a fault (of these kinds) lasted into the time between two moments."""
        return any(
            fault.start_ms <= end_ms and fault.end_ms >= start_ms
            for fault in self.faults
            if not kinds or fault.kind in kinds
        )


def by_message(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """Sort log records by their message."""
    log: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        log[entry.message_id].append(entry)
    return dict(log)


def read_log(api: Caller) -> list[Entry]:
    """Return the whole log, the oldest record first."""
    entries: list[Entry] = []
    cursor: str | None = None
    while True:
        page = api.get("/v2/events", order="earliestFirst", **({"cursor": cursor} if cursor else {}))
        entries += [_entry(len(entries) + index, one) for index, one in enumerate(page["events"])]
        cursor = page.get("cursor")
        if not cursor:
            return entries


def _entry(place: int, record: Json) -> Entry:
    return Entry(
        place=place,
        at_ms=record["time"],
        state=record["state"],
        message_id=record["messageId"],
        path=urlsplit(record["url"]).path,
        schedule_id=record.get("scheduleId"),
        error=record.get("error", ""),
    )


def first_by_number(accepted: Sequence[Accepted]) -> dict[int, Accepted]:
    """Return the first acceptance of each order."""
    found: dict[int, Accepted] = {}
    for one in accepted:
        found.setdefault(one.number, one)
    return found
