"""The scheduler on a real server and a clock that stands still."""

from datetime import UTC, datetime

from qstash_rq.claim import claim_messages
from qstash_rq.core import Core
from qstash_rq.message import State
from qstash_rq.messages import get_message
from qstash_rq.queues import list_queues, upsert_queue
from qstash_rq.users import FIRST_USER
from tests.workers.test_delivery_loop import stored
from workers.scheduler import HEARTBEAT_MS, RECOVER_TOGETHER_MS, REDIS_TIMEOUT_MS, DeliveryScheduler


def delayed(core: Core, delay_ms: int, count: int = 1) -> list[str]:
    """Store messages that are due in `delay_ms`."""
    return stored(core, count, not_before_ms=core.clock.now_ms() + delay_ms)


def state_of(core: Core, message_id: str) -> State:
    """Return where a message is in its life."""
    return get_message(core, FIRST_USER, message_id).state


def test_a_due_message_is_promoted_to_the_millisecond(core: Core) -> None:
    """A message is left alone a millisecond before its time and promoted at it."""
    (message_id,) = delayed(core, 5_000)
    scheduler = DeliveryScheduler(core)

    core.clock.advance(4_999)  # type: ignore[attr-defined]
    early = scheduler.tick()
    assert (state_of(core, message_id), early) == (State.DUE, core.clock.now_ms() + 1)

    core.clock.advance(1)  # type: ignore[attr-defined]
    assert scheduler.tick() is None
    assert state_of(core, message_id) is State.READY


def test_a_flood_due_at_once_is_promoted_in_one_tick(core: Core) -> None:
    """More messages than one script call moves are all promoted by one tick."""
    ids = delayed(core, 100, count=1_100)
    core.clock.advance(100)  # type: ignore[attr-defined]

    DeliveryScheduler(core).tick()

    assert {state_of(core, one) for one in ids} == {State.READY}


def test_two_schedulers_promote_a_message_once(core: Core) -> None:
    """A message that two schedulers find due stands in line once."""
    delayed(core, 100)
    core.clock.advance(100)  # type: ignore[attr-defined]

    DeliveryScheduler(core).tick()
    DeliveryScheduler(core).tick()

    assert core.store.command("LLEN", f"{{test}}:queue:{FIRST_USER}") == 1


def test_a_silent_workers_message_is_taken_back(core: Core) -> None:
    """When a lease has ended the tick puts the message in line again."""
    (message_id,) = stored(core, 1)
    core.store.run(claim_messages(core, worker="gone", most=1))
    scheduler = DeliveryScheduler(core)

    lease_end = scheduler.tick()
    assert lease_end == core.clock.now_ms() + core.settings.lease_ms + RECOVER_TOGETHER_MS
    assert state_of(core, message_id) is State.ACTIVE

    core.clock.advance(core.settings.lease_ms + 1)  # type: ignore[attr-defined]
    scheduler.tick()
    assert state_of(core, message_id) is State.READY


def test_a_deletion_cut_short_is_finished(core: Core) -> None:
    """Messages of a queue whose deletion a crash interrupted are cancelled by a heartbeat."""
    upsert_queue(core, FIRST_USER, "q")
    stored(core, 3, "q")
    lane = f"{FIRST_USER}:q"
    core.store.command("RENAME", f"{{test}}:qstash:members:{lane}", f"{{test}}:qstash:closing:{lane}")
    core.store.command("SADD", "{test}:qstash:closings", lane)

    core.clock.advance(HEARTBEAT_MS)  # type: ignore[attr-defined]
    DeliveryScheduler(core).tick()

    assert core.store.command("EXISTS", f"{{test}}:qstash:closing:{lane}", "{test}:qstash:closings") == 0
    assert core.store.command("ZCARD", f"{{test}}:qstash:live:{FIRST_USER}") == 0
    assert [queue.lag for queue in list_queues(core, FIRST_USER)] == [0]


def test_its_jobs_are_the_due_messages_with_their_times(core: Core) -> None:
    """As an rq-scheduler it lists the due messages as RQ jobs, with the time each is due."""
    (message_id,) = delayed(core, 90_500)

    ((job, due_at),) = DeliveryScheduler(core).get_jobs(with_times=True)

    due_ms = core.clock.now_ms() + 90_500
    assert job.id == message_id
    assert due_at.replace(tzinfo=UTC) == datetime.fromtimestamp(due_ms / 1000, UTC)


def test_it_sleeps_until_the_alarm_rings(core: Core) -> None:
    """A scheduler with time to sleep hears the alarm, which is silent afterwards."""
    delayed(core, 60_000)

    DeliveryScheduler(core).sleep_until(core.clock.now_ms() + 60_000)

    assert core.store.command("EXISTS", "{test}:qstash:alarm") == 0


def test_the_end_of_a_sleep_is_not_left_to_redis(core: Core) -> None:
    """In the last tenth of a second, which Redis does not divide, the scheduler waits by itself."""
    delayed(core, 60_000)

    DeliveryScheduler(core).sleep_until(core.clock.now_ms() + REDIS_TIMEOUT_MS)

    assert core.store.command("EXISTS", "{test}:qstash:alarm") == 1


def test_a_running_scheduler_leaves_a_record_that_expires(core: Core) -> None:
    """A scheduler says that it lives, and a dead one is forgotten by itself."""
    scheduler = DeliveryScheduler(core, name="s1")

    scheduler.tick()

    assert 0 < core.store.command("TTL", "{test}:scheduler_instance:s1") <= 20
