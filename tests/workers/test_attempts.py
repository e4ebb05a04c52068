"""Attempts of a deliverer that tells ends by a callback; `test_delivery_loop` has one that is awaited."""

import asyncio

import pytest

from qstash_rq.core import Core
from qstash_rq.delivery import Attempt
from qstash_rq.message import Flow, State
from qstash_rq.upkeep import promote_due
from tests.clock import FakeClock
from tests.workers.loops import run_loop, until
from tests.workers.scripted_deliverer import ScriptedDeliverer
from tests.workers.test_delivery_loop import OK, message_id_of, state_of, stored
from workers.curl_handle import Done
from workers.delivery_loop import DeliveryLoop
from workers.prepared import PreparedDelivery


class StartingScript(ScriptedDeliverer):
    """Starts all but URLs with `await` in them; keeps ends back in `held` if that is a list."""

    def __init__(self, answer: Attempt = OK) -> None:
        super().__init__(lambda _: answer)
        self._attempt = answer
        self.started: list[PreparedDelivery] = []
        self.held: list[Done] | None = None

    def start(self, prepared: PreparedDelivery, done: Done) -> bool:
        """Start one delivery."""
        if "defect" in prepared.url:
            msg = "boom"
            raise RuntimeError(msg)
        if "await" in prepared.url:
            return False
        self.started.append(prepared)
        if self.held is None:
            asyncio.get_running_loop().call_soon(done, self._attempt)
        else:
            self.held.append(done)
        return True


def test_what_can_be_started_is_not_awaited(core: Core) -> None:
    """Each message is delivered once: by its callback, or by the coroutine if that is what it takes."""
    started = stored(core, 60)
    awaited = stored(core, 5, url="http://await.io/")
    deliverer = StartingScript()

    run_loop(core, deliverer)

    assert sorted(map(message_id_of, deliverer.started)) == sorted(started)
    assert sorted(map(message_id_of, deliverer.handed)) == sorted(awaited)
    assert {state_of(core, one) for one in started + awaited} == {State.DELIVERED}


@pytest.mark.parametrize(("retries", "state"), [(0, State.FAILED), (3, State.DUE)])
def test_a_started_delivery_that_fails_is_judged(core: Core, retries: int, state: State) -> None:
    """What the callback is told decides what becomes of the message."""
    (message_id,) = stored(core, 1, max_retries=retries)

    run_loop(core, StartingScript(Attempt(status=500)))

    assert state_of(core, message_id) is state


def test_a_deliverer_that_cannot_start_fails_one_attempt(
    core: Core, caplog: pytest.LogCaptureFixture
) -> None:
    """An error on the way to the start ends that attempt; the loop and the other messages go on."""
    bad, good = stored(core, 1, url="http://defect.io/", max_retries=0) + stored(core, 1)

    run_loop(core, StartingScript())

    assert (state_of(core, bad), state_of(core, good)) == (State.FAILED, State.DELIVERED)
    assert f"delivery of {bad} failed inside the worker" in caplog.text


def test_a_cancelled_loop_settles_nothing_more(core: Core) -> None:
    """What ends after the loop was cancelled keeps its lease, until that ends."""
    (message_id,) = stored(core, 1)
    deliverer = StartingScript()
    ends: list[Done] = []
    deliverer.held = ends

    async def story(loop: DeliveryLoop) -> None:
        await until(lambda: len(ends) == 1)
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task() and "DeliveryLoop.run" in repr(task):
                task.cancel()
        await until(lambda: not [one for one in asyncio.all_tasks() if "Settler.run" in repr(one)])
        ends[0](OK)
        assert loop.in_flight == 1

    with pytest.raises(asyncio.CancelledError):
        run_loop(core, deliverer, story=story)

    assert state_of(core, message_id) is State.ACTIVE


def test_what_left_too_late_is_given_back_by_its_callback(core: Core, clock: FakeClock) -> None:
    """A started request that misses its rate window costs no attempt and waits for the next one."""
    (message_id,) = stored(core, 1, flow=Flow(key="k", rate=1, period_ms=1_000))
    deliverer = StartingScript()
    ends: list[Done] = []
    deliverer.held = ends

    async def story(loop: DeliveryLoop) -> None:
        await until(lambda: len(ends) == 1)
        clock.advance(1_500)
        leave = deliverer.started[0].leave
        assert leave is not None
        assert not leave()
        ends[0](Attempt(error="too late"))
        await asyncio.to_thread(promote_due, core)
        await until(lambda: len(ends) == 2)
        ends[1](OK)
        await until(lambda: loop.in_flight == 0)

    run_loop(core, deliverer, story=story)

    assert [message_id_of(one) for one in deliverer.started] == [message_id] * 2
    assert state_of(core, message_id) is State.DELIVERED
