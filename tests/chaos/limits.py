"""Hold a chaos run to promises 2 and 3, order and limits: each check returns what it found wrong."""

from collections import defaultdict
from itertools import pairwise

from tests.chaos.ledger import TERMINAL, WAY_MS, Entry, Ledger
from tests.chaos.orders import KEYS, PARALLELISM, RATE, Kind

PERIOD_MS = 1_000
# A claim that was forgotten at a kill is made again within this time after Redis is back.
AGAIN_MS = 5_000


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
        limit = _most_open(arrival.kind, arrival.line)
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


def _queues(ledger: Ledger) -> dict[str, list[int]]:
    queues: defaultdict[str, list[int]] = defaultdict(list)
    for number in sorted(ledger.accepted):
        order = ledger.orders[number]
        if order.kind is Kind.QUEUED:
            queues[order.line].append(number)
    return dict(queues)


def _most_open(kind: str, line: str) -> int | None:
    if kind == Kind.LIMITED:
        return PARALLELISM if "parallelism" in KEYS[line] else None
    return 1 if kind == Kind.QUEUED else None


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
