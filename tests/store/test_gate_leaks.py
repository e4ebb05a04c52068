"""However messages of a flow-control key end, with callbacks or not, they give back all they held."""

from collections.abc import Callable, Iterable

import pytest

from qstash_rq.core import Core
from qstash_rq.delivery import Claim
from qstash_rq.message import Flow, Message
from qstash_rq.store import keys
from qstash_rq.users import FIRST_USER
from tests import seed
from tests.clock import FakeClock
from tests.factories import make_message
from tests.store import gates

# Wide enough for all that is made here: what is in flight must be given back, not only waited for.
FLOW = Flow(key="k", parallelism=9)


def _callbacks() -> list[Message]:
    return [make_message(flow=Flow(key="c", parallelism=1)), make_message(flow=FLOW)]


def _each(core: Core, settle: Callable[..., object], claims: Iterable[Claim]) -> None:
    """Settle each claim by a call of its own, with callbacks of its own."""
    for one in claims:
        settle(core, [one], callbacks=_callbacks())


def _delivered(core: Core, clock: FakeClock) -> None:
    _each(core, seed.deliver, seed.claim(core))
    del clock


def _failed(core: Core, clock: FakeClock) -> None:
    _each(core, seed.fail, seed.claim(core))
    del clock


def _retried(core: Core, clock: FakeClock) -> None:
    _each(core, seed.retry, seed.claim(core))
    clock.advance(1000)
    seed.promote(core)


def _lost(core: Core, clock: FakeClock) -> None:
    seed.claim(core)
    clock.advance(seed.LEASE_MS + 1)
    seed.recover(core)


def _cancelled_in_flight_and_lost(core: Core, clock: FakeClock) -> None:
    seed.claim(core)
    seed.cancel(core, *seed.live(core))
    clock.advance(seed.LEASE_MS + 1)
    seed.recover(core)


def _cancelled_in_flight(core: Core, clock: FakeClock) -> None:
    claims = seed.claim(core)
    seed.cancel(core, *seed.live(core))
    _each(core, seed.retry, claims)
    del clock


def _delivered_after_cancel(core: Core, clock: FakeClock) -> None:
    claims = seed.claim(core)
    seed.cancel(core, *seed.live(core))
    _each(core, seed.deliver, claims)
    del clock


def _cancelled(core: Core, clock: FakeClock) -> None:
    seed.cancel(core, *seed.live(core))
    del clock


def _superseded(core: Core, clock: FakeClock) -> None:
    late = seed.claim(core)
    _lost(core, clock)
    _each(core, seed.deliver, late)


def _deleted(core: Core, clock: FakeClock) -> None:
    seed.close(core, "q")
    seed.drain(core, "q")
    del clock


def _deleted_in_flight(core: Core, clock: FakeClock) -> None:
    claims = seed.claim(core)
    _deleted(core, clock)
    _each(core, seed.deliver, claims)


def _deleted_in_flight_and_lost(core: Core, clock: FakeClock) -> None:
    seed.claim(core)
    seed.close(core, "q")
    clock.advance(seed.LEASE_MS + 1)
    seed.recover(core)
    seed.drain(core, "q")


def _revived(core: Core, clock: FakeClock) -> None:
    _failed(core, clock)
    seed.accept(core, [make_message(queue_name="q", flow=FLOW)], revived=list(seed.dead(core))[:1])


_WAYS = [
    _delivered,
    _failed,
    _retried,
    _lost,
    _cancelled,
    _cancelled_in_flight,
    _cancelled_in_flight_and_lost,
    _delivered_after_cancel,
    _superseded,
    _deleted,
    _deleted_in_flight,
    _deleted_in_flight_and_lost,
    _revived,
]


def _finish(core: Core, clock: FakeClock) -> None:
    """Let all that still lives be delivered."""
    for _ in range(100):
        if not seed.live(core):
            return
        clock.advance(1000)
        seed.promote(core)
        seed.deliver(core, seed.claim(core))
    pytest.fail("something lives on")


def _nothing_is_held(core: Core, key: str) -> None:
    assert gates.users(core, key) == set()
    assert gates.in_flight(core, key) == set()
    assert gates.waiters(core, key) == []
    assert gates.ttl_ms(core, key) != -1


@pytest.mark.parametrize("way", _WAYS)
@pytest.mark.parametrize("queue", [None, "q"])
def test_nothing_is_held_when_all_is_over(
    core: Core, clock: FakeClock, queue: str | None, way: Callable[[Core, FakeClock], None]
) -> None:
    """No slot of a key or queue, no user of a key, no waiter, no wake and no lingering message stays."""
    seed.upsert(core, "q", parallelism=2)
    seed.seed(core, 3, queue, flow=FLOW)
    seed.seed(core, 1, queue, flow=FLOW, delay_ms=500)

    way(core, clock)
    _finish(core, clock)

    for key in ("k", "c"):
        _nothing_is_held(core, key)
    assert gates.wakes(core) == {}
    assert seed.slots(core, "q") == set()
    assert seed.members(core, "q") == []
    if core.store.command("SISMEMBER", keys.QUEUE_NAMES(FIRST_USER), "q"):
        assert gates.lingering(core, "q") == (0, 0)
    seed.claim(core)
    assert seed.ring(core) == []


def test_each_end_gives_back_one_place(core: Core, clock: FakeClock) -> None:
    """Of several deliveries of a key that end in different ways each starts exactly one other."""
    flow = Flow(key="k", parallelism=4)
    seed.seed(core, 20, flow=flow)
    a, b, c, d = seed.claim(core)

    seed.deliver(core, [a])
    assert len(seed.claim(core)) == 1
    seed.fail(core, [b])
    assert len(seed.claim(core)) == 1
    seed.retry(core, [c])
    assert len(seed.claim(core)) == 1
    seed.cancel(core, d.message.message_id)
    assert seed.claim(core) == ()
    seed.retry(core, [d])
    assert len(seed.claim(core)) == 1
    for one in (a, b, c, d):
        seed.deliver(core, [one])
    assert seed.claim(core) == ()

    clock.advance(seed.LEASE_MS + 1)
    assert seed.recover(core).count == 4
    assert len(seed.claim(core)) == 4
    assert seed.recover(core).count == 0
    assert seed.claim(core) == ()


def test_a_key_that_nobody_uses_any_more_lets_late_messages_through(core: Core) -> None:
    """When a gate has expired and is made anew, nothing of the old one counts."""
    flow = Flow(key="k", parallelism=1, rate=1, period_ms=60_000)
    seed.seed(core, flow=flow)
    seed.deliver(core, seed.claim(core))
    core.store.command("PEXPIRE", keys.FLOW(gates.gate("k")), 0)
    (newer,) = seed.seed(core, flow=flow)

    assert seed.ids(seed.claim(core)) == [newer]
    assert gates.fields(core, "k")["count"] == 1
