"""settle.lua: what became of attempts."""

import pytest

from qstash_rq.core import Core
from qstash_rq.delivery import Settled
from qstash_rq.store import keys
from qstash_rq.store.delivery_scripts import Settlement
from qstash_rq.store.delivery_scripts import settle as settle_call
from qstash_rq.store.message_scripts import Canceled
from tests import seed
from tests.clock import FakeClock
from tests.factories import NOW_MS, make_message

_OUTCOMES = [Settled.DELIVERED, Settled.RETRY, Settled.FAILED]


@pytest.mark.parametrize("queue", [None, "q"])
@pytest.mark.parametrize(
    ("outcome", "canceled", "word", "state", "story"),
    [
        (Settled.DELIVERED, False, Settled.DELIVERED, "delivered", ["DELIVERED"]),
        (Settled.DELIVERED, True, Settled.DELIVERED, "delivered", ["CANCEL_REQUESTED", "DELIVERED"]),
        (Settled.RETRY, False, Settled.RETRY, "due", ["ERROR", "RETRY"]),
        (Settled.RETRY, True, Settled.CANCELED, "canceled", ["CANCEL_REQUESTED", "ERROR", "CANCELED"]),
        (Settled.FAILED, False, Settled.FAILED, "failed", ["ERROR", "FAILED"]),
        (Settled.FAILED, True, Settled.CANCELED, "canceled", ["CANCEL_REQUESTED", "ERROR", "CANCELED"]),
    ],
)
def test_an_outcome_becomes_a_state_and_a_story(
    core: Core,
    queue: str | None,
    outcome: Settled,
    canceled: bool,
    word: Settled,
    state: str,
    story: list[str],
) -> None:
    """Each outcome, of a cancelled message or not, leaves the state and the log records of contract 5.1."""
    (message_id,) = seed.seed(core, queue=queue)
    claims = seed.claim(core)
    if canceled:
        assert seed.cancel(core, message_id) == (Canceled.REQUESTED,)

    assert seed.settle(core, claims, outcome, due_ms=NOW_MS + 5) == (word,)

    assert seed.state(core, message_id) == state
    assert seed.story(core, message_id) == ["CREATED", "ACTIVE", *story]
    assert seed.leases(core) == {}
    assert len(seed.dead(core)) == (state == "failed")


def test_a_delivered_message_is_off_every_index(core: Core) -> None:
    """After delivery only the record and the log are left, the record for the log's retention."""
    (message_id,) = seed.seed(core, queue="q")

    seed.deliver(core, seed.claim(core))

    record = seed.record(core, message_id)
    assert (record["status"], record["ended_ms"]) == ("finished", str(NOW_MS))
    assert record["ended_at"] == "2023-11-14T22:13:20.000000Z"
    assert 0 < seed.ttl_ms(core, message_id) <= seed.KEEP_MS
    assert seed.live(core) == seed.slots(core, "q") == set()
    assert seed.members(core, "q") == seed.line(core, "q") == []


def test_a_retry_waits_for_its_time_and_keeps_its_slot(core: Core) -> None:
    """A message between two attempts is due, living, holds its slot, and says when it is tried next."""
    (message_id,) = seed.seed(core, queue="q")

    seed.retry(core, seed.claim(core), in_ms=1234)

    record = seed.record(core, message_id)
    assert (record["status"], record["retried"]) == ("scheduled", "1")
    assert record["not_before_ms"] == str(NOW_MS + 1234)
    assert seed.due(core) == {message_id: NOW_MS + 1234}
    assert seed.slots(core, "q") == seed.live(core) == {message_id}
    assert seed.ttl_ms(core, message_id) == -1
    error, retry = seed.log(core, message_id)[-2:]
    assert error["n"] == retry["n"] == str(NOW_MS + 1234)


def test_a_retry_that_is_due_first_rings_the_alarm(core: Core) -> None:
    """The scheduler is woken for a retry that comes before everything it knows of."""
    seed.seed(core, delay_ms=1000)
    seed.seed(core)
    seed.alarm(core)

    seed.retry(core, seed.claim(core), in_ms=500)

    assert seed.alarm(core)


def test_a_failed_message_is_a_dead_letter(core: Core) -> None:
    """A last failure makes an entry in the dead letters and in RQ's failed jobs, with the response kept."""
    (message_id,) = seed.seed(core, queue="q")

    seed.fail(core, seed.claim(core), body=b"gone")

    record = seed.record(core, message_id)
    assert record["status"] == "failed"
    assert seed.dead(core) == {record["dlq_id"]: message_id}
    assert record["dlq_id"] == f"{NOW_MS}-0"
    assert '"status":404' in record["response"]
    assert record["response_body"] == "gone"
    assert seed.failed(core, "q") == {message_id: (NOW_MS + seed.DEAD_KEEP_MS) // 1000}
    assert seed.KEEP_MS < seed.ttl_ms(core, message_id) <= seed.DEAD_KEEP_MS
    error, failed = seed.log(core, message_id)[-2:]
    assert (error["d"], error["b"], error["n"]) == (record["response"], "gone", "")
    assert (failed["s"], failed["d"]) == ("FAILED", record["response"])


def test_a_freed_slot_wakes_the_lane_only_when_somebody_waits(core: Core) -> None:
    """The end of a queue's last message leaves the lane off the ring, any other end puts it there."""
    seed.seed(core, 2, "q")

    seed.deliver(core, seed.claim(core))
    assert seed.ring(core) == [seed.lane("q")]
    seed.deliver(core, seed.claim(core))
    assert seed.ring(core) == []


# ── late workers ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("outcome", _OUTCOMES)
@pytest.mark.parametrize(
    "since", ["recovered", "claimed again", "delivered", "retried", "failed", "canceled", "forgotten"]
)
def test_a_late_settle_is_superseded(core: Core, clock: FakeClock, outcome: Settled, since: str) -> None:
    """Whatever happened since, a settle of an attempt that is over changes not one key."""
    seed.upsert(core, "q")
    (message_id,) = seed.seed(core, queue="q")
    late = seed.claim(core)
    if since == "delivered":
        seed.deliver(core, late)
    elif since == "retried":
        seed.retry(core, late)
    elif since == "failed":
        seed.fail(core, late)
    elif since == "canceled":
        seed.cancel(core, message_id)
        seed.retry(core, late)
    elif since == "forgotten":
        seed.deliver(core, late)
        core.store.command("DEL", keys.JOB(message_id))
    else:
        clock.advance(seed.LEASE_MS + 1)
        seed.recover(core)
    if since == "claimed again":
        seed.claim(core)
    before = seed.contents(core)

    assert seed.settle(core, late, outcome, due_ms=NOW_MS + 5) == (Settled.SUPERSEDED,)

    assert seed.contents(core) == before


@pytest.mark.parametrize("outcome", _OUTCOMES)
def test_a_settle_sent_twice_is_written_once(core: Core, outcome: Settled) -> None:
    """A settle repeated because its answer was lost is superseded and changes nothing."""
    seed.seed(core, 3, "q")
    claims = seed.claim(core)
    seed.settle(core, claims, outcome, due_ms=NOW_MS + 5)
    before = seed.contents(core)

    assert seed.settle(core, claims, outcome, due_ms=NOW_MS + 5) == (Settled.SUPERSEDED,)

    assert seed.contents(core) == before


@pytest.mark.parametrize("outcome", _OUTCOMES)
def test_a_message_twice_in_one_call_is_settled_once(core: Core, outcome: Settled) -> None:
    """The second mention of an attempt in the same call is superseded."""
    seed.seed(core, queue="q")
    claims = seed.claim(core) * 2

    assert seed.settle(core, claims, outcome, due_ms=NOW_MS + 5) == (outcome, Settled.SUPERSEDED)


def test_each_attempt_of_a_call_stands_for_itself(core: Core, clock: FakeClock) -> None:
    """A call settles attempts of several users and outcomes; a late one among them stops no other."""
    ids = seed.seed(core, 3) + seed.seed(core, 1, user_id="other")
    claims = {one.message.message_id: one for one in seed.claim(core)}
    clock.advance(seed.LEASE_MS + 1)
    seed.recover(core)
    again = {one.message.message_id: one for one in seed.claim(core)}
    outcomes = [Settled.DELIVERED, Settled.RETRY, Settled.FAILED, Settled.FAILED]
    attempts = [claims[ids[0]].attempt, *(again[one].attempt for one in ids[1:])]

    words = core.store.run(
        settle_call(
            worker="w",
            now_ms=clock.now_ms(),
            keep_ms=1000,
            dead_keep_ms=1000,
            max_timeout_ms=1000,
            settlements=[
                Settlement(message_id=message_id, attempt=attempt, outcome=outcome, due_ms=NOW_MS * 2)
                for message_id, attempt, outcome in zip(ids, attempts, outcomes, strict=True)
            ],
        )
    )

    assert words == (Settled.SUPERSEDED, Settled.RETRY, Settled.FAILED, Settled.FAILED)
    assert [seed.state(core, one) for one in ids] == ["active", "due", "failed", "failed"]
    assert list(seed.dead(core).values()) == [ids[2]]
    assert list(seed.dead(core, "other").values()) == [ids[3]]


def test_settling_nothing_is_nothing(core: Core) -> None:
    """An empty call writes nothing."""
    before = seed.contents(core)

    assert seed.deliver(core, []) == ()

    assert seed.contents(core) == before


# ── the worker's numbers ───────────────────────────────────────────────────────────────────────


def test_finished_and_failed_deliveries_count_for_the_worker(core: Core) -> None:
    """RQ's record of the worker counts deliveries and dead letters, retries and late settles not."""
    seed.seed(core, 4)
    claims = seed.claim(core)
    core.store.command("HSET", keys.WORKER("w"), "birth", "now")
    core.store.command("EXPIRE", keys.WORKER("w"), 60)

    seed.deliver(core, claims[:2])
    seed.fail(core, claims[2:3])
    seed.retry(core, claims[3:])
    seed.deliver(core, claims)

    counts = core.store.command("HMGET", keys.WORKER("w"), "successful_job_count", "failed_job_count")
    assert counts == [b"2", b"1"]


def test_no_record_is_made_for_a_worker_that_has_none(core: Core) -> None:
    """A settle by something that is no RQ worker, or one that has died, leaves no worker's record behind."""
    seed.seed(core)

    seed.deliver(core, seed.claim(core))

    assert core.store.command("EXISTS", keys.WORKER("w")) == 0


def test_bare_claims_are_deliveries(core: Core) -> None:
    """A claim among settlements was delivered; each of them finds its own words, callbacks or not."""
    ids = seed.seed(core, 4)
    claims = seed.claim(core)
    callback = make_message()

    words = core.store.run(
        settle_call(
            worker="w",
            now_ms=NOW_MS,
            keep_ms=1000,
            dead_keep_ms=1000,
            max_timeout_ms=1000,
            settlements=[
                claims[0],
                Settlement(
                    message_id=ids[1],
                    attempt=1,
                    outcome=Settled.FAILED,
                    response="{}",
                    body=b"no",
                    callbacks=(callback,),
                    placeholder="none",
                ),
                Settlement(message_id=ids[2], attempt=1, outcome=Settled.RETRY, due_ms=NOW_MS + 5),
                claims[3],
            ],
        )
    )

    assert words == (Settled.DELIVERED, Settled.FAILED, Settled.RETRY, Settled.DELIVERED)
    assert [seed.state(core, one) for one in ids] == ["delivered", "failed", "due", "delivered"]
    assert seed.state(core, callback.message_id) == "ready"
