"""The worker's verbs: claims under leases of the settings, attempts judged and settled."""

from dataclasses import replace

import pytest

from qstash_rq.claim import claim_messages, put_back_message, renew_leases
from qstash_rq.core import Core
from qstash_rq.dead_letters import list_dead_letters
from qstash_rq.delivery import Attempt, Claim, Delivered, Failed, Retry, Settled
from qstash_rq.filters import Filter
from qstash_rq.message import State
from qstash_rq.messages import get_message
from qstash_rq.settle import Outcome, judge_attempt, settle_outcomes
from qstash_rq.store import keys
from qstash_rq.users import FIRST_USER
from tests import seed
from tests.clock import FakeClock
from tests.factories import NOW_MS

OK = Attempt(status=200)
BUSY = Attempt(status=503, headers=(("Retry-After", "7"),), body=b"later")
REFUSED = Attempt(error="connection refused")


def _claim(core: Core) -> tuple[Claim, ...]:
    claims = core.store.run(claim_messages(core, worker="w", most=100))
    assert claims is not None
    return claims


def _settle(core: Core, *attempts: Attempt) -> tuple[Outcome, ...]:
    """Claim as many messages as there are attempts, bring these back, and see that the words agree."""
    claims = core.store.run(claim_messages(core, worker="w", most=len(attempts)))
    outcomes = tuple(
        judge_attempt(core, one, attempt) for one, attempt in zip(claims or (), attempts, strict=True)
    )
    words = core.store.run(settle_outcomes(core, worker="w", outcomes=outcomes))
    kinds = {Delivered: Settled.DELIVERED, Retry: Settled.RETRY, Failed: Settled.FAILED}
    assert words == tuple(kinds[type(one.verdict)] for one in outcomes)
    return outcomes


def test_a_lease_is_as_long_as_the_settings_say(core: Core) -> None:
    """A claim counts from now unless told when its leases end; a renewal is told."""
    first, second = seed.seed(core, 2)
    longer = replace(core, settings=replace(core.settings, lease_ms=123))
    claims = core.store.run(claim_messages(longer, worker="w", most=1)) or ()
    assert seed.leases(core) == {first: NOW_MS + 123}
    core.store.run(claim_messages(longer, worker="w", most=1, lease_until_ms=NOW_MS + 99))
    assert seed.leases(core) == {first: NOW_MS + 123, second: NOW_MS + 99}

    assert core.store.run(renew_leases(claims, lease_until_ms=NOW_MS + 456)) == ()

    assert seed.leases(core) == {first: NOW_MS + 456, second: NOW_MS + 99}


def test_verdicts_are_written(core: Core) -> None:
    """A 2xx delivers, the endpoint may say when to try again, the last failure makes a dead letter."""
    ids = seed.seed(core, 2) + seed.seed(core, 1, max_retries=0)

    outcomes = _settle(core, OK, BUSY, REFUSED)

    assert outcomes[1].verdict == Retry(NOW_MS + 7000, "503 Service Unavailable")
    views = [get_message(core, FIRST_USER, one) for one in ids]
    assert [view.state for view in views] == [State.DELIVERED, State.DUE, State.FAILED]
    assert views[1].not_before_ms == NOW_MS + 7000
    (letter,) = list_dead_letters(core, FIRST_USER, Filter()).items
    assert (letter.message.message_id, letter.response) == (ids[2], REFUSED)


def test_retries_are_used_up_one_by_one(core: Core, clock: FakeClock) -> None:
    """A message with two retries has three attempts, whatever workers die in between."""
    (message_id,) = seed.seed(core, max_retries=2, retry_delay="10")
    states: list[str] = []
    for dies in (True, False, True, False, False):
        if dies:
            _claim(core)
            clock.advance(core.settings.lease_ms + 1)
            seed.recover(core)
            continue
        _settle(core, REFUSED)
        states.append(seed.state(core, message_id))
        clock.advance(10)
        seed.promote(core)

    assert states == ["due", "due", "failed"]
    assert seed.story(core, message_id).count("ERROR") == 3


def test_a_response_is_kept_byte_for_byte(core: Core) -> None:
    """The last response's bytes and headers come back from the dead letter as they were."""
    seed.seed(core, max_retries=0)
    response = Attempt(
        status=500,
        headers=(("X", "ü"), ("X", "2")),
        body=bytes(range(256)),
        error="500 Internal Server Error",
    )

    _settle(core, response)

    assert list_dead_letters(core, FIRST_USER, Filter()).items[0].response == response


@pytest.mark.parametrize(
    ("log_ms", "dlq_ms", "delivered_ms", "dead_ms"),
    [(5000, 9000, 60_000, 60_000), (90_000, 70_000, 90_000, 90_000), (70_000, 90_000, 70_000, 90_000)],
)
def test_records_are_kept_as_long_as_anything_shows_them(
    core: Core, log_ms: int, dlq_ms: int, delivered_ms: int, dead_ms: int
) -> None:
    """A record outlives its log and the grace, that of a dead letter the letter as well."""
    settings = replace(core.settings, log_retention_ms=log_ms, dlq_retention_ms=dlq_ms, grace_ms=60_000)
    ids = seed.seed(core, 2, max_retries=0)

    _settle(replace(core, settings=settings), OK, REFUSED)

    left = [core.store.command("PTTL", keys.JOB(one)) for one in ids]
    assert delivered_ms - 5000 < left[0] <= delivered_ms
    assert dead_ms - 5000 < left[1] <= dead_ms


def test_a_popped_message_is_put_back(core: Core) -> None:
    """The verb for stock workers answers the lane, or nothing for a message that does not wait."""
    seed.seed(core, 1, "q")
    popped = core.store.command("LPOP", keys.QUEUE(seed.lane("q"))).decode()

    assert put_back_message(core, popped) == seed.lane("q")
    _claim(core)
    assert put_back_message(core, popped) == ""
