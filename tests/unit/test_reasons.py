"""From the facts about a message to what it waits for: one row for each thing there is to wait for."""

from dataclasses import replace
from typing import Any

import pytest

from qstash_rq.explaining import summary_of
from qstash_rq.message import Flow, State
from qstash_rq.reason import Reason, ReasonKind
from qstash_rq.reasons import reasons_of
from qstash_rq.situation import FlowGate, Holder, Line, Pause, QueueGate, Situation, Surroundings
from tests.factories import NOW_MS, make_message

LEASE_MS = 8_000
AROUND = Surroundings(now_ms=NOW_MS, lease_ms=LEASE_MS, max_global_parallelism=100)
MINUTE_MS = 60_000
HOLDER = Holder(message_id="msg_a", state=State.ACTIVE, since_ms=NOW_MS - 5_000, worker="w1")
RETRIED = Holder(message_id="msg_b", state=State.DUE, due_ms=NOW_MS + 7_000)
LINGERING = Holder(message_id="msg_c", state=State.DELIVERED, callbacks=("msg_d",))
QUEUE = QueueGate(parallelism=1, held=0, holders=(), before=0, holds_slot=False)
FLOW = FlowGate(
    key="k", parallelism=0, held=0, holders=(), rate=0, count=0, window_ends_ms=NOW_MS - 1, turns_before=None
)
READY = Situation(
    message=make_message(message_id="msg_1", max_retries=3),
    state=State.READY,
    attempts=0,
    retried=0,
    cancel_requested=False,
    line=Line(before=0, length=1, counted=1_000),
    in_flight=0,
    suspended=False,
    worker_beats_ms=(NOW_MS - 20_000, NOW_MS - 10_000),
    scheduler_beat_ms=NOW_MS - 5_000,
)
NOT_IN_LINE = Line(before=None, length=0, counted=1_000)
DUE = replace(READY, state=State.DUE, due_ms=NOW_MS + MINUTE_MS, line=NOT_IN_LINE)
ACTIVE = replace(
    READY,
    state=State.ACTIVE,
    attempts=1,
    started_ms=NOW_MS - 3_000,
    worker="w1",
    lease_until_ms=NOW_MS + LEASE_MS - 2_000,
)


def in_queue(**gate: Any) -> Situation:
    """Give a ready message of a queue whose gate is as told."""
    message = replace(READY.message, queue_name="q")
    return replace(READY, message=message, queue=replace(QUEUE, **gate))


def with_key(**gate: Any) -> Situation:
    """Give a ready message with a flow-control key whose gate is as told."""
    message = replace(READY.message, flow=Flow(key="k"))
    return replace(READY, message=message, flow=replace(FLOW, **gate))


def only(situation: Situation) -> Reason:
    """Return the one thing that a message waits for."""
    (reason,) = reasons_of(situation, AROUND)
    return reason


CASES: dict[str, tuple[Situation, ReasonKind, str, dict[str, Any]]] = {
    "delayed": (
        DUE,
        ReasonKind.TIME,
        "it is due at 2023-11-14 22:14:20 UTC (in 1 min)",
        {"until_ms": NOW_MS + MINUTE_MS},
    ),
    "due at last": (
        replace(DUE, due_ms=NOW_MS - 10),
        ReasonKind.TIME,
        "it is due since 2023-11-14 22:13:19 UTC (10 ms ago) and about to be put in line",
        {"until_ms": NOW_MS - 10},
    ),
    "between two attempts": (
        replace(DUE, attempts=3, retried=2, last_error="500 Internal Server Error"),
        ReasonKind.RETRY,
        (
            "attempt 3 failed (500 Internal Server Error), and retry 2 of 3 is due "
            "at 2023-11-14 22:14:20 UTC (in 1 min)"
        ),
        {"until_ms": NOW_MS + MINUTE_MS, "attempt": 2, "limit": 3, "error": "500 Internal Server Error"},
    ),
    "its log is gone": (
        replace(DUE, attempts=1, retried=1),
        ReasonKind.RETRY,
        "attempt 1 failed, and retry 1 of 3 is due at 2023-11-14 22:14:20 UTC (in 1 min)",
        {"until_ms": NOW_MS + MINUTE_MS, "attempt": 1, "limit": 3},
    ),
    "a suspect": (
        replace(DUE, attempts=2, suspect=True, deaths=2, on_trial="msg_a"),
        ReasonKind.TRIAL,
        (
            "its worker died 2 times while delivering it, so it waits until it is the only such message "
            "in flight; msg_a is now"
        ),
        {"until_ms": NOW_MS + MINUTE_MS, "count": 2},
    ),
    "suspended": (
        replace(READY, suspended=True),
        ReasonKind.SUSPENDED,
        "`rq suspend` is on: no worker takes anything",
        {},
    ),
    "no worker ever": (
        replace(READY, worker_beats_ms=()),
        ReasonKind.NO_WORKER,
        "no worker serves its lane",
        {},
    ),
    "no worker any more": (
        replace(READY, worker_beats_ms=(NOW_MS - 90_000,)),
        ReasonKind.NO_WORKER,
        "no worker serves its lane (the last sign of one: 2023-11-14 22:11:50 UTC (1 min ago))",
        {"since_ms": NOW_MS - 90_000},
    ),
    "all are full": (
        replace(READY, in_flight=100),
        ReasonKind.GLOBAL_PARALLELISM,
        "all workers together have 100 deliveries in flight, as many as they may",
        {"count": 100, "limit": 100},
    ),
    "queue paused": (
        in_queue(pause=Pause(since_ms=NOW_MS - MINUTE_MS, caller_ip="192.0.2.1")),
        ReasonKind.QUEUE_PAUSED,
        "queue q has been paused since 2023-11-14 22:12:20 UTC, by 192.0.2.1",
        {"queue_name": "q", "since_ms": NOW_MS - MINUTE_MS, "caller_ip": "192.0.2.1"},
    ),
    "queue paused by nobody knows whom": (
        in_queue(pause=Pause()),
        ReasonKind.QUEUE_PAUSED,
        "queue q has been paused",
        {"queue_name": "q"},
    ),
    "slot held by one in flight": (
        in_queue(held=1, holders=(HOLDER,), before=1),
        ReasonKind.QUEUE_PARALLELISM,
        (
            "queue q delivers 1 at a time, and its slot is held by msg_a (active on worker w1 since "
            "2023-11-14 22:13:15 UTC)"
        ),
        {"queue_name": "q", "limit": 1, "count": 1, "holders": (HOLDER,)},
    ),
    "slots held by a retry and a callback": (
        in_queue(parallelism=2, held=2, holders=(RETRIED, LINGERING), before=2),
        ReasonKind.QUEUE_PARALLELISM,
        (
            "queue q delivers 2 at a time, and its 2 slots are held by "
            "msg_b (its retry is due at 2023-11-14 22:13:27 UTC), msg_c (delivered, but not its "
            "callback msg_d)"
        ),
        {"queue_name": "q", "limit": 2, "count": 2, "holders": (RETRIED, LINGERING)},
    ),
    "many in front of it in its queue": (
        in_queue(before=4),
        ReasonKind.QUEUE_ORDER,
        "4 messages of queue q come before it",
        {"queue_name": "q", "before": 4},
    ),
    "queue deleted": (
        in_queue(closing=True),
        ReasonKind.QUEUE_DELETED,
        "queue q was deleted: the message is about to be cancelled with it",
        {"queue_name": "q"},
    ),
    "key paused": (
        with_key(pause=Pause(since_ms=NOW_MS - MINUTE_MS, caller_ip="192.0.2.1")),
        ReasonKind.FLOW_PAUSED,
        "flow-control key k has been paused since 2023-11-14 22:12:20 UTC, by 192.0.2.1",
        {"flow_key": "k", "since_ms": NOW_MS - MINUTE_MS, "caller_ip": "192.0.2.1"},
    ),
    "key full": (
        with_key(parallelism=5, held=5, holders=(HOLDER,) * 4, pinned_parallelism=True),
        ReasonKind.FLOW_PARALLELISM,
        "flow-control key k has 5 of 5 deliveries in flight (pinned, "
        + "msg_a (active on worker w1 since 2023-11-14 22:13:15 UTC), " * 2
        + "msg_a (active on worker w1 since 2023-11-14 22:13:15 UTC) and others)",
        {"flow_key": "k", "limit": 5, "count": 5, "pinned": True, "holders": (HOLDER,) * 4},
    ),
    "window used up": (
        with_key(rate=10, count=10, window_ends_ms=NOW_MS + 4_500, pinned_rate=True),
        ReasonKind.FLOW_RATE,
        (
            "flow-control key k has started 10 of 10 (pinned) deliveries in this window, which ends at "
            "2023-11-14 22:13:24 UTC (in 4 s)"
        ),
        {"flow_key": "k", "until_ms": NOW_MS + 4_500, "limit": 10, "count": 10, "pinned": True},
    ),
    "window about to end": (
        with_key(rate=10, count=2, window_ends_ms=NOW_MS + 100, window_awaited=True),
        ReasonKind.FLOW_RATE,
        (
            "flow-control key k has started 2 of 10 deliveries in this window, which ends at "
            "2023-11-14 22:13:20 UTC (in 100 ms)"
        ),
        {"flow_key": "k", "until_ms": NOW_MS + 100, "limit": 10, "count": 2},
    ),
    "not its turn": (
        with_key(turns_before=2),
        ReasonKind.FLOW_TURN,
        "2 lanes that wait for flow-control key k have their turn first",
        {"flow_key": "k", "before": 2},
    ),
    "second in line": (
        replace(READY, line=Line(before=1, length=2, counted=1_000)),
        ReasonKind.LINE,
        "1 message comes before it in its line",
        {"before": 1},
    ),
    "far back in line": (
        replace(READY, line=Line(before=None, length=5_000, counted=1_000)),
        ReasonKind.LINE,
        "more than 1000 messages come before it in its line",
        {"before": 1_000, "or_more": True},
    ),
    "out of line": (
        replace(READY, line=Line(before=None, length=7, counted=1_000)),
        ReasonKind.STOCK_WORKER,
        "a stock RQ worker has taken it out of its line, and the scheduler puts it back within half a minute",
        {},
    ),
    "nothing": (
        READY,
        ReasonKind.WORKER,
        (
            "nothing holds it back: the next worker with a free place takes it (the last sign of one: "
            "2023-11-14 22:13:10 UTC (10 s ago))"
        ),
        {"since_ms": NOW_MS - 10_000},
    ),
    "in flight": (
        ACTIVE,
        ReasonKind.DELIVERY,
        "worker w1 has been delivering it since 2023-11-14 22:13:17 UTC (3 s ago), attempt 1",
        {"since_ms": NOW_MS - 3_000, "until_ms": NOW_MS + 6_000, "worker": "w1", "attempt": 1},
    ),
    "its worker is silent": (
        replace(ACTIVE, lease_until_ms=NOW_MS + 2_000),
        ReasonKind.SILENT_WORKER,
        (
            "worker w1 has been delivering it since 2023-11-14 22:13:17 UTC (3 s ago), attempt 1, "
            "and has gone silent: its lease ends at 2023-11-14 22:13:22 UTC (in 2 s), then another "
            "worker takes the message"
        ),
        {"since_ms": NOW_MS - 3_000, "until_ms": NOW_MS + 2_000, "worker": "w1", "attempt": 1},
    ),
    "its lease is over": (
        replace(ACTIVE, lease_until_ms=NOW_MS - 1),
        ReasonKind.SILENT_WORKER,
        (
            "worker w1 has been delivering it since 2023-11-14 22:13:17 UTC (3 s ago), attempt 1, "
            "and has gone silent: its lease is over, then another worker takes the message"
        ),
        {"since_ms": NOW_MS - 3_000, "until_ms": NOW_MS - 1, "worker": "w1", "attempt": 1},
    ),
}


@pytest.mark.parametrize(("situation", "kind", "text", "facts"), CASES.values(), ids=CASES)
def test_says_what_a_message_waits_for(
    situation: Situation, kind: ReasonKind, text: str, facts: dict[str, Any]
) -> None:
    """Each thing to wait for has its kind, its clause and the facts behind it."""
    assert only(situation) == Reason(kind=kind, text=text, **facts)


def test_there_is_a_case_of_every_kind() -> None:
    """No kind of reason is left out of these tests."""
    assert {kind for _, kind, _, _ in CASES.values()} | {ReasonKind.SCHEDULER} == set(ReasonKind)


@pytest.mark.parametrize("beat_ms", [None, NOW_MS - 16_000])
@pytest.mark.parametrize(
    "situation",
    [DUE, replace(ACTIVE, lease_until_ms=NOW_MS), with_key(rate=1, count=1, window_ends_ms=NOW_MS + 1)],
)
def test_says_that_no_scheduler_runs(situation: Situation, beat_ms: int | None) -> None:
    """What only a scheduler can move waits for one, when none has been seen for three beats."""
    _, reason = reasons_of(replace(situation, scheduler_beat_ms=beat_ms), AROUND)

    assert (reason.kind, reason.since_ms) == (ReasonKind.SCHEDULER, beat_ms)
    assert reason.text.startswith("no scheduler has been seen ")


@pytest.mark.parametrize("situation", [ACTIVE, READY, with_key(parallelism=1, held=1)])
def test_a_scheduler_matters_only_where_the_next_step_is_its_own(situation: Situation) -> None:
    """A delivery that runs and a message in line move without a scheduler."""
    kinds = {reason.kind for reason in reasons_of(replace(situation, scheduler_beat_ms=None), AROUND)}

    assert ReasonKind.SCHEDULER not in kinds


def test_both_gates_are_named() -> None:
    """A message whose queue and key are both shut waits for both, the queue first."""
    queue = replace(QUEUE, pause=Pause(), held=1, holders=(HOLDER,), before=3)
    flow = replace(FLOW, parallelism=1, held=1, holders=(HOLDER,), rate=1, count=1, window_ends_ms=NOW_MS + 1)
    situation = replace(in_queue(), queue=queue, flow=flow, suspended=True)

    assert [reason.kind for reason in reasons_of(situation, AROUND)] == [
        ReasonKind.SUSPENDED,
        ReasonKind.QUEUE_PAUSED,
        ReasonKind.QUEUE_PARALLELISM,
        ReasonKind.QUEUE_ORDER,
        ReasonKind.FLOW_PARALLELISM,
        ReasonKind.FLOW_RATE,
    ]


@pytest.mark.parametrize(
    "situation",
    [
        in_queue(held=1, holders=(HOLDER,), before=0, holds_slot=True),
        in_queue(parallelism=2, held=1, holders=(HOLDER,), before=1),
        with_key(parallelism=2, held=1, rate=3, count=2, window_ends_ms=NOW_MS + 1),
        with_key(rate=3, count=3, window_ends_ms=NOW_MS),
        with_key(rate=3, count=1, window_ends_ms=NOW_MS, window_awaited=True),
        with_key(turns_before=0),
    ],
)
def test_open_gates_are_not_named(situation: Situation) -> None:
    """A slot of its own, a free slot, a rest of the window and the first turn hold nothing back."""
    assert only(situation).kind is ReasonKind.WORKER


ENDED = replace(READY, state=State.DELIVERED, attempts=2, retried=1, ended_ms=NOW_MS, line=NOT_IN_LINE)


@pytest.mark.parametrize(
    ("situation", "summary"),
    [
        (ENDED, "Delivered by attempt 2 at 2023-11-14 22:13:20 UTC."),
        (
            replace(ENDED, callbacks=("msg_d",)),
            "Delivered by attempt 2 at 2023-11-14 22:13:20 UTC; its queue waits for its callback msg_d.",
        ),
        (
            replace(ENDED, state=State.FAILED, dlq_id="1-0", last_error="404 Not Found"),
            "Failed (404 Not Found) at 2023-11-14 22:13:20 UTC; it is dead letter 1-0.",
        ),
        (
            replace(ENDED, state=State.FAILED),
            (
                "Failed at 2023-11-14 22:13:20 UTC; "
                "its dead letter has been deleted, or sent again as a new message."
            ),
        ),
        (replace(ENDED, state=State.CANCELED), "Cancelled at 2023-11-14 22:13:20 UTC."),
        (
            replace(DUE, attempts=2, retried=0),
            (
                "Not delivered yet: it is due at 2023-11-14 22:14:20 UTC (in 1 min); it came back from "
                "its worker without an outcome 2 times."
            ),
        ),
        (
            replace(ACTIVE, attempts=2, cancel_requested=True),
            (
                "Cancelled, but still in flight: worker w1 has been delivering it since 2023-11-14 "
                "22:13:17 UTC (3 s ago), "
                "attempt 2; it came back from its worker without an outcome once."
            ),
        ),
    ],
)
def test_sums_it_up_in_a_sentence(situation: Situation, summary: str) -> None:
    """The summary says it all: what a living message waits for, or how another one ended and where it is."""
    assert summary_of(situation, reasons_of(situation, AROUND)) == summary


@pytest.mark.parametrize(
    ("state", "attempts", "retried", "recovered"),
    [
        (State.DUE, 0, 0, 0),
        (State.DUE, 1, 1, 0),
        (State.READY, 3, 1, 2),
        (State.ACTIVE, 1, 0, 0),
        (State.ACTIVE, 3, 0, 2),
        (State.DELIVERED, 2, 1, 0),
        (State.FAILED, 4, 1, 2),
        (State.CANCELED, 0, 0, 0),
    ],
)
def test_counts_attempts_that_never_ended(state: State, attempts: int, retried: int, recovered: int) -> None:
    """An attempt that neither ended nor runs came back without an outcome."""
    assert replace(READY, state=state, attempts=attempts, retried=retried).recovered == recovered
