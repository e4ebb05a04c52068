"""The figures of a chaos run: as text for people, and as a row of the table in docs/reliability.md."""

from collections import Counter
from dataclasses import dataclass
from statistics import median

from tests.chaos.ledger import Ledger
from tests.chaos.promises import find_forgotten, find_lost, made_of
from tests.chaos.quarantine import find_quarantined

_COLUMNS = (
    *("Seed", "fsync", "sent", "accepted", "faults", "lost", "duplicated", "quarantined"),
    *("in doubt (messages / calls)", "of them stored"),
    *("Redis back to publish, p50 / max", "Redis back to delivery, p50 / max"),
    "death to next claim, p50 / max",
)
HEADER = f"| {' | '.join(_COLUMNS)} |\n|{'---|' * len(_COLUMNS)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """Which run it was."""

    seed: int
    fsync: str
    fire_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figures:
    """What is counted once and shown twice."""

    lost: int
    forgotten: int
    quarantined: int
    doubtful: int
    found_by_id: int
    stored: int
    repeated: int


def write_report(ledger: Ledger, title: Title) -> str:
    """Return the figures of one run, a line each, and its row."""
    figures = _count(ledger)
    kinds = Counter(fault.kind for fault in ledger.faults)
    refused = sum(doubt.refused for doubt in ledger.doubts)
    longest_ms = max((doubt.took_ms for doubt in ledger.doubts), default=0)
    accepted, arrived, claimed = _until_accepted(ledger), _until_arrival(ledger), _until_claimed(ledger)
    lines = [
        f"appendfsync {title.fsync}, seed {title.seed}, {title.fire_s:.0f} s of fire",
        f"sent {len(ledger.orders)}, accepted {len(ledger.accepted)}, messages made {len(ledger.log)}",
        f"accepted and forgotten by a killed Redis: {figures.forgotten}",
        *_withheld(ledger),
        f"requests {len(ledger.arrivals)}, of them repeated {figures.repeated}",
        f"calls in doubt {len(ledger.doubts)}, {refused} answered 503, after {longest_ms} ms at the most",
        f"messages in doubt {figures.doubtful}, {figures.stored} stored, {figures.found_by_id} found by id",
        f"put away for the deaths of their workers: {figures.quarantined}",
        "faults: " + ", ".join(f"{kind} {many}" for kind, many in sorted(kinds.items())),
        f"until a publish is accepted after Redis is back: {_spread(accepted)}",
        f"until a request arrives after Redis is back: {_spread(arrived)}",
        f"until the deliveries of a killed worker are claimed again: {_spread(claimed)}",
        HEADER,
        _row(ledger, title, figures, accepted, arrived, claimed),
    ]
    return "\n".join(lines) + "\n"


def _count(ledger: Ledger) -> _Figures:
    doubtful = {doubt.number for doubt in ledger.doubts}
    made = made_of(ledger)
    exchanges = Counter(arrival.exchange for arrival in ledger.arrivals)
    found_by_id = sum(1 for one in ledger.accepted.values() if one.deduplicated)
    return _Figures(
        lost=len(find_lost(ledger)),
        forgotten=len(find_forgotten(ledger)),
        quarantined=len(find_quarantined(ledger)),
        doubtful=len(doubtful),
        found_by_id=found_by_id,
        stored=found_by_id + sum(number in made for number in doubtful - ledger.accepted.keys()),
        repeated=sum(many - 1 for many in exchanges.values()),
    )


def _row(ledger: Ledger, title: Title, figures: _Figures, *waits_ms: list[int]) -> str:
    accepted, arrived, claimed = waits_ms
    cells = (
        *(title.seed, title.fsync, f"{len(ledger.orders):,}", f"{len(ledger.accepted):,}"),
        *(len(ledger.faults), figures.lost + figures.forgotten, figures.repeated, figures.quarantined),
        *(f"{figures.doubtful:,} / {len(ledger.doubts):,}", figures.stored),
        *(_cell(accepted, 1, "ms"), _cell(arrived, 1, "ms"), _cell(claimed, 1_000, "s")),
    )
    return f"| {' | '.join(map(str, cells))} |"


def _cell(times_ms: list[int], unit_ms: int, unit: str) -> str:
    if not times_ms:
        return "-"
    digits = 1 if unit_ms > 1 else 0
    return f"{median(times_ms) / unit_ms:.{digits}f} / {max(times_ms) / unit_ms:.{digits}f} {unit}"


def _withheld(ledger: Ledger) -> list[str]:
    """Return what each killed Redis had not written, where it had not written something."""
    kills = [(fault.start_ms, fault.withheld) for fault in ledger.faults if fault.withheld]
    lines = [f"kills of Redis with a look at its log just before: {len(kills)}"] if kills else []
    for start_ms, withheld in kills:
        if withheld.last is None:
            lines.append("a kill before which it gave no answer")
        elif withheld.last.held_bytes:
            since_ms = start_ms - withheld.written_ms
            cause = "a sync was under way" if withheld.last.syncing else "no sync was under way"
            lines.append(f"a kill took {withheld.last.held_bytes:,} bytes of {since_ms} ms: {cause}")
    return lines


def _spread(times_ms: list[int]) -> str:
    if not times_ms:
        return "never needed"
    return f"p50 {round(median(times_ms))} ms, max {max(times_ms)} ms of {len(times_ms)}"


def _until_accepted(ledger: Ledger) -> list[int]:
    return _until(ledger, sorted(one.at_ms for one in ledger.accepted.values()))


def _until_arrival(ledger: Ledger) -> list[int]:
    return _until(ledger, [arrival.came_ms for arrival in ledger.arrivals])


def _until(ledger: Ledger, times_ms: list[int]) -> list[int]:
    """Return how long after each fault of Redis the next of these times was, if no fault came before it."""
    faults = [fault for fault in ledger.faults if fault.kind.endswith("redis")]
    waits: list[int] = []
    for fault in faults:
        next_ms = next((ms for ms in times_ms if ms >= fault.end_ms), None)
        if next_ms is not None and not any(fault.end_ms <= other.start_ms <= next_ms for other in faults):
            waits.append(next_ms - fault.end_ms)
    return waits


def _until_claimed(ledger: Ledger) -> list[int]:
    """Return how long repeated attempts waited since the last death of a worker before them."""
    deaths = [fault.start_ms for fault in ledger.faults if fault.kind == "kill worker"]
    waits: list[int] = []
    for one in ledger.repetitions():
        between = [ms for ms in deaths if one.first_ms <= ms <= one.again_ms]
        if between:
            waits.append(one.again_ms - between[0])
    return waits
