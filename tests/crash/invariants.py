"""What must hold once everything is quiet again: the promises, seen from the receiver and from the store."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from qstash_rq.core import Core
from qstash_rq.store import keys
from tests.crash.arrivals import Arrivals
from tests.store.audit import is_queue

MINUTE_MS = 60_000
TERMINAL = {"delivered", "failed", "canceled"}
# Of these nothing may be left when no message lives.
_OF_THE_LIVING = (
    *(keys.QUEUE, keys.SLOTS, keys.MEMBERS, keys.LIVE, keys.CLOSING, keys.WAITERS),
    *(keys.DUE, keys.LEASES, keys.RING, keys.RINGED, keys.CLOSINGS, keys.WAKES),
)

Record = dict[str, str]


def read_records(core: Core) -> dict[str, Record]:
    """Return every message's record but its body, by id."""
    names: list[bytes] = core.store.command("KEYS", keys.JOB("*"))
    found: dict[str, Record] = {}
    for name in sorted(names):
        fields: dict[bytes, bytes] = core.store.command("HGETALL", name)
        message_id = name.decode().removeprefix(keys.JOB.name)
        found[message_id] = {
            word.decode(): value.decode(errors="replace")
            for word, value in fields.items()
            if not word.endswith(b"body")
        }
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """All that is known of one run: who lived before, who was in flight, what arrived, what is stored."""

    core: Core
    arrivals: Arrivals
    living: frozenset[str]  # messages that were not terminal when it began, and those that came since
    begun: frozenset[str]  # those of them that had been claimed before
    in_flight: frozenset[str]
    cancels: bool
    condemned: str | None  # the message that has killed its workers: it fails without another attempt
    ticking: tuple[str, ...]  # schedules that tick in the course of it
    began_ms: int

    def check(self) -> None:
        """Fail unless every promise was kept."""
        records = read_records(self.core)
        self._check_ends(records)
        self._check_repetitions()
        for lane, ids in _by(records, "origin").items():
            if is_queue(lane):
                self._check_queue(lane, ids, records)
        for gate, ids in _by(records, "flow").items():
            self._check_key(gate, frozenset(ids))
        self._check_total()
        self._check_ticks(records)
        for key in _OF_THE_LIVING:
            assert self.core.store.command("KEYS", key("*" if key.of else "")) == [], key.name

    def _check_ends(self, records: Mapping[str, Record]) -> None:
        answered = self.arrivals.answered_well()
        tried = {event.message_id for event in self.arrivals.events}
        for message_id in self.living:
            assert message_id in records, f"{message_id} is lost"
            state = records[message_id]["state"]
            assert state in TERMINAL, f"{message_id} is {state} for ever"
            assert (state == "delivered") <= (message_id in answered), f"{message_id} was never answered"
            if message_id == self.condemned:
                assert state == "failed", f"{message_id} kills its workers and is {state}"
            else:
                assert (state == "failed") <= (message_id in tried - answered), f"{message_id} failed untried"
            assert (state == "canceled") <= self.cancels, f"{message_id} was cancelled by nobody"

    def _check_repetitions(self) -> None:
        for (message_id, retried), count in self.arrivals.attempts().items():
            assert count <= 1 + (message_id in self.in_flight), f"{message_id} {retried}: {count} times"

    def _check_queue(self, lane: str, ids: Iterable[str], records: Mapping[str, Record]) -> None:
        gate = self.core.store.command("HGET", keys.LANE(lane), "parallelism")
        if gate is None:
            return  # deleted meanwhile
        spans = _with_callbacks(self.arrivals.spans(), records)
        spans |= {one: (-1, spans[one][1]) for one in self.begun & spans.keys()}
        arrived = sorted((one for one in ids if one in spans), key=lambda one: _place(records[one]))
        firsts = [spans[one][0] for one in arrived]
        assert firsts == sorted(firsts), f"{lane}: out of order"
        for at in firsts:
            held = sum(spans[one][0] <= at <= spans[one][1] for one in arrived)
            assert held <= int(gate), f"{lane}: {held} at a time"

    def _check_key(self, gate: str, ids: frozenset[str]) -> None:
        words = self.core.store.command("HMGET", keys.FLOW(gate), "parallelism", "rate", "period_ms")
        parallelism, rate, period_ms = (int(word or 0) for word in words)
        events = [event for event in self.arrivals.events if event.message_id in ids]
        open_now = 0
        for event in events:
            open_now += 1 if event.starts else -1
            assert not parallelism or open_now <= parallelism, f"{gate}: {open_now} at a time"
        starts = [event.at_ms for event in events if event.starts]
        for at in range(len(starts) - rate if rate else 0):
            assert starts[at + rate] - starts[at] >= period_ms, f"{gate}: more than {rate} in {period_ms} ms"

    def _check_total(self) -> None:
        open_now, most = 0, self.core.settings.max_global_parallelism
        for event in self.arrivals.events:
            open_now += 1 if event.starts else -1
            assert open_now <= most, f"{open_now} in flight at a time"

    def _check_ticks(self, records: Mapping[str, Record]) -> None:
        made: defaultdict[str, Counter[tuple[str, int]]] = defaultdict(Counter)
        for one in records.values():
            if "schedule" in one:
                url = one["spec"].partition('"url":')[2].partition(",")[0]
                made[one["schedule"]][url, _created_ms(one) // MINUTE_MS] += 1
        for name in self.ticking:
            ticks = made[name]
            assert set(ticks.values()) == {1}, f"{name}: a tick twice"
            for url in {url for url, _ in ticks}:
                minutes = sorted(minute for of, minute in ticks if of == url)
                first = self.began_ms // MINUTE_MS
                assert minutes == list(range(first, first + len(minutes))), f"{name}: a tick left out"


def _by(records: Mapping[str, Record], field: str) -> dict[str, list[str]]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for message_id, one in records.items():
        if field in one:
            groups[one[field]].append(message_id)
    return groups


def _created_ms(one: Record) -> int:
    return int(one["trail"].partition("-")[0])


def _place(one: Record) -> tuple[int, ...]:
    """Return what orders the messages of a queue: when each became ready, and which was logged first."""
    not_before = one["spec"].partition('"not_before_ms":')[2].strip()
    digits = not_before[: next((i for i, char in enumerate(not_before) if not char.isdigit()), None)]
    first_entry = one["trail"].split()[0]
    return max(int(digits or 0), _created_ms(one)), *map(int, first_entry.split("-"))


def _with_callbacks(
    spans: dict[str, tuple[int, int]], records: Mapping[str, Record]
) -> dict[str, tuple[int, int]]:
    """Let a message end when the last of its callbacks does."""
    whole = dict(spans)
    for message_id, one in records.items():
        source: Any = one.get("source")
        if source in whole and message_id in spans:
            first, last = whole[source]
            whole[source] = first, max(last, spans[message_id][1])
    return whole
