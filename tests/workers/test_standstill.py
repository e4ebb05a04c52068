"""Workers and schedulers that stand still, or meet records they cannot read: they go on and harm nobody."""

import asyncio
import logging

import pytest

from qstash_rq.core import Core
from qstash_rq.delivery import Attempt
from qstash_rq.message import State
from qstash_rq.queues import upsert_queue
from qstash_rq.settings import Settings
from qstash_rq.store import keys
from qstash_rq.store.connection import open_async_client
from qstash_rq.store.executor import AsyncExecutor, AsyncRedisClient, Word
from tests.clock import FakeClock
from tests.workers.scripted_deliverer import Answer, ScriptedDeliverer
from tests.workers.test_delivery_loop import OK, message_id_of, run_loop, state_of, stored
from workers.delivery_loop import DeliveryLoop, LoopOptions
from workers.prepared import PreparedDelivery
from workers.scheduler import DeliveryScheduler


class LateAnswers:
    """A client whose first answer with a claim in it is heard a lease too late."""

    def __init__(self, client: AsyncRedisClient, clock: FakeClock, late_ms: int) -> None:
        self._client = client
        self._clock = clock
        self._late_ms = late_ms

    async def execute_command(self, *words: Word) -> object:
        """Send a command, and let the answer to a successful claim wait."""
        answer = await self._client.execute_command(*words)
        if isinstance(answer, list) and answer[:1] == [b"claimed"] and len(answer) > 2:
            self._clock.advance(self._late_ms)
            self._late_ms = 0
        return answer

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def ruin(core: Core, message_id: str) -> None:
    """Put something else in the place of a record, as only somebody with a Redis prompt can."""
    core.store.commands([("DEL", keys.JOB(message_id)), ("SET", keys.JOB(message_id), "", "EX", 60)])


def test_a_claim_that_is_heard_too_late_is_not_sent(core: Core, settings: Settings, clock: FakeClock) -> None:
    """A worker that stood still for a lease sends nothing of it: its messages are for others by now."""
    (message_id,) = stored(core, 1)
    deliverer = ScriptedDeliverer(lambda _: OK)

    async def go() -> None:
        client = LateAnswers(open_async_client(settings.redis_url), clock, settings.lease_ms)
        options = LoopOptions(worker="w", concurrency=5, burst=True)
        await DeliveryLoop(core, AsyncExecutor(client), deliverer, options).run()  # type: ignore[arg-type]
        await client.aclose()

    asyncio.run(go())

    assert deliverer.handed == []
    assert state_of(core, message_id) is State.ACTIVE
    clock.advance(1)
    DeliveryScheduler(core).tick()
    run_loop(core, deliverer)
    assert state_of(core, message_id) is State.DELIVERED
    assert len(deliverer.handed) == 1


def test_one_outcome_that_cannot_be_written_keeps_no_other(
    core: Core, caplog: pytest.LogCaptureFixture
) -> None:
    """A record that was ruined in flight costs its own message, and neither the batch nor the worker."""
    ids = stored(core, 20)
    ruined = ids[7]

    def answer(prepared: PreparedDelivery) -> Answer:
        if message_id_of(prepared) == ruined:
            ruin(core, ruined)
        return Attempt(status=200)

    with caplog.at_level(logging.ERROR):
        run_loop(core, ScriptedDeliverer(answer))

    others = [one for one in ids if one != ruined]
    assert {state_of(core, one) for one in others} == {State.DELIVERED}
    assert "store.defect" in caplog.text
    assert ruined in caplog.text
    core.store.commands([("ZREM", keys.LIVE("defaultUser"), ruined), ("ZREM", keys.LEASES(), ruined)])


def test_a_ruined_record_keeps_no_other_from_being_claimed(core: Core) -> None:
    """What stands in line before and behind a ruined record is delivered."""
    ids = stored(core, 4)
    ruin(core, ids[1])

    run_loop(core, ScriptedDeliverer(lambda _: OK))

    assert {state_of(core, one) for one in (ids[0], *ids[2:])} == {State.DELIVERED}
    core.store.command("ZREM", keys.LIVE("defaultUser"), ids[1])


def test_a_ruined_record_stops_its_own_queue_alone(core: Core, caplog: pytest.LogCaptureFixture) -> None:
    """A queue whose next message is ruined waits until somebody sees to it, and says so; all others go on."""
    ruined, waiting = stored(core, 2, "orders")
    others = stored(core, 3)
    ruin(core, ruined)

    run_loop(core, ScriptedDeliverer(lambda _: OK))
    assert {state_of(core, one) for one in others} == {State.DELIVERED}
    assert state_of(core, waiting) is State.READY

    upsert_queue(core, "defaultUser", "orders", parallelism=2)
    with caplog.at_level(logging.ERROR):
        run_loop(core, ScriptedDeliverer(lambda _: OK))
    assert "store.defect" in caplog.text

    core.store.command("DEL", keys.JOB(ruined))
    upsert_queue(core, "defaultUser", "orders", parallelism=3)
    run_loop(core, ScriptedDeliverer(lambda _: OK))
    assert state_of(core, waiting) is State.DELIVERED
    core.store.command("ZREM", keys.LIVE("defaultUser"), ruined)


def test_a_ruined_record_keeps_no_other_from_being_promoted(core: Core, clock: FakeClock) -> None:
    """What is due beside a ruined record joins its line, and the ruined one stays due."""
    ids = stored(core, 3, not_before_ms=clock.now_ms() + 10)
    ruin(core, ids[1])
    clock.advance(20)

    DeliveryScheduler(core).tick()

    assert [state_of(core, ids[0]), state_of(core, ids[2])] == [State.READY] * 2
    assert core.store.command("ZRANGE", keys.DUE(), 0, -1) == [ids[1].encode()]
    core.store.commands([("ZREM", keys.DUE(), ids[1]), ("ZREM", keys.LIVE("defaultUser"), ids[1])])


def test_a_step_that_fails_keeps_the_scheduler_from_no_other(core: Core, clock: FakeClock) -> None:
    """What cannot be promoted is tried again later and later; leases end, ticks tick meanwhile."""
    (ruined,) = stored(core, 1, not_before_ms=clock.now_ms() + 10)
    ruin(core, ruined)
    clock.advance(20)
    scheduler = DeliveryScheduler(core)

    wake_ms = scheduler.tick()

    assert wake_ms is not None
    assert clock.now_ms() < wake_ms <= clock.now_ms() + 50
    assert core.store.command("EXISTS", keys.SCHEDULER(scheduler.name)) == 1
    again_ms = scheduler.tick()
    assert again_ms == wake_ms
    core.store.commands([("ZREM", keys.DUE(), ruined), ("ZREM", keys.LIVE("defaultUser"), ruined)])
    clock.advance(100)
    assert scheduler.tick() is None
