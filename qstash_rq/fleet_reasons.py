"""What keeps a message waiting that no gate of its own decides: workers, schedulers, `rq suspend`. Pure."""

from collections.abc import Iterator

from qstash_rq.reason import Reason, ReasonKind
from qstash_rq.situation import Situation, Surroundings
from qstash_rq.telling_time import past

# Three of a scheduler's beats, and two of an RQ worker's with time to spare.
SCHEDULER_SILENT_MS = 15_000
WORKER_SILENT_MS = 75_000


def fleet_reasons(situation: Situation, around: Surroundings) -> Iterator[Reason]:
    """Yield what keeps all workers, or those of its lane, from taking a message."""
    if situation.suspended:
        yield Reason(kind=ReasonKind.SUSPENDED, text="`rq suspend` is on: no worker takes anything")
    beats = situation.worker_beats_ms
    if not beats or around.now_ms - max(beats) > WORKER_SILENT_MS:
        seen = f" (the last sign of one: {past(max(beats), around.now_ms)})" if beats else ""
        text = f"no worker serves its lane{seen}"
        yield Reason(kind=ReasonKind.NO_WORKER, text=text, since_ms=max(beats, default=None))
    if situation.in_flight >= around.max_global_parallelism:
        text = f"all workers together have {situation.in_flight} deliveries in flight, as many as they may"
        yield Reason(
            kind=ReasonKind.GLOBAL_PARALLELISM,
            text=text,
            count=situation.in_flight,
            limit=around.max_global_parallelism,
        )


def scheduler_reasons(situation: Situation, around: Surroundings) -> Iterator[Reason]:
    """Yield that no scheduler has been seen, for a message whose next step is a scheduler's."""
    beat_ms = situation.scheduler_beat_ms
    if beat_ms is not None and around.now_ms - beat_ms <= SCHEDULER_SILENT_MS:
        return
    seen = "for a day" if beat_ms is None else f"since {past(beat_ms, around.now_ms)}"
    text = f"no scheduler has been seen {seen}, and the next step is one's"
    yield Reason(kind=ReasonKind.SCHEDULER, text=text, since_ms=beat_ms)
