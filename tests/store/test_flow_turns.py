"""Lanes that wait for a flow-control key take turns: nobody starves, and a wake costs the same for many."""

import pytest

from qstash_rq.core import Core
from qstash_rq.delivery import Claim
from qstash_rq.message import Flow
from qstash_rq.store import keys
from tests import seed
from tests.clock import FakeClock
from tests.factories import NOW_MS, make_message
from tests.store import gates

ONE = Flow(key="k", parallelism=1)
SLACK_MS = 40  # of a period of one second


def _order(core: Core) -> list[str]:
    """End one delivery after the other; return the ids of those that start, in order."""
    order: list[str] = []
    while claims := seed.claim(core):
        assert len(claims) == 1
        order += seed.ids(claims)
        seed.deliver(core, claims)
    return order


# ── turns ──────────────────────────────────────────────────────────────────────────────────────


def test_a_queue_does_not_starve_behind_plain_messages(core: Core) -> None:
    """Of a key with a long backlog of its own, a queue's messages start in turn with it."""
    plain = seed.seed(core, 20, flow=ONE)
    queued = seed.seed(core, 3, "q", flow=ONE)

    order = _order(core)

    assert [order.index(one) for one in queued] == [1, 3, 5]
    assert [one for one in order if one in plain] == plain


def test_plain_messages_do_not_starve_behind_queues(core: Core) -> None:
    """However many queues wait, each round has one message of each and one of the key's own lane."""
    queued = [seed.seed(core, 2, f"q{number}", flow=ONE) for number in range(5)]
    plain = seed.seed(core, 2, flow=ONE)

    order = _order(core)

    assert set(order[:6]) == {plain[0], *(first for first, _ in queued)}
    assert set(order[6:]) == {plain[1], *(second for _, second in queued)}


def test_a_queue_that_comes_later_waits_behind_the_others(core: Core) -> None:
    """A gate that is open is no invitation while others wait there for their turn."""
    seed.seed(core, flow=ONE)
    running = seed.claim(core)
    early = seed.seed(core, 1, "early", flow=ONE)
    assert seed.claim(core) == ()
    late = seed.seed(core, 1, "late", flow=ONE)
    gates.change(core, "k", parallelism=2)
    assert seed.ring(core) == [seed.lane("late"), gates.gate("k")]

    assert seed.ids(seed.claim(core)) == early
    seed.deliver(core, running)
    assert seed.ids(seed.claim(core)) == late


def test_the_end_of_a_delivery_wakes_one_lane_whoever_waits(core: Core) -> None:
    """With hundreds of queues waiting, one lane is put on the ring and one queue asked."""
    seed.seed(core, flow=ONE)
    running = seed.claim(core)
    queues = [f"q{number:03}" for number in range(300)]
    for queue in queues:
        seed.accept(core, [make_message(queue_name=queue, flow=ONE)], max_queues=1000)
    assert seed.claim(core) == ()
    assert gates.waiters(core, "k") == [seed.lane(queue) for queue in queues]

    seed.deliver(core, running)
    assert seed.ring(core) == [gates.gate("k")]
    assert len(seed.claim(core)) == 1

    assert gates.waiters(core, "k") == [seed.lane(queue) for queue in queues[1:]]
    assert seed.ring(core) == []


@pytest.mark.parametrize("what", ["paused", "deleted", "cancelled", "full"])
def test_who_cannot_take_a_turn_is_passed_over(core: Core, what: str) -> None:
    """A queue that has nothing to start as its turn comes holds up nobody behind it."""
    seed.seed(core, flow=ONE)
    running = seed.claim(core)
    seed.upsert(core, "first", parallelism=2)
    seed.seed(core, 1, "first")
    (held,) = seed.claim(core)
    (first,) = seed.seed(core, 1, "first", flow=ONE)
    (second,) = seed.seed(core, 1, "second", flow=ONE)
    assert seed.claim(core) == ()
    if what == "paused":
        seed.upsert(core, "first", paused=True)
    elif what == "deleted":
        seed.close(core, "first")
    elif what == "cancelled":
        seed.cancel(core, first)
    else:
        seed.upsert(core, "first", parallelism=1)

    seed.deliver(core, running)

    claims = seed.claim(core)
    assert seed.ids(claims) == [second]
    assert seed.ring(core) == []
    seed.deliver(core, [held, *claims])
    seed.upsert(core, "first", paused=False)
    seed.drain(core, "first")
    assert seed.ids(seed.claim(core)) == ([first] if what in ("paused", "full") else [])


def test_a_turn_is_one_message(core: Core) -> None:
    """A queue with free slots takes one place a turn and then waits behind the others."""
    seed.upsert(core, "a", parallelism=5)
    seed.upsert(core, "b", parallelism=5)
    seed.seed(core, flow=ONE)
    running = seed.claim(core)
    first = seed.seed(core, 3, "a", flow=ONE)
    second = seed.seed(core, 3, "b", flow=ONE)
    assert seed.claim(core) == ()
    gates.change(core, "k", parallelism=4)

    claims = seed.claim(core)

    assert seed.ids(claims) == [first[0], second[0], first[1]]
    seed.deliver(core, [*running, *claims])
    assert set(seed.ids(seed.claim(core))) == {first[2], *second[1:]}


# ── windows and slots together ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("queue", [None, "q"])
def test_the_end_of_a_window_wakes_what_waits(core: Core, clock: FakeClock, queue: str | None) -> None:
    """A key that only time opens is noted with that time; what waits in a queue is woken through it."""
    flow = Flow(key="k", rate=1, period_ms=1000)
    seed.seed(core, flow=flow)
    seed.deliver(core, seed.claim(core))
    seed.alarm(core)
    (waiting,) = seed.seed(core, 1, queue, flow=flow)
    assert seed.claim(core) == ()

    assert gates.wakes(core) == {gates.gate("k"): NOW_MS + 1000 + SLACK_MS}
    assert seed.alarm(core)
    clock.advance(1000 + SLACK_MS - 1)
    assert seed.promote(core).next_ms == NOW_MS + 1000 + SLACK_MS
    assert seed.claim(core) == ()
    clock.advance(1)
    seed.promote(core)
    assert seed.ids(seed.claim(core)) == [waiting]
    assert gates.fields(core, "k")["window_ms"] == clock.now_ms()


@pytest.mark.parametrize("queue", [None, "q"])
@pytest.mark.parametrize("last", ["slot", "window"])
def test_a_gate_shut_by_both_limits_opens_with_the_last(
    core: Core, clock: FakeClock, queue: str | None, last: str
) -> None:
    """When a slot is free and a window begun, in whatever order that happens, the next one starts."""
    flow = Flow(key="k", parallelism=1, rate=1, period_ms=1000)
    seed.seed(core, flow=flow)
    running = seed.claim(core)
    (waiting,) = seed.seed(core, 1, queue, flow=flow)
    assert seed.claim(core) == ()

    if last == "window":
        seed.deliver(core, running)
        assert seed.claim(core) == ()
    clock.advance(1000 + SLACK_MS)
    seed.promote(core)
    if last == "slot":
        assert seed.claim(core) == ()
        seed.deliver(core, running)

    assert seed.ids(seed.claim(core)) == [waiting]


@pytest.mark.parametrize(("period_ms", "start_ms"), [(500, 520), (1000, 1040), (5000, 5200)])
def test_another_period_moves_the_end_of_the_window(
    core: Core, clock: FakeClock, period_ms: int, start_ms: int
) -> None:
    """The window that runs is as long as the period says that came last, for those that wait already too."""
    seed.seed(core, flow=Flow(key="k", rate=1, period_ms=1000))
    seed.deliver(core, seed.claim(core))
    (waiting,) = seed.seed(core, 1, "q", flow=Flow(key="k", rate=1, period_ms=1000))
    assert seed.claim(core) == ()
    seed.seed(core, 1, flow=Flow(key="k", rate=1, period_ms=period_ms))

    started_ms: list[int] = []
    while not started_ms:
        if seed.ids(seed.claim(core)) == [waiting]:
            started_ms.append(clock.now_ms() - NOW_MS)
            break
        wake_ms = seed.promote(core).next_ms
        assert wake_ms is not None
        clock.advance(wake_ms - clock.now_ms())
        seed.promote(core)

    assert started_ms == [start_ms]


@pytest.mark.parametrize("queue", [None, "q"])
@pytest.mark.parametrize(
    "wider", [Flow(key="k", parallelism=2, rate=2), Flow(key="k", parallelism=2, rate=1, period_ms=10)]
)
def test_a_wider_limit_wakes_what_waits_whenever_its_message_is_due(
    core: Core, clock: FakeClock, queue: str | None, wider: Flow
) -> None:
    """Limits hold from the accept on: a message that brings wider ones lets others start before it."""
    narrow = Flow(key="k", parallelism=2, rate=1, period_ms=60_000)
    seed.seed(core, flow=narrow)
    seed.claim(core)
    (waiting,) = seed.seed(core, 1, queue, flow=narrow)
    assert seed.claim(core) == ()
    clock.advance(30)

    seed.seed(core, 1, "other", flow=wider, delay_ms=60_000)

    assert seed.ids(seed.claim(core)) == [waiting]


def test_a_window_that_is_over_needs_no_scheduler_once_somebody_asks(core: Core, clock: FakeClock) -> None:
    """A queue that finds the gate open, and others waiting, lets them have their turn at once."""
    flow = Flow(key="k", rate=2, period_ms=1000)
    seed.seed(core, 2, flow=flow)
    seed.deliver(core, seed.claim(core))
    early = seed.seed(core, 1, "early", flow=flow)
    assert seed.claim(core) == ()
    clock.advance(1000 + SLACK_MS)
    late = seed.seed(core, 1, "late", flow=flow)

    assert seed.ids(seed.claim(core)) == [*early, *late]


# ── workers that serve named lanes ─────────────────────────────────────────────────────────────


def test_workers_of_a_named_queue_hear_that_its_key_is_free(core: Core) -> None:
    """The bells of the queues that listen longest ring when the gate may have opened, sixteen at a time."""
    seed.seed(core, flow=ONE)
    running = seed.claim(core)
    queues = [f"q{number:02}" for number in range(20)]
    _listen(core, queues)

    seed.deliver(core, running)

    assert [queue for queue in queues if seed.bell(core, queue)] == queues[:16]


def test_queues_that_nobody_serves_keep_no_other_from_hearing(core: Core) -> None:
    """A worker behind any number of queues whose workers are gone hears; a queue nobody named is not rung."""
    seed.seed(core, 3, flow=ONE)
    running = seed.claim(core)
    for number in range(40):
        seed.accept(core, [make_message(queue_name=f"ring{number}", flow=ONE)], max_queues=100)
    gone = [f"q{number:02}" for number in range(20)]
    _listen(core, gone)
    _listen(core, ["served"])
    heard: list[bool] = []

    for _ in range(2):
        seed.deliver(core, running)
        heard.append(seed.bell(core, "served"))
        running = seed.claim(core, 1, lanes=[gates.gate("k")])

    assert heard == [False, True]


def _listen(core: Core, queues: list[str]) -> None:
    """Let a worker that serves these queues by name find a message in each, and the gate shut."""
    lanes = [seed.lane(queue) for queue in queues]
    for queue, lane in zip(queues, lanes, strict=True):
        core.store.command("HSET", keys.WATCHED(), lane, NOW_MS)
        seed.accept(core, [make_message(queue_name=queue, flow=ONE)], max_queues=100)
    assert seed.claim(core, lanes=lanes) == ()
    for queue in queues:
        seed.bell(core, queue)


def test_a_named_queue_needs_no_turn(core: Core) -> None:
    """A worker that serves nothing but one queue takes from it when the key lets it, and waits no more."""
    seed.seed(core, flow=ONE)
    running = seed.claim(core)
    (first,) = seed.seed(core, 1, "first", flow=ONE)
    (named,) = seed.seed(core, 1, "named", flow=ONE)
    lanes = [seed.lane("named")]
    assert seed.claim(core) == ()
    assert seed.claim(core, lanes=lanes) == ()
    seed.deliver(core, running)

    claims = seed.claim(core, lanes=lanes)

    assert seed.ids(claims) == [named]
    assert gates.waiters(core, "k") == [seed.lane("first")]
    seed.deliver(core, claims)
    assert seed.ids(seed.claim(core)) == [first]


def test_a_worker_of_the_keys_lane_is_given_no_queues(core: Core) -> None:
    """Named, the lane of a key gives its own messages alone; the queues' turn comes with other workers."""
    seed.seed(core, flow=ONE)
    running = seed.claim(core)
    queued = seed.seed(core, 1, "q", flow=ONE)
    plain = seed.seed(core, 2, flow=ONE)
    assert seed.claim(core) == ()
    seed.deliver(core, running)

    lanes = [gates.gate("k")]
    for expected in plain:
        claims = seed.claim(core, lanes=lanes)
        assert seed.ids(claims) == [expected]
        seed.deliver(core, claims)
    assert seed.claim(core, lanes=lanes) == ()

    assert seed.ids(seed.claim(core)) == queued


# ── nothing stays behind ───────────────────────────────────────────────────────────────────────


def test_the_last_message_of_a_key_takes_waiters_and_wakes_with_it(core: Core, clock: FakeClock) -> None:
    """Queues that waited with messages that are cancelled now, and the end of a window, are forgotten."""
    flow = Flow(key="k", rate=1, period_ms=60_000)
    seed.seed(core, flow=flow)
    seed.deliver(core, seed.claim(core))
    waiting = [*seed.seed(core, 1, "a", flow=flow), *seed.seed(core, 1, "b", flow=flow)]
    assert seed.claim(core) == ()
    assert gates.waiters(core, "k") == [seed.lane("a"), seed.lane("b")]

    seed.cancel(core, *waiting)

    assert gates.waiters(core, "k") == []
    assert gates.wakes(core) == {}
    assert gates.users(core, "k") == set()
    assert seed.claim(core) == ()
    assert seed.ring(core) == []
    del clock


# ── retries that hold a queue's slot ───────────────────────────────────────────────────────────


def _retry_that_waits(core: Core, clock: FakeClock, parallelism: int = 2) -> tuple[str, tuple[Claim, ...]]:
    """Let a message come back with its slot of queue q while its key is in use; return it and who uses it."""
    seed.upsert(core, "q", parallelism=parallelism)
    (held,) = seed.seed(core, 1, "q", flow=ONE)
    seed.retry(core, seed.claim(core))
    seed.seed(core, flow=ONE)
    using = seed.claim(core)
    clock.advance(1000)
    seed.promote(core)
    return held, using


def test_a_retry_that_waits_for_its_key_keeps_no_free_slot_back(core: Core, clock: FakeClock) -> None:
    """The queue's other slots go on with what stands behind it, and it starts itself when its key is free."""
    held, using = _retry_that_waits(core, clock)
    (second, third) = seed.seed(core, 2, "q")

    behind = seed.claim(core)
    assert seed.ids(behind) == [second]
    assert seed.claim(core) == ()
    assert gates.waiters(core, "k") == [seed.lane("q")]
    seed.deliver(core, behind)
    last = seed.claim(core)
    assert seed.ids(last) == [third]

    seed.deliver(core, using)
    assert seed.ids(seed.claim(core)) == [held]


def test_retries_behind_one_that_waits_start_in_their_order(core: Core, clock: FakeClock) -> None:
    """Whoever holds a slot and may start does, however many before it wait for other keys."""
    held, _ = _retry_that_waits(core, clock, parallelism=3)
    (second, third) = seed.seed(core, 2, "q")
    seed.retry(core, seed.claim(core))
    clock.advance(1000)
    seed.promote(core)
    assert set(seed.line(core, "q")) == {held, second, third}

    assert set(seed.ids(seed.claim(core))) == {second, third}
    assert seed.line(core, "q") == [held]


def test_what_was_never_started_is_not_overtaken(core: Core) -> None:
    """The order of a queue holds although a slot is free: all behind it wait when the next one does."""
    seed.upsert(core, "q", parallelism=2)
    seed.seed(core, flow=ONE)
    seed.claim(core)
    seed.seed(core, 1, "q", flow=ONE)
    seed.seed(core, 1, "q")

    assert seed.claim(core) == ()
