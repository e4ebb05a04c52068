"""Hold a chaos run to promise 1, none lost and none doubled: each check returns what it found wrong."""

from collections import Counter, defaultdict

from tests.chaos.ledger import TERMINAL, WAY_MS, Ledger
from tests.chaos.orders import Kind
from tests.chaos.quarantine import is_quarantined

# What an outcome may need to be written once it is there, on a busy machine.
SETTLE_MS = 1_500


def find_lost(ledger: Ledger) -> list[str]:
    """Every accepted message has come to the one end that was planned for it."""
    wrong: list[str] = []
    good = {
        arrival.message_id
        for arrival in ledger.arrivals
        if arrival.retried >= _failures(ledger, arrival.number)
    }
    for number, accepted in ledger.accepted.items():
        order = ledger.orders[number]
        if order.kind is Kind.TICKING or (
            accepted.message_id not in ledger.log and ledger.forgotten(accepted.at_ms, accepted.at_ms)
        ):
            continue
        entries = ledger.log.get(accepted.message_id, [])
        states = [entry.state for entry in entries]
        ends = [state for state in states if state in TERMINAL]
        if ends == ["FAILED"] and is_quarantined(entries):
            continue  # whether it should have been: see find_wrongly_quarantined
        planned = "FAILED" if order.kind is Kind.DEAD else "DELIVERED"
        if ends != [planned]:
            wrong.append(f"{order.path} {accepted.message_id} ended {ends}: {states}")
        elif planned == "DELIVERED" and accepted.message_id not in good:
            wrong.append(f"{order.path} {accepted.message_id} is DELIVERED and never arrived")
    return wrong


def find_strays(ledger: Ledger) -> list[str]:
    """What was not accepted in so many words has come to its end too, and no order became two messages."""
    wrong: list[str] = []
    tries = Counter(doubt.number for doubt in ledger.doubts) + Counter({*ledger.accepted})
    ids = made_of(ledger)
    for number, found in ids.items():
        order = ledger.orders[number]
        if order.kind is Kind.TICKING:
            continue
        most = 1 if order.safe_to_repeat else tries[number]
        if len(found) > most:
            wrong.append(f"{order.path} became {len(found)} messages of {tries[number]} tries")
    for message_id, entries in ledger.log.items():
        if sum(entry.state in TERMINAL for entry in entries) != 1:
            wrong.append(f"{entries[0].path} {message_id}: {[entry.state for entry in entries]}")
    return wrong


def find_untold(ledger: Ledger) -> list[str]:
    """Each settled attempt was told to its callback once, each dead letter to its failure callback."""
    told: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
    for arrival in ledger.arrivals:
        told[arrival.kind, arrival.number].add(arrival.message_id)
    wrong: list[str] = []
    for number in ledger.accepted:
        order = ledger.orders[number]
        for kind, word, planned in ((Kind.TOLD, "answer", order.attempts), (Kind.DEAD, "failure", 1)):
            if order.kind is not kind or _was_quarantined(ledger, number):
                continue
            if len(told[word, number]) != planned and not _was_forgotten(ledger, number):
                wrong.append(f"{order.path}: {len(told[word, number])} callbacks for {planned}")
    return wrong


def find_unexplained(ledger: Ledger) -> list[str]:
    """What arrived twice was claimed again after its lease, and was in flight when a process was harmed."""
    claimed_again = Counter(repetition.message_id for repetition in ledger.repetitions())
    wrong: list[str] = []
    came: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for arrival in ledger.arrivals:
        came[arrival.exchange].append(arrival.came_ms)
    for (message_id, retried), times in came.items():
        if any(ledger.forgotten(ms - WAY_MS, ms + SETTLE_MS) for ms in times[:-1]):
            continue
        if len(times) > 1 and claimed_again[message_id] < len(times) - 1:
            wrong.append(f"{message_id} retried={retried} came {len(times)} times and was not claimed again")
        elif any(not ledger.harmed(ms - WAY_MS, ms + SETTLE_MS) for ms in times[:-1]):
            wrong.append(f"{message_id} retried={retried} came twice at {times} with nothing killed")
    return wrong


def made_of(ledger: Ledger) -> dict[int, set[str]]:
    """Return the ids of the messages that each order has become."""
    ids: defaultdict[int, set[str]] = defaultdict(set)
    for message_id, entries in ledger.log.items():
        _, kind, _, number, _ = entries[0].path.split("/")
        if kind in set(Kind):
            ids[int(number)].add(message_id)
    return dict(ids)


def find_forgotten(ledger: Ledger) -> list[int]:
    """Return the accepted messages that are gone with the last writes of a killed Redis, without `always`."""
    return [
        number
        for number, accepted in ledger.accepted.items()
        if ledger.orders[number].kind is not Kind.TICKING
        and accepted.message_id not in ledger.log
        and ledger.forgotten(accepted.at_ms, accepted.at_ms)
    ]


def _was_forgotten(ledger: Ledger, number: int) -> bool:
    """Whether something of a message's life, from its acceptance to its last callback, may have been lost."""
    times = [arrival.came_ms for arrival in ledger.arrivals if arrival.number == number]
    return any(
        ledger.forgotten(ms - WAY_MS, ms + SETTLE_MS) for ms in (ledger.accepted[number].at_ms, *times)
    )


def _was_quarantined(ledger: Ledger, number: int) -> bool:
    return is_quarantined(ledger.log.get(ledger.accepted[number].message_id, []))


def _failures(ledger: Ledger, number: int) -> int:
    order = ledger.orders.get(number)
    return order.failures if order else 0
