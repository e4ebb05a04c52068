"""A message of a queue whose callbacks have not ended lingers: it is terminal and still holds its slot."""

import pytest

from qstash_rq.core import Core
from qstash_rq.delivery import Settled
from qstash_rq.message import Message
from qstash_rq.store import keys
from qstash_rq.store.upkeep_scripts import expire
from qstash_rq.users import FIRST_USER
from tests import seed
from tests.clock import FakeClock
from tests.factories import make_message
from tests.store import gates

DAY_MS = 86_400_000


def _callbacks(number: int = 1) -> tuple[Message, ...]:
    return tuple(make_message(url="https://example.com/callback") for _ in range(number))


def _ids(messages: tuple[Message, ...]) -> list[str]:
    return [one.message_id for one in messages]


@pytest.mark.parametrize("outcome", [Settled.DELIVERED, Settled.FAILED])
def test_a_message_with_callbacks_lingers(core: Core, outcome: Settled) -> None:
    """It is terminal and counts for no lag, but keeps slot and place until its callback has ended."""
    first, second = seed.seed(core, 2, "q")
    callbacks = _callbacks()

    seed.settle(core, seed.claim(core), outcome, callbacks=callbacks)

    assert seed.state(core, first) == outcome.value
    assert seed.live(core) == {second, *_ids(callbacks)}
    assert seed.slots(core, "q") == {first}
    assert seed.members(core, "q") == [first, second]
    assert gates.lingering(core, "q") == (1, 1)

    (callback,) = seed.claim(core)
    assert seed.deliver(core, [callback]) == (Settled.DELIVERED,)
    assert seed.slots(core, "q") == set()
    assert seed.members(core, "q") == [second]
    assert gates.lingering(core, "q") == (0, 1)
    assert seed.ids(seed.claim(core)) == [second]


@pytest.mark.parametrize("end", ["delivered", "failed", "cancelled", "cancelled in flight", "cancelled lost"])
def test_whatever_ends_a_callback_ends_the_wait(core: Core, clock: FakeClock, end: str) -> None:
    """Delivered, failed or cancelled in any way: the slot is free at once, and not before."""
    first, second = seed.seed(core, 2, "q")
    (callback,) = _callbacks()
    seed.deliver(core, seed.claim(core), callbacks=(callback,))
    if end != "cancelled":
        claims = seed.claim(core)
        seed.retry(core, claims, in_ms=5)
        assert seed.slots(core, "q") == {first}
        clock.advance(5)
        seed.promote(core)
        claims = seed.claim(core)
        assert seed.ids(claims) == [callback.message_id]
    if end == "delivered":
        seed.deliver(core, claims)
    elif end == "failed":
        seed.fail(core, claims)
    elif end == "cancelled":
        seed.cancel(core, callback.message_id)
    elif end == "cancelled in flight":
        seed.cancel(core, callback.message_id)
        assert seed.slots(core, "q") == {first}
        seed.retry(core, claims)
    else:
        seed.cancel(core, callback.message_id)
        clock.advance(seed.LEASE_MS + 1)
        seed.recover(core)

    assert gates.lingering(core, "q") == (0, 1)
    assert seed.ids(seed.claim(core)) == [second]


def test_the_last_callback_frees_the_slot(core: Core, clock: FakeClock) -> None:
    """Callbacks of earlier attempts count as well as those of the last one, in whatever order they end."""
    first, second = seed.seed(core, 2, "q")
    early, late = _callbacks(2), _callbacks(2)
    seed.retry(core, seed.claim(core), in_ms=5, callbacks=early)
    clock.advance(5)
    seed.promote(core)
    claims = {one.message.message_id: one for one in seed.claim(core)}
    assert set(claims) == {first, *_ids(early)}
    seed.fail(core, [claims[first]], callbacks=late)
    claims |= {one.message.message_id: one for one in seed.claim(core)}

    for message_id in (late[1].message_id, early[0].message_id, late[0].message_id):
        seed.deliver(core, [claims[message_id]])
        assert gates.lingering(core, "q") == (1, 1)
        assert seed.ids(seed.claim(core)) == []

    seed.deliver(core, [claims[early[1].message_id]])
    assert seed.ids(seed.claim(core)) == [second]


def test_callbacks_that_end_first_leave_nothing_to_wait_for(core: Core) -> None:
    """When the callbacks of earlier attempts are over, the end of the message frees the slot itself."""
    ids = seed.seed(core, 2, "q")
    seed.retry(core, seed.claim(core), in_ms=5, callbacks=_callbacks())
    seed.deliver(core, seed.claim(core))
    assert seed.slots(core, "q") == {ids[0]}

    seed.cancel(core, ids[0])

    assert gates.lingering(core, "q") == (0, 1)
    assert seed.ids(seed.claim(core)) == ids[1:]


def test_each_lingering_message_holds_its_own_slot(core: Core) -> None:
    """With parallelism 2 one message that lingers leaves the other slot to the rest, in order."""
    seed.upsert(core, "q", parallelism=2)
    ids = seed.seed(core, 4, "q")
    claims = seed.claim(core)
    seed.deliver(core, claims[1:], callbacks=_callbacks())
    (callback,) = seed.claim(core)

    seed.deliver(core, claims[:1])
    (third,) = seed.claim(core)
    assert third.message.message_id == ids[2]
    assert seed.claim(core) == ()
    assert gates.lingering(core, "q") == (1, 2)

    seed.deliver(core, [callback])
    assert seed.ids(seed.claim(core)) == ids[3:]


def _expire(core: Core) -> None:
    call = expire(
        user_id=FIRST_USER,
        now_ms=core.clock.now_ms(),
        log_retention_ms=DAY_MS,
        log_max_entries=1,
        dlq_retention_ms=DAY_MS,
        grace_ms=60,
        most=1000,
    )
    core.store.run(call)


@pytest.mark.parametrize("outcome", [Settled.DELIVERED, Settled.FAILED])
def test_a_callback_may_outlast_log_and_dead_letters(core: Core, clock: FakeClock, outcome: Settled) -> None:
    """However late a callback ends, it finds the slot it holds: a lingering record never expires."""
    first, second = seed.seed(core, 2, "q")
    seed.settle(core, seed.claim(core), outcome, callbacks=_callbacks())
    assert seed.ttl_ms(core, first) == -1
    clock.advance(2 * DAY_MS)
    _expire(core)
    assert seed.state(core, first) == outcome.value

    seed.deliver(core, seed.claim(core))

    kept_ms = seed.KEEP_MS if outcome is Settled.DELIVERED else seed.DEAD_KEEP_MS
    assert kept_ms - 10_000 < seed.ttl_ms(core, first) <= kept_ms
    assert seed.ids(seed.claim(core)) == [second]


@pytest.mark.parametrize("remade", ["before the drain", "after the drain", "never"])
def test_a_queue_deleted_while_a_message_lingers(core: Core, remade: str) -> None:
    """The callbacks of an old queue still go out; their end changes nothing in a new one of the same name."""
    first, waiting = seed.seed(core, 2, "q")
    seed.deliver(core, seed.claim(core), callbacks=_callbacks())
    seed.close(core, "q")
    if remade == "before the drain":
        seed.upsert(core, "q")
    assert seed.drain(core, "q") == 0
    assert [seed.state(core, one) for one in (first, waiting)] == ["delivered", "canceled"]
    new = seed.seed(core, 2, "q") if remade != "never" else []
    claims = seed.claim(core)
    assert seed.ids(claims)[1:] == new[:1]

    seed.deliver(core, claims[:1])

    assert core.store.command("EXISTS", keys.LANE(seed.lane("q"))) == (remade != "never")
    assert 0 < seed.ttl_ms(core, first) <= seed.KEEP_MS
    if remade != "never":
        assert gates.lingering(core, "q") == (0, 2)
        assert seed.slots(core, "q") == {new[0]}


def test_a_message_of_an_old_queue_does_not_linger_in_the_new_one(core: Core) -> None:
    """What was in flight as its queue was deleted and made anew ends without a trace in the new one."""
    (old,) = seed.seed(core, 1, "q")
    claims = seed.claim(core)
    seed.close(core, "q")
    new = seed.seed(core, 2, "q")
    assert seed.drain(core, "q") == 0

    assert seed.deliver(core, claims, callbacks=_callbacks()) == (Settled.DELIVERED,)

    assert gates.lingering(core, "q") == (0, 2)
    assert 0 < seed.ttl_ms(core, old) <= seed.KEEP_MS
    claims = seed.claim(core)
    assert new[0] in seed.ids(claims)
    seed.deliver(core, claims)
    assert gates.lingering(core, "q") == (0, 1)
