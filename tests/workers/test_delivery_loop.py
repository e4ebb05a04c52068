"""The delivery loop on a real server, with a scripted deliverer in place of the network."""

import asyncio
from dataclasses import replace

import pytest

from qstash_rq.core import Core
from qstash_rq.delivery import Attempt
from qstash_rq.flow_control import get_flow
from qstash_rq.ids import new_message_id
from qstash_rq.lanes import Lane
from qstash_rq.message import Flow, Message, State
from qstash_rq.messages import get_message
from qstash_rq.queues import pause_queue, upsert_queue
from qstash_rq.store import keys
from qstash_rq.storing import store_messages
from qstash_rq.upkeep import promote_due
from qstash_rq.users import FIRST_USER
from qstash_rq.waiting import watch_lanes
from tests.clock import FakeClock
from tests.workers.loops import run_loop, until
from tests.workers.scripted_deliverer import Answer, ScriptedDeliverer
from workers.delivery_loop import DeliveryLoop
from workers.prepared import PreparedDelivery

OK = Attempt(status=200)


def stored(core: Core, count: int, queue: str | None = None, **changes: object) -> list[str]:
    """Store `count` messages and return their ids."""
    now_ms = core.clock.now_ms()
    base = Message(
        message_id="",
        user_id=FIRST_USER,
        url="http://a.io/",
        created_at_ms=now_ms,
        not_before_ms=now_ms,
        queue_name=queue,
    )
    messages = [replace(base, message_id=new_message_id(), **changes) for _ in range(count)]  # type: ignore[arg-type]
    for message in messages:
        store_messages(core, [message])
    return [message.message_id for message in messages]


def message_id_of(prepared: PreparedDelivery) -> str:
    """Return the message a delivery belongs to."""
    return dict(prepared.headers)["Upstash-Message-Id"]


def state_of(core: Core, message_id: str) -> State:
    """Return where a message is in its life."""
    return get_message(core, FIRST_USER, message_id).state


def test_everything_that_waits_is_delivered_once(core: Core) -> None:
    """A burst delivers each waiting message exactly once and settles it."""
    ids = stored(core, 230)
    deliverer = ScriptedDeliverer(lambda _: OK)

    loop = run_loop(core, deliverer)

    assert sorted(ids) == sorted(message_id_of(one) for one in deliverer.handed)
    assert {State.DELIVERED} == {state_of(core, one) for one in ids}
    assert (loop.claimed, loop.in_flight) == (230, 0)


def test_concurrency_is_never_exceeded(core: Core) -> None:
    """No more deliveries are open at a time than the loop may hold, and that many are."""
    stored(core, 60)
    gate = asyncio.Event()
    deliverer = ScriptedDeliverer(lambda _: gate)

    async def story(loop: DeliveryLoop) -> None:
        await until(lambda: deliverer.open == 7)
        gate.set()
        await until(lambda: loop.claimed == 60 and loop.in_flight == 0)

    run_loop(core, deliverer, story=story, concurrency=7)

    assert deliverer.most_open == 7


def test_a_waiting_loop_wakes_for_a_new_message(core: Core) -> None:
    """A loop that waits at the ring delivers what is published, without a poll in between."""
    deliverer = ScriptedDeliverer(lambda _: OK)

    async def story(loop: DeliveryLoop) -> None:
        await asyncio.sleep(0)
        (message_id,) = await asyncio.to_thread(stored, core, 1)
        started = asyncio.get_running_loop().time()
        await until(lambda: [message_id_of(one) for one in deliverer.handed] == [message_id])
        assert asyncio.get_running_loop().time() - started < 1
        await until(lambda: loop.in_flight == 0)

    run_loop(core, deliverer, story=story)


def test_stop_lets_what_is_in_flight_finish(core: Core) -> None:
    """After stop nothing more is claimed, and the loop ends when its deliveries are settled."""
    first = stored(core, 1)
    gate = asyncio.Event()
    deliverer = ScriptedDeliverer(lambda _: gate)

    async def story(loop: DeliveryLoop) -> None:
        await until(lambda: deliverer.open == 1)
        loop.stop()
        await asyncio.to_thread(stored, core, 3)
        gate.set()

    loop = run_loop(core, deliverer, story=story)

    assert (loop.claimed, state_of(core, first[0])) == (1, State.DELIVERED)


def test_a_fifo_queue_goes_one_at_a_time_in_order(core: Core) -> None:
    """Messages of a queue with parallelism 1 are delivered in order, never two at once."""
    ids = stored(core, 40, "q")
    deliverer = ScriptedDeliverer(lambda _: OK)

    run_loop(core, deliverer)

    assert ids == [message_id_of(one) for one in deliverer.handed]
    assert deliverer.most_open == 1


def test_a_named_lane_is_served_alone(core: Core) -> None:
    """A loop with named lanes leaves the others to others, and its bell wakes it."""
    plain = stored(core, 2)
    lane = Lane(FIRST_USER, "q").name
    watch_lanes(core, [lane])
    deliverer = ScriptedDeliverer(lambda _: OK)

    async def story(loop: DeliveryLoop) -> None:
        await asyncio.to_thread(stored, core, 5, "q")
        await until(lambda: loop.claimed == 5 and loop.in_flight == 0)

    run_loop(core, deliverer, story=story, lanes=(lane,))

    assert {State.READY} == {state_of(core, one) for one in plain}


def test_a_failed_attempt_waits_for_its_retry(core: Core) -> None:
    """An attempt that fails with retries left makes the message due again, not ready."""
    (message_id,) = stored(core, 1)
    run_loop(core, ScriptedDeliverer(lambda _: Attempt(status=500)))

    view = get_message(core, FIRST_USER, message_id)

    assert State.DUE is view.state
    assert core.clock.now_ms() + 12_182 == view.not_before_ms


@pytest.mark.parametrize("error", [RuntimeError("boom"), ValueError("no")])
def test_an_error_inside_the_worker_is_a_failed_attempt(core: Core, error: Exception) -> None:
    """A deliverer that raises fails that one attempt; the loop and the other messages go on."""
    bad, good = stored(core, 1, url="http://bad.io/", max_retries=0) + stored(core, 1)

    def answer(prepared: PreparedDelivery) -> Answer:
        return error if "bad" in prepared.url else OK

    run_loop(core, ScriptedDeliverer(answer))

    assert (state_of(core, bad), state_of(core, good)) == (State.FAILED, State.DELIVERED)


def test_a_paused_queue_is_left_alone(core: Core) -> None:
    """Nothing is claimed from a paused queue; a burst ends beside it."""
    upsert_queue(core, FIRST_USER, "q")
    pause_queue(core, FIRST_USER, "q")
    (message_id,) = stored(core, 1, "q")

    loop = run_loop(core, ScriptedDeliverer(lambda _: OK))

    assert (loop.claimed, state_of(core, message_id)) == (0, State.READY)


def test_max_messages_ends_the_loop(core: Core) -> None:
    """A loop with a limit claims exactly that many messages."""
    stored(core, 9)

    loop = run_loop(core, ScriptedDeliverer(lambda _: OK), max_messages=4)

    assert loop.claimed == 4


def test_leases_of_slow_deliveries_are_renewed(core: Core) -> None:
    """While an endpoint is slow its lease is pushed on, as long as the clock goes."""
    quick = replace(core, settings=replace(core.settings, lease_ms=60))
    (message_id,) = stored(quick, 1)
    gate = asyncio.Event()
    deliverer = ScriptedDeliverer(lambda _: gate)

    def lease_end() -> int:
        (row,) = core.store.command("ZRANGE", "{test}:qstash:leases", 0, -1, "WITHSCORES")[1:]
        return int(float(row))

    async def story(loop: DeliveryLoop) -> None:
        await until(lambda: deliverer.open == 1)
        first_end = await asyncio.to_thread(lease_end)
        core.clock.advance(1_000)  # type: ignore[attr-defined]
        await until(lambda: lease_end() == first_end + 1_000)
        gate.set()
        await until(lambda: loop.in_flight == 0)

    run_loop(quick, deliverer, story=story)

    assert State.DELIVERED is state_of(core, message_id)


def test_a_suspended_deployment_delivers_nothing(core: Core) -> None:
    """While `rq suspend` is on the loop claims nothing; afterwards it goes on by itself."""
    core.store.command("SET", "{test}:suspended", 1)
    stored(core, 1)
    deliverer = ScriptedDeliverer(lambda _: OK)

    async def story(loop: DeliveryLoop) -> None:
        await until(lambda: loop.suspended)
        assert deliverer.handed == []
        await asyncio.to_thread(core.store.command, "DEL", "{test}:suspended")
        await until(lambda: loop.claimed == 1 and loop.in_flight == 0)

    run_loop(core, deliverer, story=story)


def _limited(core: Core, count: int) -> list[str]:
    return stored(core, count, flow=Flow(key="k", rate=2, period_ms=1_000))


def _window(core: Core) -> tuple[int, int]:
    """Return when the window of the key began and when its first request arrived."""
    words = core.store.command(
        "HMGET", keys.FLOW(Lane(FIRST_USER, flow_key="k").name), "window_ms", "arrived_ms"
    )
    return int(words[0]), int(words[1])


def test_a_window_is_confirmed_by_the_answer(core: Core, clock: FakeClock) -> None:
    """When a request of a rate-limited key is answered, its window is known to have begun at the endpoint."""
    began_ms = clock.now_ms()
    _limited(core, 1)

    def answer(prepared: PreparedDelivery) -> Answer:
        assert prepared.leave is not None
        clock.advance(15)
        assert prepared.leave()
        clock.advance(6)
        return OK

    run_loop(core, ScriptedDeliverer(answer))

    assert _window(core) == (began_ms, began_ms + 22)


def test_a_lagging_worker_sends_nothing_after_its_window(core: Core, clock: FakeClock) -> None:
    """What comes too late to leave is given back unsent, costs no attempt, and leaves in a later window."""
    first, second = _limited(core, 2)
    left: list[tuple[str, int]] = []
    began_ms = clock.now_ms()
    lags = iter([990, 0, 0, 0])

    def answer(prepared: PreparedDelivery) -> Answer:
        assert prepared.leave is not None
        clock.advance(next(lags))
        if not prepared.leave():
            return Attempt(error="too late")
        left.append((message_id_of(prepared), clock.now_ms() - began_ms))
        return OK

    deliverer = ScriptedDeliverer(answer)

    async def story(loop: DeliveryLoop) -> None:
        await until(lambda: len(deliverer.handed) == 2)
        await until(lambda: get_flow(core, FIRST_USER, "k").parallelism_count == 0)
        assert left == []
        clock.advance(50)
        await asyncio.to_thread(promote_due, core)
        await until(lambda: len(left) == 2 and loop.in_flight == 0)

    run_loop(core, deliverer, story=story)

    assert sorted(left) == sorted([(first, 1_040), (second, 1_040)])
    assert {get_message(core, FIRST_USER, one).state for one in (first, second)} == {State.DELIVERED}
    assert get_flow(core, FIRST_USER, "k").rate_count == 2
