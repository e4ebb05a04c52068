"""Claim messages under a lease, keep leases, give claims back, and put back what a stock RQ worker popped.

The worker's verbs are calls, for either executor.
"""

from collections.abc import Sequence

from qstash_rq.core import Core
from qstash_rq.delivery import Claim, Withheld
from qstash_rq.store.delivery_scripts import ANY_BYTES, claim, give_back, renew
from qstash_rq.store.message_scripts import put_back
from qstash_rq.store.script import Call


def claim_messages(
    core: Core,
    *,
    worker: str,
    most: int,
    most_bytes: int = ANY_BYTES,
    lanes: Sequence[str] = (),
    lease_until_ms: int | None = None,
) -> Call[tuple[Claim, ...] | Withheld]:
    """Claim up to `most` ready messages, or hear why nothing is handed out.

    The message whose body reaches `most_bytes` is the last one. `lanes` empty: every lane. `lease_until_ms`
    None: a whole lease from now.
    """
    now_ms = core.clock.now_ms()
    return claim(
        worker=worker,
        now_ms=now_ms,
        lease_until_ms=lease_until_ms or now_ms + core.settings.lease_ms,
        most=most,
        most_in_flight=core.settings.max_global_parallelism,
        most_bytes=most_bytes,
        lanes=lanes,
    )


def put_back_message(core: Core, message_id: str) -> str:
    """Return a message that a stock RQ worker popped to its line; answers its lane, or nothing."""
    return core.store.run(put_back(message_id=message_id))


def give_back_claims(core: Core, claims: Sequence[Claim]) -> Call[int]:
    """Return claims whose request has not left to the front of their lanes; answers how many it held."""
    return give_back(
        now_ms=core.clock.now_ms(),
        keep_ms=core.settings.record_retention_ms,
        held=_held(claims),
    )


def renew_leases(claims: Sequence[Claim], *, lease_until_ms: int) -> Call[tuple[str, ...]]:
    """Keep the leases of slow deliveries; answers the ids this worker no longer holds."""
    return renew(
        lease_until_ms=lease_until_ms,
        held=_held(claims),
    )


def _held(claims: Sequence[Claim]) -> list[tuple[str, int]]:
    return [(claimed.message.message_id, claimed.attempt) for claimed in claims]
