"""Hold a chaos run to promises 1 to 4: each check returns what it found wrong, as sentences."""

from collections import Counter, defaultdict
from itertools import pairwise

from tests.chaos.ledger import TERMINAL, Entry, Ledger
from tests.chaos.orders import KEYS, PARALLELISM, RATE, TICK_MS, Kind

# What an outcome may need to be written once it is there, on a busy machine.
SETTLE_MS = 1_500
PERIOD_MS = 1_000
# A request may be this late at the endpoint, on a busy machine, without a process being frozen.
WAY_MS = 300
# A claim that was forgotten at a kill is made again within this time after Redis is back.
AGAIN_MS = 5_000
# A tick may come this late while schedulers and Redis are down.
LATE_MS = 15_000


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
            accepted.message_id not in ledger.log and ledger.forgotten(accepted.at_ms)
        ):
            continue
        states = [entry.state for entry in ledger.log.get(accepted.message_id, [])]
        ends = [state for state in states if state in TERMINAL]
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
            if (
                order.kind is kind
                and len(told[word, number]) != planned
                and not _was_forgotten(ledger, number)
            ):
                wrong.append(f"{order.path}: {len(told[word, number])} callbacks for {planned}")
    return wrong


def find_unexplained(ledger: Ledger) -> list[str]:
    """What arrived twice was claimed twice, and was in flight when a process was harmed."""
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


def find_overtaken(ledger: Ledger) -> list[str]:
    """In a queue the messages start in the order of their acceptance, each when the last has ended."""
    wrong: list[str] = []
    for queue, numbers in _queues(ledger).items():
        ended = -1
        for number in numbers:
            entries = ledger.log.get(ledger.accepted[number].message_id, [])
            started = next((entry.place for entry in entries if entry.state == "ACTIVE"), None)
            if started is not None and started < ended:
                wrong.append(f"{queue}: message {number} started before its predecessor had ended")
            ended = next((entry.place for entry in entries if entry.state in TERMINAL), ended)
        first: dict[int, None] = dict.fromkeys(
            arrival.number
            for arrival in ledger.arrivals
            if arrival.kind == Kind.QUEUED and arrival.line == queue
        )
        if [*first] != sorted(first):
            wrong.append(f"{queue}: arrived out of order: {[(a, b) for a, b in pairwise(first) if a > b]}")
    return wrong


def find_crowds(ledger: Ledger) -> list[str]:
    """At the endpoint a queue has one request open, a key no more than its parallelism."""
    wrong: list[str] = []
    for arrival in ledger.arrivals:
        limit = (
            1
            if arrival.kind == Kind.QUEUED
            else PARALLELISM
            if _is_parallel(arrival.kind, arrival.line)
            else None
        )
        # What was claimed and forgotten is claimed again while the first request is still open.
        forgotten = ledger.forgotten(arrival.came_ms - AGAIN_MS, arrival.came_ms)
        if limit is not None and arrival.open_in_line > limit and not forgotten:
            wrong.append(f"{arrival.kind}/{arrival.line}: {arrival.open_in_line} open at {arrival.came_ms}")
    return wrong


def find_rushes(ledger: Ledger) -> list[str]:
    """No window of a key has more deliveries than its rate, as they were sent and as they came."""
    wrong: list[str] = []
    for key in KEYS:
        if key.startswith("p"):
            continue
        sent_ms = sorted(
            entry.at_ms
            for entries in ledger.log.values()
            for entry in entries
            if entry.state == "ACTIVE" and entry.path.startswith(f"/{Kind.LIMITED}/{key}/")
        )
        wrong += [
            f"{key}: {many} sent in the period from {ms}"
            for ms, many in _windows(sent_ms, PERIOD_MS)
            if many > RATE
        ]
        came_ms = [
            arrival.came_ms
            for arrival in ledger.arrivals
            if arrival.kind == Kind.LIMITED
            and arrival.line == key
            and not _is_late(ledger, arrival.message_id, arrival.came_ms)
        ]
        wrong += [
            f"{key}: {many} came in the period from {ms}"
            for ms, many in _windows(came_ms, PERIOD_MS - WAY_MS)
            if many > RATE
        ]
    return wrong


def find_wrong_ticks(ledger: Ledger) -> list[str]:
    """Each schedule made one message a tick, and left none out."""
    made: defaultdict[str, list[int]] = defaultdict(list)
    for entries in ledger.log.values():
        if entries[0].schedule_id:
            made[entries[0].schedule_id].append(entries[0].at_ms)
    wrong: list[str] = []
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
        and ledger.forgotten(accepted.at_ms)
    ]


def _was_forgotten(ledger: Ledger, number: int) -> bool:
    """Whether something of a message's life, from its acceptance to its last callback, may have been lost."""
    times = [arrival.came_ms for arrival in ledger.arrivals if arrival.number == number]
    return any(
        ledger.forgotten(ms - WAY_MS, ms + SETTLE_MS) for ms in (ledger.accepted[number].at_ms, *times)
    )


def _failures(ledger: Ledger, number: int) -> int:
    order = ledger.orders.get(number)
    return order.failures if order else 0


def _queues(ledger: Ledger) -> dict[str, list[int]]:
    queues: defaultdict[str, list[int]] = defaultdict(list)
    for number in sorted(ledger.accepted):
        order = ledger.orders[number]
        if order.kind is Kind.QUEUED:
            queues[order.line].append(number)
    return dict(queues)


def _is_parallel(kind: str, line: str) -> bool:
    return kind == Kind.LIMITED and "parallelism" in KEYS[line]


def _windows(times_ms: list[int], period_ms: int) -> list[tuple[int, int]]:
    """Return each window's begin and count; one begins with the first time after the last has ended."""
    windows: list[tuple[int, int]] = []
    for ms in times_ms:
        if windows and ms < windows[-1][0] + period_ms:
            windows[-1] = (windows[-1][0], windows[-1][1] + 1)
        else:
            windows.append((ms, 1))
    return windows


def _is_late(ledger: Ledger, message_id: str, came_ms: int) -> bool:
    """Whether a request came late because the worker that sent it was frozen on the way."""
    claimed = [entry.at_ms for entry in _claims(ledger, message_id) if entry.at_ms <= came_ms]
    return bool(claimed) and ledger.harmed(claimed[-1], came_ms, "freeze worker")


def _claims(ledger: Ledger, message_id: str) -> list[Entry]:
    return [entry for entry in ledger.log.get(message_id, []) if entry.state == "ACTIVE"]
