"""Explain a message: what it waits for if it has not been delivered yet, or how it ended. An extension."""

from dataclasses import dataclass

from qstash_rq.core import Core
from qstash_rq.errors import NotFound
from qstash_rq.message import State
from qstash_rq.reason import Reason
from qstash_rq.reasons import reasons_of
from qstash_rq.situation import Situation, Surroundings
from qstash_rq.store.explain_scripts import explain
from qstash_rq.telling_time import moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What is known about a message at one moment; `summary` is one sentence."""

    at_ms: int
    situation: Situation
    waits_for: tuple[Reason, ...]
    summary: str


def explain_message(core: Core, user_id: str, message_id: str) -> Explanation:
    """Explain a message of this user as long as its record is kept; raises NotFound. Reads at one moment."""
    situation = core.store.run(explain(user_id=user_id, message_id=message_id))
    if situation is None:
        msg = f"message {message_id} not found"
        raise NotFound(msg)
    settings = core.settings
    around = Surroundings(
        now_ms=core.clock.now_ms(),
        lease_ms=settings.lease_ms,
        max_global_parallelism=settings.max_global_parallelism,
    )
    waits_for = reasons_of(situation, around)
    return Explanation(
        at_ms=around.now_ms,
        situation=situation,
        waits_for=waits_for,
        summary=summary_of(situation, waits_for),
    )


def summary_of(situation: Situation, waits_for: tuple[Reason, ...]) -> str:
    """Return the whole explanation as one sentence."""
    if waits_for:
        canceled = "Cancelled, but still in flight" if situation.cancel_requested else "Not delivered yet"
        return f"{canceled}: {'; '.join(reason.text for reason in waits_for)}{_recovered(situation)}."
    when = "" if situation.ended_ms is None else f" at {moment(situation.ended_ms)}"
    if situation.callbacks:
        when += f"; its queue waits for its callback {', '.join(situation.callbacks)}"
    match situation.state:
        case State.DELIVERED:
            return f"Delivered by attempt {situation.attempts}{when}."
        case State.FAILED if situation.dlq_id is not None:
            return f"Failed ({situation.last_error}){when}; it is dead letter {situation.dlq_id}."
        case State.FAILED:
            return f"Failed{when}; its dead letter has been deleted, or sent again as a new message."
        case _:
            return f"Cancelled{when}."


def _recovered(situation: Situation) -> str:
    if not situation.recovered:
        return ""
    times = "once" if situation.recovered == 1 else f"{situation.recovered} times"
    return f"; it came back from its worker without an outcome {times}"
