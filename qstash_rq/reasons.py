"""What a message waits for, from the facts about it: the pure rule behind `explain`.

The order is that in which a message meets the gates: `rq suspend` and workers first, then its queue, then its
flow-control key, then those in front of it.
"""

from collections.abc import Iterator

from qstash_rq.fleet_reasons import fleet_reasons, scheduler_reasons
from qstash_rq.gate_reasons import flow_reasons, queue_reasons
from qstash_rq.message import State
from qstash_rq.reason import Reason, ReasonKind
from qstash_rq.situation import Situation, Surroundings
from qstash_rq.telling_time import future, past


def reasons_of(situation: Situation, around: Surroundings) -> tuple[Reason, ...]:
    """Return what a message waits for, the decisive thing first; nothing for one that has ended."""
    match situation.state:
        case State.DUE:
            found = _due_reasons(situation, around)
        case State.READY:
            found = _ready_reasons(situation, around)
        case State.ACTIVE:
            found = _active_reasons(situation, around)
        case _:
            found = iter(())
    return tuple(found)


def _due_reasons(situation: Situation, around: Surroundings) -> Iterator[Reason]:
    if situation.queue is not None and situation.queue.closing:
        yield _queue_deleted(situation)
        return
    due_ms = situation.due_ms or situation.message.not_before_ms
    when = f"due {future(due_ms, around.now_ms)}"
    if due_ms <= around.now_ms:
        when = f"due since {past(due_ms, around.now_ms)} and about to be put in line"
    if situation.suspect:
        yield _trial(situation, due_ms)
    elif situation.retried:
        yield _retry(situation, due_ms, when)
    else:
        yield Reason(kind=ReasonKind.TIME, text=f"it is {when}", until_ms=due_ms)
    yield from scheduler_reasons(situation, around)


def _trial(situation: Situation, due_ms: int) -> Reason:
    text = f"its worker died {situation.deaths} times while delivering it, "
    text += f"so it waits until it is the only such message in flight; {situation.on_trial} is now"
    return Reason(kind=ReasonKind.TRIAL, text=text, until_ms=due_ms, count=situation.deaths)


def _retry(situation: Situation, due_ms: int, when: str) -> Reason:
    retry, limit, error = situation.retried, situation.message.max_retries, situation.last_error
    why = "" if error is None else f" ({error})"
    return Reason(
        kind=ReasonKind.RETRY,
        text=f"attempt {situation.attempts} failed{why}, and retry {retry} of {limit} is {when}",
        until_ms=due_ms,
        attempt=retry,
        limit=limit,
        error=error,
    )


def _ready_reasons(situation: Situation, around: Surroundings) -> Iterator[Reason]:
    if situation.queue is not None and situation.queue.closing:
        yield _queue_deleted(situation)
        return
    held_back = [
        *fleet_reasons(situation, around),
        *queue_reasons(situation),
        *flow_reasons(situation, around.now_ms),
        *_line_reasons(situation),
    ]
    yield from held_back
    if any(reason.kind is ReasonKind.FLOW_RATE for reason in held_back):
        yield from scheduler_reasons(situation, around)
    if not held_back:
        beat_ms = max(situation.worker_beats_ms)
        text = "nothing holds it back: the next worker with a free place takes it "
        text += f"(the last sign of one: {past(beat_ms, around.now_ms)})"
        yield Reason(kind=ReasonKind.WORKER, text=text, since_ms=beat_ms)


def _active_reasons(situation: Situation, around: Surroundings) -> Iterator[Reason]:
    until_ms = situation.lease_until_ms or around.now_ms
    # A worker that lives renews three times a lease: a lease half over belongs to one that does not.
    silent = until_ms < around.now_ms + around.lease_ms // 2
    since = "" if situation.started_ms is None else f" since {past(situation.started_ms, around.now_ms)}"
    text = f"worker {situation.worker} has been delivering it{since}, attempt {situation.attempts}"
    yield Reason(
        kind=ReasonKind.SILENT_WORKER if silent else ReasonKind.DELIVERY,
        text=f"{text}{_taken_over(until_ms, around.now_ms)}" if silent else text,
        since_ms=situation.started_ms,
        until_ms=until_ms,
        worker=situation.worker,
        attempt=situation.attempts,
    )
    if silent:
        yield from scheduler_reasons(situation, around)


def _taken_over(until_ms: int, now_ms: int) -> str:
    ends = f"ends {future(until_ms, now_ms)}" if until_ms > now_ms else "is over"
    return f", and has gone silent: its lease {ends}, then another worker takes the message"


def _line_reasons(situation: Situation) -> Iterator[Reason]:
    line = situation.line
    if situation.queue is not None or line.before == 0:
        return
    if line.before is not None:
        come = "message comes" if line.before == 1 else "messages come"
        text = f"{line.before} {come} before it in its line"
        yield Reason(kind=ReasonKind.LINE, text=text, before=line.before)
    elif line.length > line.counted:
        text = f"more than {line.counted} messages come before it in its line"
        yield Reason(kind=ReasonKind.LINE, text=text, before=line.counted, or_more=True)
    else:
        text = "a stock RQ worker has taken it out of its line, and the scheduler puts it back "
        text += "within half a minute"
        yield Reason(kind=ReasonKind.STOCK_WORKER, text=text)


def _queue_deleted(situation: Situation) -> Reason:
    name = situation.message.queue_name
    text = f"queue {name} was deleted: the message is about to be cancelled with it"
    return Reason(kind=ReasonKind.QUEUE_DELETED, text=text, queue_name=name)
