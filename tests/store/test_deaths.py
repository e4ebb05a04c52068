"""A message that kills its worker again and again is found among those that only flew with it."""

import json
from dataclasses import replace

import pytest

from qstash_rq.core import Core
from qstash_rq.dead_letters import get_dead_letter
from qstash_rq.delivery import Settled
from qstash_rq.message import Callback
from qstash_rq.store import keys
from qstash_rq.store.delivery_scripts import renew
from qstash_rq.upkeep import recover_lost
from qstash_rq.users import FIRST_USER
from tests import seed
from tests.clock import FakeClock

TRIAL_MS = 10_000


def die(core: Core, clock: FakeClock) -> list[str]:
    """Claim what there is, let the worker die, and recover; return what it had claimed."""
    held = seed.ids(seed.claim(core))
    clock.advance(seed.LEASE_MS + 1)
    recover_lost(core)
    return held


def promote_all(core: Core, clock: FakeClock) -> None:
    """Let all time pass that suspects are set aside for."""
    clock.advance(1_000)
    seed.promote(core)


def test_the_third_death_makes_a_dead_letter(core: Core, clock: FakeClock) -> None:
    """It fails as any message does, with log records and failure callback; its dead letter says why."""
    callback = Callback(url="https://example.com/failed")
    (message_id,) = seed.seed(core, failure_callback=callback, max_retries=5)

    for _ in range(3):
        assert die(core, clock) == [message_id]

    why = "quarantined: its worker died 3 times while delivering it"
    assert seed.story(core, message_id) == ["CREATED", "ACTIVE", "ACTIVE", "ACTIVE", "ERROR", "FAILED"]
    (dlq_id,) = seed.dead(core)
    response = get_dead_letter(core, FIRST_USER, dlq_id).response
    assert (response.status, response.error, response.body) == (None, why, why.encode())
    assert [json.loads(entry["d"]) for entry in seed.log(core, message_id)[-2:]] == [{"error": why}] * 2
    (told,) = seed.claim(core)
    assert told.message.url == callback.url
    assert (json.loads(told.message.body)["dlqId"], seed.leases(core).keys()) == (
        dlq_id,
        {told.message.message_id},
    )


def test_a_quarantined_message_makes_room_in_its_queue(core: Core, clock: FakeClock) -> None:
    """What waited behind it in a FIFO queue goes on, in order."""
    poison, *others = seed.seed(core, 3, "q")
    for _ in range(3):
        assert die(core, clock) == [poison]

    assert seed.state(core, poison) == "failed"
    for other in others:
        seed.deliver(core, [seed.claim_one(core, other)])


@pytest.mark.parametrize("queue", [None, "q"])
def test_innocents_are_not_quarantined(core: Core, clock: FakeClock, queue: str | None) -> None:
    """Of twenty that were in flight in every death, the one that kills is found; all others arrive."""
    if queue:
        seed.upsert(core, queue, parallelism=20)
    ids = seed.seed(core, 20, queue)
    poison = ids[7]
    for _ in range(2):
        assert set(die(core, clock)) == set(ids)

    fates: dict[str, str] = {}
    while len(fates) < len(ids):
        promote_all(core, clock)
        claims = seed.claim(core)
        assert len(claims) == 1, "suspects are tried one at a time"
        (tried,) = seed.ids(claims)
        if tried == poison:
            clock.advance(seed.LEASE_MS + 1)
            recover_lost(core)
        else:
            seed.deliver(core, claims)
        fates[tried] = seed.state(core, tried)

    assert fates == {one: "failed" if one == poison else "delivered" for one in ids}


def test_kills_at_random_cost_one_message_each_at_most(core: Core, clock: FakeClock) -> None:
    """Whoever kills worker after worker quarantines no crowd: one for each death, from the third on."""
    seed.seed(core, 50)
    for deaths in range(1, 8):
        die(core, clock)
        assert len(seed.dead(core)) == max(deaths - 2, 0)
        promote_all(core, clock)


def test_others_fly_beside_a_suspect(core: Core, clock: FakeClock) -> None:
    """A trial holds up other suspects and nobody else."""
    suspects = seed.seed(core, 2)
    for _ in range(2):
        die(core, clock)
    fresh = seed.seed(core, 3)

    claimed = seed.ids(seed.claim(core))

    assert len(set(claimed) & set(suspects)) == 1
    assert set(fresh) < set(claimed)
    (aside,) = set(suspects) - set(claimed)
    assert (seed.state(core, aside), seed.due(core)) == ("due", {aside: clock.now_ms() + 100})


def test_a_long_trial_does_not_hold_up_the_others(core: Core, clock: FakeClock) -> None:
    """After ten seconds the next suspect is tried; a death then is not the fault of the first one."""
    for_long, next_one = seed.seed(core, 2)
    for _ in range(2):
        die(core, clock)
    (first,) = seed.claim(core)
    clock.advance(TRIAL_MS - 1)
    held = [(first.message.message_id, first.attempt)]
    core.store.run(renew(lease_until_ms=clock.now_ms() + seed.LEASE_MS, held=held))
    seed.promote(core)
    assert seed.claim(core) == ()
    clock.advance(1_000)
    seed.promote(core)
    (second,) = seed.claim(core)
    assert {first.message.message_id, second.message.message_id} == {for_long, next_one}

    clock.advance(seed.LEASE_MS + 1)
    recover_lost(core)

    assert list(seed.dead(core).values()) == [second.message.message_id]
    assert seed.ids(seed.claim(core)) == [first.message.message_id]


@pytest.mark.parametrize("outcome", [Settled.RETRY, Settled.DELIVERED])
def test_an_attempt_that_ends_makes_a_new_beginning(core: Core, clock: FakeClock, outcome: Settled) -> None:
    """Only deaths in a row count."""
    (message_id,) = seed.seed(core)
    for _ in range(2):
        die(core, clock)
    if outcome is Settled.DELIVERED:
        assert seed.deliver(core, seed.claim(core)) == (outcome,)
        return
    assert seed.retry(core, seed.claim(core), in_ms=1) == (outcome,)
    clock.advance(1)
    seed.promote(core)

    for _ in range(2):
        assert die(core, clock) == [message_id]
    assert seed.dead(core) == {}
    die(core, clock)
    assert list(seed.dead(core).values()) == [message_id]


@pytest.mark.parametrize("field", ["death", "shutdown_requested_date"])
def test_a_worker_that_was_told_to_stop_counts_for_none(core: Core, clock: FakeClock, field: str) -> None:
    """A deployment that loses its patience and kills what it has stopped is nobody's fault."""
    seed.seed(core)
    core.store.command("HSET", keys.WORKER("w"), field, "2023-11-14T22:13:20.000000Z")
    core.store.command("EXPIRE", keys.WORKER("w"), 60)

    for _ in range(9):
        assert len(die(core, clock)) == 1

    assert seed.dead(core) == {}


def test_a_worker_that_lives_takes_its_death_back(core: Core, clock: FakeClock) -> None:
    """One that was frozen, or cut off from Redis, for longer than a lease did not die of its messages."""
    (message_id,) = seed.seed(core)
    for _ in range(9):
        (claimed,) = seed.claim(core)
        clock.advance(seed.LEASE_MS + 1)
        recover_lost(core)
        lost = core.store.run(renew(lease_until_ms=clock.now_ms() + 1, held=[(message_id, claimed.attempt)]))
        assert lost == (message_id,)

    assert seed.record(core, message_id)["deaths"] == ""
    assert seed.dead(core) == {}


def test_each_death_is_taken_back_once(core: Core, clock: FakeClock) -> None:
    """A worker that says again and again that it lives takes back its own death and no other."""
    (message_id,) = seed.seed(core)
    die(core, clock)
    (late,) = seed.claim(core)
    clock.advance(seed.LEASE_MS + 1)
    recover_lost(core)
    for _ in range(3):
        core.store.run(renew(lease_until_ms=clock.now_ms() + 1, held=[(message_id, late.attempt)]))

    assert seed.record(core, message_id)["deaths"] == "1 "


def test_without_a_limit_a_message_is_tried_for_ever(core: Core, clock: FakeClock) -> None:
    """With QSTASH_MAX_DEATHS=0 no death counts."""
    seed.seed(core)
    patient = replace(core, settings=replace(core.settings, max_deaths=0))
    for _ in range(9):
        assert len(seed.claim(core)) == 1
        clock.advance(seed.LEASE_MS + 1)
        recover_lost(patient)

    assert seed.dead(core) == {}


def test_a_cancelled_one_is_cancelled_and_not_quarantined(core: Core, clock: FakeClock) -> None:
    """Who was cancelled in flight ends as cancelled, whatever its worker died of."""
    (message_id,) = seed.seed(core)
    for _ in range(2):
        die(core, clock)
    seed.claim(core)
    seed.cancel(core, message_id)
    clock.advance(seed.LEASE_MS + 1)
    recover_lost(core)

    assert seed.state(core, message_id) == "canceled"
    assert seed.dead(core) == {}


def test_a_quarantine_that_was_cut_short_is_found_again(core: Core, clock: FakeClock) -> None:
    """Between recovery and settlement a scheduler may die: the next one does the rest, and two do it once."""
    (message_id,) = seed.seed(core)
    for _ in range(2):
        die(core, clock)
    seed.claim(core)
    clock.advance(seed.LEASE_MS + 1)
    first = seed.recover(core, max_deaths=3)
    assert [one.message_id for one in first.condemned] == [message_id]
    assert seed.recover(core, max_deaths=3) == first

    recover_lost(core)

    assert list(seed.dead(core).values()) == [message_id]
    assert seed.recover(core, max_deaths=3).count == 0
