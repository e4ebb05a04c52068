"""The figures of a chaos run, as text for people."""

from collections import Counter
from statistics import median

from tests.chaos.ledger import Ledger
from tests.chaos.promises import find_forgotten, made_of


def write_report(ledger: Ledger, title: str) -> str:
    """Return the figures of one run, a line each."""
    doubtful = {doubt.number for doubt in ledger.doubts}
    exchanges = Counter(arrival.exchange for arrival in ledger.arrivals)
    kinds = Counter(fault.kind for fault in ledger.faults)
    unanswered = [number for number in doubtful if number not in ledger.accepted]
    stored = [number for number in unanswered if number in made_of(ledger)]
    again = sum(1 for one in ledger.accepted.values() if one.deduplicated)
    refused = sum(doubt.refused for doubt in ledger.doubts)
    longest_ms = max((doubt.took_ms for doubt in ledger.doubts), default=0)
    repeated = sum(many - 1 for many in exchanges.values())
    lines = [
        title,
        f"sent {len(ledger.orders)}, accepted {len(ledger.accepted)}, messages made {len(ledger.log)}",
        f"accepted and forgotten by a killed Redis: {len(find_forgotten(ledger))}",
        f"requests {len(ledger.arrivals)}, of them repeated {repeated}",
        f"calls in doubt {len(ledger.doubts)}, {refused} answered 503, after {longest_ms} ms at the most",
        f"messages in doubt {len(doubtful)}, {again + len(stored)} stored, {again} of them found by id",
        "faults: " + ", ".join(f"{kind} {many}" for kind, many in sorted(kinds.items())),
        f"until a publish is accepted after Redis is back: {_spread(_until_accepted(ledger))}",
        f"until a request arrives after Redis is back: {_spread(_until_arrival(ledger))}",
        f"until the deliveries of a killed worker are claimed again: {_spread(_until_claimed(ledger))}",
    ]
    return "\n".join(lines) + "\n"


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
