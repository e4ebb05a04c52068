"""expire.lua: the log and the dead letters are trimmed by age and by length."""

import pytest

from qstash_rq.core import Core
from qstash_rq.store import keys
from qstash_rq.store.message_scripts import discard
from qstash_rq.store.upkeep_scripts import expire
from qstash_rq.users import FIRST_USER
from tests import seed
from tests.clock import FakeClock

LOG_MS = 10_000
DLQ_MS = 20_000
GRACE_MS = 60


def _expire(core: Core, *, log_max_entries: int = 1000, most: int = 1000, user_id: str = FIRST_USER) -> int:
    call = expire(
        user_id=user_id,
        now_ms=core.clock.now_ms(),
        log_retention_ms=LOG_MS,
        log_max_entries=log_max_entries,
        dlq_retention_ms=DLQ_MS,
        grace_ms=GRACE_MS,
        most=most,
    )
    return core.store.run(call)


@pytest.mark.parametrize(("age_ms", "removed"), [(0, 0), (LOG_MS, 0), (LOG_MS + 1, 3)])
def test_log_entries_go_when_they_are_older_than_the_retention(
    core: Core, clock: FakeClock, age_ms: int, removed: int
) -> None:
    """An entry as old as the retention stays, an older one goes; the record goes with its last entry."""
    (message_id,) = seed.seed(core)
    seed.deliver(core, seed.claim(core))
    clock.advance(age_ms)

    assert _expire(core) == removed

    assert len(seed.log(core)) == 3 - removed
    assert (seed.record(core, message_id) == {}) == (removed > 0)


@pytest.mark.parametrize(("age_ms", "removed"), [(DLQ_MS, 0), (DLQ_MS + 1, 1)])
def test_dead_letters_go_when_they_are_older_than_the_retention(
    core: Core, clock: FakeClock, age_ms: int, removed: int
) -> None:
    """A letter as old as the retention stays; an older one leaves the dead letters and RQ's failed jobs."""
    seed.seed_dead(core, queue="q")
    clock.advance(LOG_MS + 1)
    _expire(core)
    clock.advance(age_ms - LOG_MS - 1)

    assert _expire(core) == removed

    assert len(seed.dead(core)) == len(seed.failed(core, "q")) == 1 - removed


def test_only_what_is_old_goes(core: Core, clock: FakeClock) -> None:
    """Between an old and a young message the cut is exact, also within one millisecond of the log."""
    old = seed.seed(core, 2)
    seed.deliver(core, seed.claim(core))
    clock.advance(LOG_MS + 1)
    young = seed.seed(core, 2)
    seed.deliver(core, seed.claim(core))

    assert _expire(core) == 6

    assert {entry["m"] for entry in seed.log(core)} == set(young)
    assert all(not seed.record(core, one) for one in old)
    assert all(len(seed.story(core, one)) == 3 for one in young)


def test_dead_letters_keep_their_records(core: Core, clock: FakeClock) -> None:
    """When the log of a dead letter goes, the letter can still be read and revived."""
    (dlq_id,) = seed.seed_dead(core)
    message_id = seed.dead(core)[dlq_id]
    clock.advance(LOG_MS + 1)

    assert _expire(core) == 4

    assert seed.log(core) == []
    assert seed.record(core, message_id)["dlq_id"] == dlq_id
    assert list(seed.dead(core)) == [dlq_id]


def test_living_messages_keep_their_records(core: Core, clock: FakeClock) -> None:
    """A message that waits longer than the log is kept loses its old entries and nothing else."""
    (delayed,) = seed.seed(core, delay_ms=LOG_MS * 3)
    (ready,) = seed.seed(core, queue="q")
    (active,) = seed.seed(core)
    claims = seed.claim(core)
    assert set(seed.ids(claims)) == {ready, active}
    seed.retry(core, [one for one in claims if one.message.message_id == ready], in_ms=LOG_MS * 2)
    clock.advance(LOG_MS + 1)

    assert _expire(core) == 7

    assert [seed.state(core, one) for one in (delayed, ready, active)] == ["due", "due", "active"]
    seed.deliver(core, [one for one in claims if one.message.message_id == active])
    assert seed.story(core, active) == ["DELIVERED"]


@pytest.mark.parametrize(("most_entries", "left"), [(100, 9), (9, 9), (8, 8), (4, 4), (1, 1)])
def test_the_log_is_cut_to_its_length(core: Core, clock: FakeClock, most_entries: int, left: int) -> None:
    """Over the maximum the oldest entries go, exactly as many as are too many."""
    for _ in range(3):
        seed.seed(core)
        seed.deliver(core, seed.claim(core))
        clock.advance(GRACE_MS + 1)
    entries = seed.log(core)

    assert _expire(core, log_max_entries=most_entries) == 9 - left

    assert seed.log(core) == entries[9 - left :]


def test_length_spares_records_that_must_still_be_found(core: Core, clock: FakeClock) -> None:
    """A message that ended a moment ago keeps its record when its entries are cut, until it expires."""
    ids = seed.seed(core, 1)
    seed.deliver(core, seed.claim(core))
    clock.advance(GRACE_MS + 1)
    ids += seed.seed(core, 1)
    seed.deliver(core, seed.claim(core))
    clock.advance(GRACE_MS)
    (waiting,) = seed.seed(core, 1)

    assert _expire(core, log_max_entries=1) == 6

    assert seed.record(core, ids[0]) == {}
    assert seed.state(core, ids[1]) == "delivered"
    assert 0 < seed.ttl_ms(core, ids[1]) <= seed.KEEP_MS
    assert seed.story(core, waiting) == ["CREATED"]


@pytest.mark.parametrize("state", ["delivered", "canceled", "failed and discarded"])
def test_every_terminal_record_goes_with_its_last_entry(core: Core, clock: FakeClock, state: str) -> None:
    """However a message ended, nothing of it is left when its log is gone."""
    (message_id,) = seed.seed(core)
    if state == "delivered":
        seed.deliver(core, seed.claim(core))
    elif state == "canceled":
        seed.cancel(core, message_id)
        seed.claim(core)
    else:
        seed.fail(core, seed.claim(core))
        core.store.run(discard(user_id=FIRST_USER, dlq_ids=list(seed.dead(core))))
    clock.advance(LOG_MS + 1)

    _expire(core)

    assert seed.record(core, message_id) == {}
    assert seed.log(core) == []


def test_one_call_is_bounded_and_calls_add_up(core: Core, clock: FakeClock) -> None:
    """Each call removes at most as many entries of either stream as told; the next one goes on."""
    seed.seed_dead(core, 3)
    clock.advance(DLQ_MS + 1)

    removed = [_expire(core, most=5) for _ in range(4)]

    assert removed == [3 + 5, 5, 2, 0]
    assert seed.log(core) == []
    assert seed.dead(core) == seed.failed(core) == {}


def test_a_letter_whose_record_expired_first_leaves_rqs_registry(core: Core, clock: FakeClock) -> None:
    """With equal retentions the record goes before its letter: RQ's failed jobs are cleaned all the same."""
    (dlq_id,) = seed.seed_dead(core, queue="q")
    core.store.command("DEL", keys.JOB(seed.dead(core)[dlq_id]))
    clock.advance(DLQ_MS + 1)

    _expire(core)

    assert seed.dead(core) == seed.failed(core, "q") == {}


def test_only_the_named_user_is_trimmed(core: Core, clock: FakeClock) -> None:
    """Another user's log and dead letters stay until it is that user's turn."""
    seed.seed_dead(core, user_id="other")
    clock.advance(DLQ_MS + 1)
    before = seed.contents(core)

    assert _expire(core) == 0

    assert seed.contents(core) == before
    assert _expire(core, user_id="other") == 5
