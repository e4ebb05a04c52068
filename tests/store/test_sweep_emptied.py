"""The sweep heals what `rq empty` leaves: it deletes the records of all messages that stand in a line."""

from collections.abc import Callable

import pytest
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from qstash_rq.core import Core
from qstash_rq.message import Flow
from qstash_rq.queues import get_queue
from qstash_rq.store import keys
from qstash_rq.sweeping import SWEEP_AFTER_MS, Sweeper
from qstash_rq.users import FIRST_USER
from tests import seed
from tests.clock import FakeClock
from tests.factories import make_message
from tests.store import gates
from tests.store.audit import Audit

FLOW = Flow(key="k", parallelism=1)


def _empty(core: Core, lane: str) -> None:
    Queue(lane, connection=core.store.client).empty()


def _sweep(core: Core, clock: FakeClock) -> None:
    clock.advance(SWEEP_AFTER_MS)
    Sweeper(core).sweep()


@pytest.mark.parametrize("flow", [None, FLOW])
def test_a_slot_does_not_wait_for_callbacks_that_were_emptied(
    core: Core, clock: FakeClock, flow: Flow | None
) -> None:
    """A message whose waiting callbacks are gone has nothing to wait for: its queue goes on."""
    first, second = seed.seed(core, 2, "q")
    callbacks = tuple(make_message(flow=flow) for _ in range(2))
    seed.deliver(core, seed.claim(core), callbacks=callbacks)
    _empty(core, gates.gate("k") if flow else seed.lane())
    assert seed.slots(core, "q") == {first}

    _sweep(core, clock)

    assert seed.ids(seed.claim(core)) == [second]
    assert gates.lingering(core, "q") == (0, 1)
    assert 0 < seed.ttl_ms(core, first) <= seed.KEEP_MS


def test_a_callback_that_was_left_is_still_waited_for(core: Core, clock: FakeClock) -> None:
    """The slot stays taken until the last callback that can still be delivered has ended."""
    first, second = seed.seed(core, 2, "q")
    callbacks = (make_message(), make_message(flow=FLOW))
    seed.deliver(core, seed.claim(core), callbacks=callbacks)
    _empty(core, seed.lane())

    _sweep(core, clock)

    assert seed.slots(core, "q") == {first}
    (left,) = seed.claim(core)
    assert left.message.message_id == callbacks[1].message_id
    seed.deliver(core, [left])
    assert seed.ids(seed.claim(core)) == [second]


def test_a_retry_that_was_emptied_gives_its_slot_back(core: Core, clock: FakeClock) -> None:
    """What stood in front of a queue with a slot, and is no more, makes room for what is enqueued next."""
    seed.seed(core, 2, "q")
    seed.retry(core, seed.claim(core), callbacks=(make_message(),))
    clock.advance(1000)
    seed.promote(core)
    _empty(core, seed.lane("q"))
    (third,) = seed.seed(core, 1, "q")

    _sweep(core, clock)
    claims = [one for one in seed.claim(core) if one.message.queue_name]

    assert seed.ids(claims) == [third]
    assert seed.members(core, "q") == [third]
    assert core.store.command("KEYS", keys.CALLBACKS("*")) == []


@pytest.mark.parametrize("queue", [None, "q"])
def test_a_key_is_not_used_by_messages_that_were_emptied(
    core: Core, clock: FakeClock, queue: str | None
) -> None:
    """When all that is left of a key is deleted it expires, and nothing waits for it."""
    seed.seed(core, flow=FLOW)
    running = seed.claim(core)
    seed.seed(core, 3, queue, flow=FLOW)
    assert seed.claim(core) == ()
    _empty(core, seed.lane("q") if queue else gates.gate("k"))

    _sweep(core, clock)

    assert gates.users(core, "k") == set(seed.ids(running))
    assert seed.live(core) == set(seed.ids(running))
    seed.deliver(core, running)
    assert seed.claim(core) == ()
    assert gates.users(core, "k") == set()
    assert gates.waiters(core, "k") == []
    assert gates.ttl_ms(core, "k") > 0


def test_a_job_that_was_deleted_in_flight_gives_its_place_back(core: Core, clock: FakeClock) -> None:
    """A place of a key whose record somebody deleted is not taken for ever."""
    (deleted, second) = seed.seed(core, 2, flow=FLOW)
    seed.claim(core)
    core.store.command("DEL", keys.JOB(deleted))

    _sweep(core, clock)

    assert gates.in_flight(core, "k") == set()
    assert seed.ids(seed.claim(core)) == [second]
    clock.advance(seed.LEASE_MS + 1)
    seed.recover(core)


def test_a_delayed_job_that_was_deleted_is_not_counted(core: Core, clock: FakeClock) -> None:
    """A queue's lag and the due set lose what RQ's own `delete` took, and keep what lives."""
    deleted, delayed = seed.seed(core, 2, "q", delay_ms=3_600_000)
    Job.fetch(deleted, connection=core.store.client, serializer=JSONSerializer).delete()
    assert get_queue(core, FIRST_USER, "q").lag == 2

    _sweep(core, clock)

    assert get_queue(core, FIRST_USER, "q").lag == 1
    assert seed.members(core, "q") == [delayed]
    assert core.store.command("ZRANGE", keys.DUE(), 0, -1) == [delayed.encode()]
    assert seed.live(core) == {delayed}


def test_what_lives_is_left_alone(core: Core, clock: FakeClock) -> None:
    """Where nobody deleted anything a sweep changes nothing."""
    seed.seed(core, 2, "q", flow=FLOW)
    seed.seed(core, 2, flow=FLOW, delay_ms=60_000)
    seed.deliver(core, seed.claim(core), callbacks=(make_message(flow=FLOW),))
    seed.claim(core)
    clock.advance(SWEEP_AFTER_MS)
    before = (seed.live(core), seed.slots(core, "q"), gates.users(core, "k"), gates.in_flight(core, "k"))

    Sweeper(core).sweep()

    assert before == (
        seed.live(core),
        seed.slots(core, "q"),
        gates.users(core, "k"),
        gates.in_flight(core, "k"),
    )


def test_a_key_that_waits_for_nothing_is_looked_at(core: Core, clock: FakeClock) -> None:
    """A worker whose clock ran ahead left a key shut for an hour: the sweep has somebody look at it."""
    flow = Flow(key="k", rate=1, period_ms=1000)
    clock.advance(3_600_000)
    seed.seed(core, 3, flow=flow)
    seed.claim(core)
    clock.advance(-3_600_000)
    seed.promote(core)
    assert seed.claim(core) == ()

    _sweep(core, clock)
    assert seed.claim(core) == ()
    clock.advance(1000)
    seed.promote(core)

    assert len(seed.claim(core)) == 1


_BREAKS: list[Callable[[Core], object]] = [
    lambda core: core.store.command("SADD", keys.SLOTS(gates.gate("k")), "msg_nobody"),
    lambda core: core.store.command("SADD", keys.FLOW_USERS(gates.gate("k")), "msg_nobody"),
    lambda core: core.store.command("SADD", keys.SLOTS(seed.lane("q")), "msg_nobody"),
]


@pytest.mark.parametrize("break_it", _BREAKS)
def test_whatever_leaks_is_seen_and_healed(
    core: Core, clock: FakeClock, break_it: Callable[[Core], object]
) -> None:
    """The audit of these tests fails while a gate holds a place for nobody, and a sweep frees it."""
    seed.seed(core, 1, "q", flow=FLOW)
    break_it(core)
    with pytest.raises(AssertionError):
        Audit(core).check()

    _sweep(core, clock)

    Audit(core).check()
    assert len(seed.claim(core)) == 1
