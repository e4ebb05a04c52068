"""Hold a chaos run to promise 4: a tick of a schedule happens once. Returns what it found wrong."""

from collections import Counter, defaultdict

from tests.chaos.ledger import Ledger
from tests.chaos.orders import TICK_MS, Kind

# A tick may come this late while schedulers and Redis are down.
LATE_MS = 15_000


def find_wrong_ticks(ledger: Ledger) -> list[str]:
    """Each accepted schedule is there; it made one message a tick, and left none out."""
    made: defaultdict[str, list[int]] = defaultdict(list)
    for entries in ledger.log.values():
        if entries[0].schedule_id:
            made[entries[0].schedule_id].append(entries[0].at_ms)
    wrong = [
        f"{ledger.orders[number].line} is gone"
        for number, accepted in ledger.accepted.items()
        if ledger.orders[number].kind is Kind.TICKING
        and ledger.orders[number].line not in ledger.next_tick_ms
        and not ledger.forgotten(accepted.at_ms, accepted.at_ms)
    ]
    for name, next_ms in ledger.next_tick_ms.items():
        accepted_ms = ledger.accepted[int(name.removeprefix("s"))].at_ms
        ticks = Counter((ms - next_ms) // TICK_MS for ms in made[name])
        first = (accepted_ms - next_ms) // TICK_MS + 1
        last = (ledger.end_ms - LATE_MS - next_ms) // TICK_MS
        wrong += [
            f"{name}: tick {tick} made {ticks[tick]} messages: {made[name]} next {next_ms}"
            for tick in range(first, last + 1)
            if ticks[tick] != 1
        ]
    return wrong
