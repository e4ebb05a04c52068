"""Workers and schedulers that stand still, or meet records they cannot read: they go on and harm nobody."""

import asyncio
import logging

import pytest

from qstash_rq.claim import claim_messages, renew_leases
from qstash_rq.core import Core
from qstash_rq.delivery import Attempt, Withheld
from qstash_rq.message import State
from qstash_rq.settings import Settings
from qstash_rq.store import keys
from qstash_rq.store.connection import open_async_client
from qstash_rq.store.executor import AsyncExecutor, AsyncRedisClient, Word
from qstash_rq.sweeping import SWEEP_AFTER_MS, Sweeper
from qstash_rq.users import FIRST_USER
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
    core: Core, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A record that was ruined in flight costs its own message, and neither the batch nor the worker."""
    ids = stored(core, 20)
    ruined = ids[7]

    def answer(prepared: PreparedDelivery) -> Answer:
        if message_id_of(prepared) == ruined:
            ruin(core, ruined)
        return Attempt(status=200)

    with caplog.at_level(logging.WARNING):
        run_loop(core, ScriptedDeliverer(answer))

    others = [one for one in ids if one != ruined]
    assert {state_of(core, one) for one in others} == {State.DELIVERED}
    assert f"delivery.superseded message_id={ruined}" in caplog.text
    clock.advance(SWEEP_AFTER_MS)
    DeliveryScheduler(core).tick()
    assert (
        core.store.command("ZCARD", keys.LEASES()) == core.store.command("ZCARD", keys.LIVE(FIRST_USER)) == 0
    )


def test_a_ruined_record_keeps_no_lease_of_others_from_going_on(core: Core, clock: FakeClock) -> None:
    """Leases are renewed, and taken back, beside one whose record was ruined in flight."""
    ids = stored(core, 3)
    claims = core.store.run(claim_messages(core, worker="w", most=3))
    assert not isinstance(claims, Withheld)
    ruin(core, ids[0])

    lost = core.store.run(renew_leases(claims, lease_until_ms=clock.now_ms() + 20_000))

    assert lost == (ids[0],)
    clock.advance(20_001)
    DeliveryScheduler(core).tick()
    assert [state_of(core, one) for one in ids[1:]] == [State.READY] * 2
    assert core.store.command("ZCARD", keys.LEASES()) == 0
    core.store.command("ZREM", keys.LIVE(FIRST_USER), ids[0])


def test_a_ruined_record_keeps_no_other_from_being_claimed(core: Core) -> None:
    """What stands in line before and behind a ruined record is delivered."""
    ids = stored(core, 4)
    ruin(core, ids[1])

    run_loop(core, ScriptedDeliverer(lambda _: OK))

    assert {state_of(core, one) for one in (ids[0], *ids[2:])} == {State.DELIVERED}
    core.store.command("ZREM", keys.LIVE(FIRST_USER), ids[1])


@pytest.mark.parametrize("lanes", [(), ("defaultUser:orders", "defaultUser:others")])
def test_a_ruined_record_costs_its_queue_nothing_but_itself(core: Core, lanes: tuple[str, ...]) -> None:
    """What stands behind a ruined message of a queue is delivered, by workers of named lanes too."""
    ruined, *waiting = stored(core, 3, "orders")
    waiting += stored(core, 3, "others")
    ruin(core, ruined)

    run_loop(core, ScriptedDeliverer(lambda _: OK), lanes=lanes)

    assert {state_of(core, one) for one in waiting} == {State.DELIVERED}
    assert (
        core.store.command("EXISTS", keys.MEMBERS("defaultUser:orders"), keys.QUEUE("defaultUser:orders"))
        == 0
    )
    core.store.command("ZREM", keys.LIVE(FIRST_USER), ruined)


def test_a_ruined_record_that_holds_a_slot_gives_it_back(core: Core, clock: FakeClock) -> None:
    """A queue whose message was ruined in flight goes on after the next sweep."""
    ruined, waiting = stored(core, 2, "orders")
    core.store.run(claim_messages(core, worker="w", most=1))
    ruin(core, ruined)
    clock.advance(SWEEP_AFTER_MS)

    DeliveryScheduler(core).tick()
    run_loop(core, ScriptedDeliverer(lambda _: OK))

    assert state_of(core, waiting) is State.DELIVERED


def test_a_ruined_record_keeps_no_other_from_being_promoted(core: Core, clock: FakeClock) -> None:
    """What is due beside a ruined record joins its line, and the ruined one delays no later one."""
    ids = stored(core, 3, not_before_ms=clock.now_ms() + 10)
    ruin(core, ids[1])
    clock.advance(20)

    assert DeliveryScheduler(core).tick() is None

    assert [state_of(core, ids[0]), state_of(core, ids[2])] == [State.READY] * 2
    assert core.store.command("EXISTS", keys.DUE()) == 0
    core.store.command("ZREM", keys.LIVE(FIRST_USER), ids[1])


def test_a_ruined_record_is_told_of_once(
    core: Core, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The sweep names a message whose record is ruined, once; one that was deleted is no such thing."""
    ruined, deleted = stored(core, 2)
    ruin(core, ruined)
    core.store.command("DEL", keys.JOB(deleted))
    clock.advance(SWEEP_AFTER_MS)
    sweeper = Sweeper(core)

    with caplog.at_level(logging.ERROR):
        sweeper.sweep()
        sweeper.sweep()

    assert caplog.messages == [f"store.defect who=sweep ruined={ruined}"]
    run_loop(core, ScriptedDeliverer(lambda _: OK))


def test_a_step_that_fails_keeps_the_scheduler_from_no_other(core: Core, clock: FakeClock) -> None:
    """What cannot be promoted is tried again later and later; leases end, ticks tick meanwhile."""
    core.store.command("SET", keys.WAKES(), "")
    scheduler = DeliveryScheduler(core)

    wake_ms = scheduler.tick()

    assert wake_ms is not None
    assert clock.now_ms() < wake_ms <= clock.now_ms() + 50
    assert core.store.command("EXISTS", keys.SCHEDULER(scheduler.name)) == 1
    again_ms = scheduler.tick()
    assert again_ms == wake_ms
    core.store.command("DEL", keys.WAKES())
    clock.advance(100)
    assert scheduler.tick() is None
