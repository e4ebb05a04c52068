"""The checks of a chaos run can fail: each is shown a small run in which its promise is broken."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from tests.chaos import limits, promises, quarantine, ticking
from tests.chaos.endpoint import Arrival
from tests.chaos.fire import Fault
from tests.chaos.journal import Look, Withheld, written_until
from tests.chaos.ledger import WAY_MS, Entry, Ledger
from tests.chaos.orders import PARALLELISM, RATE, TICK_MS, Kind, Order
from tests.chaos.publishing import Accepted

Check = Callable[[Ledger], list[str]]
START_MS = 1_000_000
LEASE_MS = 3_000
CHECKS: tuple[Check, ...] = (
    *(promises.find_lost, promises.find_strays, promises.find_untold, promises.find_unexplained),
    *(quarantine.find_wrongly_quarantined, limits.find_overtaken, limits.find_crowds, limits.find_rushes),
    ticking.find_wrong_ticks,
)
GOOD = ("CREATED", "ACTIVE", "DELIVERED")
KILLED = Fault(kind="kill worker", start_ms=START_MS + 100, end_ms=START_MS + 100)


class Run:
    """A run that is written down by hand; messages are named by their numbers."""

    def __init__(self) -> None:
        self._orders: dict[int, Order] = {}
        self._accepted: dict[int, Accepted] = {}
        self._arrivals: list[Arrival] = []
        self._log: dict[str, list[Entry]] = {}
        self._places = count()

    def order(self, number: int, kind: Kind = Kind.PLAIN, **more: Any) -> None:
        """Have an order accepted."""
        self._orders[number] = Order(number=number, kind=kind, **more)
        self._accepted[number] = Accepted(
            number=number, message_id=str(number), at_ms=START_MS, deduplicated=False
        )

    def log(self, number: int, states: Sequence[str], *, step_ms: int = 10, **more: Any) -> None:
        """Log these states of a message."""
        message_id = more.pop("message_id", str(number))
        entries = self._log.setdefault(message_id, []) if states else []
        fields = {"path": self._orders[number].path, "schedule_id": None, "error": ""} | more
        for state in states:
            at_ms = START_MS + len(entries) * step_ms
            entry = Entry(place=next(self._places), at_ms=at_ms, state=state, message_id=message_id, **fields)
            entries.append(entry)

    def arrive(self, number: int, at_ms: int = START_MS, **more: Any) -> None:
        """Have a request of a message arrive."""
        order = self._orders[number]
        words: dict[str, Any] = {"kind": order.kind, "line": order.line, "message_id": str(number)}
        fields = words | {"retried": 0, "open_in_line": 1} | more
        self._arrivals.append(Arrival(number=number, came_ms=at_ms, **fields))

    def well(self, number: int, kind: Kind = Kind.PLAIN, **more: Any) -> None:
        """Have a message accepted and delivered at once."""
        self.order(number, kind, **more)
        self.log(number, GOOD)
        self.arrive(number)

    def ledger(self, *faults: Fault, **changes: Any) -> Ledger:
        """Return what is known."""
        known = Ledger(
            orders=self._orders,
            accepted=self._accepted,
            doubts=(),
            arrivals=tuple(self._arrivals),
            log=self._log,
            faults=faults,
            next_tick_ms={},
            end_ms=START_MS,
            lease_ms=LEASE_MS,
        )
        return replace(known, **changes)


@pytest.fixture
def run() -> Run:
    """Give a run of which nothing is written yet."""
    return Run()


def _found_by(ledger: Ledger) -> set[Check]:
    return {check for check in CHECKS if check(ledger)}


def test_nothing_is_wrong_where_all_is_well(run: Run) -> None:
    """No check finds fault with messages that arrived once, in order, within limits."""
    run.well(0)
    run.well(1, Kind.QUEUED, line="q0")
    run.well(2, Kind.QUEUED, line="q0")
    run.well(3, Kind.LIMITED, line="p0")
    assert _found_by(run.ledger()) == set()


@pytest.mark.parametrize(
    "states", [(), ("CREATED", "ACTIVE"), (*GOOD, "DELIVERED"), ("CREATED", "ACTIVE", "ERROR", "FAILED")]
)
def test_what_did_not_end_as_planned_is_lost(run: Run, states: Sequence[str]) -> None:
    """A message that is gone, goes on for ever, ended twice or failed unplanned is found."""
    run.order(0)
    run.log(0, states)
    run.arrive(0)
    assert promises.find_lost in _found_by(run.ledger())


def test_what_never_arrived_is_lost(run: Run) -> None:
    """A message that is delivered by its log alone is found."""
    run.order(0)
    run.log(0, GOOD)
    assert _found_by(run.ledger()) == {promises.find_lost}


@pytest.mark.parametrize(
    ("written_ms", "back_ms", "is_lost"), [(1, 90, True), (0, 90, False), (-50, 90, False), (-90, -1, True)]
)
def test_only_what_redis_held_back_may_be_gone(
    run: Run, written_ms: int, back_ms: int, *, is_lost: bool
) -> None:
    """What was accepted before Redis had last written all, or after it was back, must be there."""
    run.order(0)
    withheld = Withheld(written_ms=START_MS + written_ms, last=None)
    back_ms += START_MS
    killed = Fault(kind="kill redis", start_ms=back_ms - 10, end_ms=back_ms, withheld=withheld)
    assert _found_by(run.ledger(killed)) == ({promises.find_lost} if is_lost else set())
    assert _found_by(run.ledger(replace(killed, withheld=None))) == {promises.find_lost}


def test_an_order_that_became_two_messages_is_a_stray(run: Run) -> None:
    """A deduplication id that did not hold is found."""
    run.well(0)
    run.log(0, GOOD, message_id="another")
    assert _found_by(run.ledger()) == {promises.find_strays}


@pytest.mark.parametrize("callbacks", [0, 2])
def test_an_attempt_that_was_not_told_once_is_found(run: Run, callbacks: int) -> None:
    """One attempt has one callback, not none and not two."""
    run.well(0, Kind.TOLD)
    for number in range(callbacks):
        run.arrive(0, kind="answer", message_id=f"callback {number}")
    assert _found_by(run.ledger()) == {promises.find_untold}


@pytest.mark.parametrize(
    ("states", "step_ms", "faults"),
    [
        (GOOD, 10, (KILLED,)),  # not claimed again
        (("CREATED", "ACTIVE", "ACTIVE", "DELIVERED"), 10, (KILLED,)),  # claimed before its lease was over
        (("CREATED", "ACTIVE", "ACTIVE", "DELIVERED"), LEASE_MS, ()),  # nobody was killed
    ],
)
def test_what_came_twice_without_a_reason_is_found(
    run: Run, states: Sequence[str], step_ms: int, faults: Sequence[Fault]
) -> None:
    """A repetition needs a process that was harmed, a lease that was over and another claim."""
    run.order(0)
    run.log(0, states, step_ms=step_ms)
    run.arrive(0)
    run.arrive(0, START_MS + LEASE_MS + 10)
    assert _found_by(run.ledger(*faults)) == {promises.find_unexplained}


def test_what_came_twice_for_a_reason_is_right(run: Run) -> None:
    """What was in flight when its worker was killed is sent again after its lease."""
    run.order(0)
    run.log(0, ("CREATED", "ACTIVE", "ACTIVE", "DELIVERED"), step_ms=LEASE_MS)
    run.arrive(0)
    run.arrive(0, START_MS + LEASE_MS + 10)
    assert _found_by(run.ledger(KILLED)) == set()


@pytest.mark.parametrize(("ago_ms", "is_wrong"), [(WAY_MS, False), (WAY_MS + 1, True)])
def test_a_claim_may_have_waited_for_a_frozen_redis(run: Run, ago_ms: int, *, is_wrong: bool) -> None:
    """Part of its lease is over before its entry is in the log; long after Redis goes on it is not."""
    run.order(0)
    run.log(0, ("CREATED", "ACTIVE", "ACTIVE", "DELIVERED"), step_ms=10)
    run.arrive(0)
    run.arrive(0, START_MS + 30)
    until_ms = START_MS + 10 - ago_ms
    frozen = Fault(kind="freeze redis", start_ms=until_ms - LEASE_MS, end_ms=until_ms)
    found = _found_by(run.ledger(frozen, KILLED))
    assert found == ({promises.find_unexplained} if is_wrong else set())


@pytest.mark.parametrize(("claims", "is_wrong"), [(2, True), (3, False)])
def test_quarantine_needs_three_deaths(run: Run, claims: int, *, is_wrong: bool) -> None:
    """A message is put away that was in flight in three deaths in a row, and none that was in two."""
    run.order(0)
    error = "quarantined: its worker died"
    run.log(0, ("CREATED", *["ACTIVE"] * claims, "ERROR", "FAILED"), step_ms=LEASE_MS, error=error)
    run.arrive(0)
    kills = [START_MS + LEASE_MS * number + 10 for number in range(1, claims + 1)]
    faults = [Fault(kind="kill worker", start_ms=ms, end_ms=ms) for ms in kills]
    ledger = run.ledger(*faults)
    assert _found_by(ledger) == ({quarantine.find_wrongly_quarantined} if is_wrong else set())
    assert quarantine.find_quarantined(ledger) == ["0"]
    assert quarantine.find_wrongly_quarantined(run.ledger(*faults[1:]))


def test_a_message_that_overtook_another_is_found(run: Run) -> None:
    """In a queue the second one starts after the first has ended, and arrives after it."""
    run.order(0, Kind.QUEUED, line="q0")
    run.order(1, Kind.QUEUED, line="q0")
    run.log(0, GOOD[:2])
    run.log(1, GOOD)
    run.log(0, GOOD[2:])
    run.arrive(0)
    run.arrive(1)
    assert _found_by(run.ledger()) == {limits.find_overtaken}
    assert _found_by(run.ledger(arrivals=run.ledger().arrivals[::-1])) == {limits.find_overtaken}


@pytest.mark.parametrize(
    ("kind", "line", "many"), [(Kind.QUEUED, "q0", 2), (Kind.LIMITED, "p0", PARALLELISM + 1)]
)
def test_a_request_too_many_is_found(run: Run, kind: Kind, line: str, many: int) -> None:
    """A queue has one request open at the endpoint, a key its parallelism."""
    run.order(0, kind, line=line)
    run.log(0, GOOD)
    run.arrive(0, open_in_line=many)
    assert _found_by(run.ledger()) == {limits.find_crowds}


def test_a_delivery_too_many_in_a_window_is_found(run: Run) -> None:
    """A rate is held as the deliveries were sent, and as they came."""
    for number in range(RATE + 1):
        run.well(number, Kind.LIMITED, line="r0")
    assert _found_by(run.ledger()) == {limits.find_rushes}
    assert len(limits.find_rushes(run.ledger())) == 2


@pytest.mark.parametrize(("made", "is_there"), [(0, True), (2, True), (1, False)])
def test_a_tick_that_did_not_happen_once_is_found(run: Run, made: int, *, is_there: bool) -> None:
    """A tick makes one message, not none and not two, and no schedule disappears."""
    run.order(0, Kind.TICKING, line="s0")
    for number in range(made):
        run.log(0, GOOD, message_id=str(number), schedule_id="s0")
        run.arrive(0, message_id=str(number))
    early = replace(run.ledger().accepted[0], at_ms=START_MS - TICK_MS // 2)
    next_tick_ms = {"s0": START_MS + TICK_MS} if is_there else {}
    end_ms = START_MS + ticking.LATE_MS
    ledger = run.ledger(accepted={0: early}, next_tick_ms=next_tick_ms, end_ms=end_ms)
    assert _found_by(ledger) == {ticking.find_wrong_ticks}


@pytest.mark.parametrize(
    ("before", "now", "written_ms"),
    [
        (None, {"held_bytes": 0}, 20),
        (None, {"held_bytes": 5}, None),
        ({"held_bytes": 3}, {"held_bytes": 5}, None),
        ({"held_bytes": 3}, {"held_bytes": 5, "size": 103}, 10),
        ({"held_bytes": 3}, {"held_bytes": 5, "size": 103, "base_size": 50}, None),
    ],
)
def test_what_redis_has_written_is_told_by_its_file(
    before: dict[str, int] | None, now: dict[str, int], written_ms: int | None
) -> None:
    """All is written where nothing is held back; and where the file has grown, what there was before."""
    look = Look(asked_ms=10, size=100, base_size=0, held_bytes=0, syncing=True)
    one = None if before is None else replace(look, **before)
    assert written_until(one, replace(look, asked_ms=20, **now)) == written_ms
