"""Judge attempts and settle them: delivered, due again, or a dead letter; with their callbacks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from qstash_rq.callbacks import callback_message, dlq_id_placeholder, wanted_callbacks
from qstash_rq.core import Core
from qstash_rq.delivery import Attempt, Claim, Delivered, Failed, Retry, Settled, Verdict
from qstash_rq.ids import new_message_id
from qstash_rq.message import Message
from qstash_rq.store.delivery_scripts import Settlement, settle
from qstash_rq.store.records import encode_response
from qstash_rq.store.script import Call
from qstash_rq.verdict import judge

_WORTH_DROPPING = 65_536


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
    if len(attempt.body) > _WORTH_DROPPING and isinstance(verdict, Delivered) and not _tells(message):
        # Nobody will read it, and it would be held until the settle.
        attempt = replace(attempt, body=b"")
    return Outcome(claimed, attempt, verdict)


def bytes_to_settle(outcome: Outcome) -> int:
    """Return about how much a settle has to send for `outcome`, and not less.

    The response, when it is kept, and in each callback both bodies as base64.
    """
    message, response_bytes = outcome.claim.message, len(outcome.attempt.body)
    if _tells(message):
        return 4 * (response_bytes + len(message.body))
    return 0 if isinstance(outcome.verdict, Delivered) else response_bytes


def settle_outcomes(core: Core, *, worker: str, outcomes: Sequence[Outcome]) -> Call[tuple[Settled, ...]]:
    """Write outcomes, each on its own merits; a late one is answered with superseded. Idempotent."""
    settings, now_ms = core.settings, core.clock.now_ms()
    return settle(
        worker=worker,
        now_ms=now_ms,
        keep_ms=settings.record_retention_ms,
        dead_keep_ms=max(settings.record_retention_ms, settings.dlq_retention_ms),
        max_timeout_ms=settings.max_timeout_ms,
        settlements=[_settlement(outcome, now_ms) for outcome in outcomes],
    )


def _settlement(outcome: Outcome, now_ms: int) -> Settlement | Claim:
    claim, attempt = outcome.claim, outcome.attempt
    if claim.message.callback is None and isinstance(outcome.verdict, Delivered):
        return claim
    match outcome.verdict:
        case Delivered():
            word, due_ms, error = Settled.DELIVERED, 0, ""
        case Retry(at_ms=due_ms, error=error):
            word = Settled.RETRY
        case Failed(error=error):
            word, due_ms = Settled.FAILED, 0
    failed = word is not Settled.DELIVERED
    callbacks = _callbacks(outcome, error, now_ms)
    return Settlement(
        message_id=claim.message.message_id,
        attempt=claim.attempt,
        outcome=word,
        due_ms=due_ms,
        response=encode_response(attempt, error) if failed else "",
        body=attempt.body if failed else b"",
        callbacks=callbacks,
        placeholder=dlq_id_placeholder(claim.message) if callbacks else "",
    )


def _callbacks(outcome: Outcome, error: str, now_ms: int) -> tuple[Message, ...]:
    source = outcome.claim.message
    if not _tells(source):
        return ()
    return tuple(
        callback_message(
            source,
            callback,
            outcome.attempt,
            error=error,
            retried=outcome.claim.retried,
            now_ms=now_ms,
            message_id=new_message_id(),
            dlq_id=dlq_id_placeholder(source) if of_failure else None,
        )
        for callback, of_failure in wanted_callbacks(source, outcome.verdict)
    )


def _tells(source: Message) -> bool:
    return source.callback is not None or source.failure_callback is not None
