"""Make dead letters of messages that kill their workers, so that they do not take the fleet with them."""

import logging
from collections.abc import Sequence

from qstash_rq.core import Core
from qstash_rq.delivery import Attempt, Claim, Failed
from qstash_rq.events import Event, log_event
from qstash_rq.settle import Outcome, settle_outcomes
from qstash_rq.store.messages import read_messages
from qstash_rq.store.upkeep_scripts import Condemned

_log = logging.getLogger("qstash_rq.upkeep")
_WORKER = "quarantine"


def quarantine(core: Core, condemned: Sequence[Condemned]) -> None:
    """Settle the attempts that killed as failed for good, callbacks included; each message on its own.

    Safe to run anywhere, at any time: of several who try, one does it. What a crash leaves undone is
    found again by the next recovery.
    """
    for one in condemned:
        stored = read_messages(core.store, one.user_id, [one.message_id]).get(one.message_id)
        if stored is None:
            continue
        claim = Claim(message=stored.message, attempt=one.attempt, retried=one.retried, signing_key="")
        error = f"quarantined: its worker died {one.deaths} times while delivering it"
        # There was no response; as its body the dead letter shows why.
        outcome = Outcome(claim, Attempt(body=error.encode(), error=error), Failed(error))
        core.store.run(settle_outcomes(core, worker=_WORKER, outcomes=[outcome]))
        log_event(
            _log,
            logging.ERROR,
            Event.MESSAGE_QUARANTINED,
            message_id=one.message_id,
            attempt=one.attempt,
            deaths=one.deaths,
        )
