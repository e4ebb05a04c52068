"""Judge attempts and settle them: delivered, due again, or a dead letter."""

from collections.abc import Sequence
from dataclasses import dataclass

from qstash_rq.core import Core
from qstash_rq.delivery import Attempt, Claim, Delivered, Failed, Retry, Settled, Verdict
from qstash_rq.store.records import encode_response
from qstash_rq.store.script import Call
from qstash_rq.store.scripts import Settlement, settle
from qstash_rq.verdict import judge


@dataclass(frozen=True, slots=True)
class Outcome:
    """A claim, what its attempt brought back, and what follows from it."""

    claim: Claim
    attempt: Attempt
    verdict: Verdict


def judge_attempt(core: Core, claimed: Claim, attempt: Attempt) -> Outcome:
    """Decide what follows from an attempt (contract 4.3 to 4.6)."""
    message = claimed.message
    verdict = judge(
        attempt,
        max_retries=message.max_retries,
        retry_delay=message.retry_delay,
        retried=claimed.retried,
        now_ms=core.clock.now_ms(),
    )
    return Outcome(claimed, attempt, verdict)


def settle_outcomes(core: Core, *, worker: str, outcomes: Sequence[Outcome]) -> Call[tuple[Settled, ...]]:
    """Write outcomes, each on its own merits; a late one is answered with superseded. Idempotent."""
    settings = core.settings
    return settle(
        worker=worker,
        now_ms=core.clock.now_ms(),
        keep_ms=settings.record_retention_ms,
        dead_keep_ms=max(settings.record_retention_ms, settings.dlq_retention_ms),
        settlements=[_settlement(outcome) for outcome in outcomes],
    )


def _settlement(outcome: Outcome) -> Settlement:
    message_id, attempt = outcome.claim.message.message_id, outcome.claim.attempt
    match outcome.verdict:
        case Delivered():
            return Settlement(message_id=message_id, attempt=attempt, outcome=Settled.DELIVERED)
        case Retry(at_ms=at_ms, error=error):
            word, due_ms = Settled.RETRY, at_ms
        case Failed(error=error):
            word, due_ms = Settled.FAILED, 0
    return Settlement(
        message_id=message_id,
        attempt=attempt,
        outcome=word,
        due_ms=due_ms,
        response=encode_response(outcome.attempt, error),
        body=outcome.attempt.body,
    )
