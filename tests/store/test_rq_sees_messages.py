"""What RQ's own classes see: messages are jobs, lanes are queues, dead letters are failed jobs."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from rq import Queue
from rq.job import Job, JobStatus
from rq.registry import FailedJobRegistry
from rq.serializers import DefaultSerializer, JSONSerializer
from rq.suspension import resume, suspend

from qstash_rq.core import Core
from qstash_rq.delivery import Withheld
from qstash_rq.message import State
from qstash_rq.store import delivery_scripts, keys, message_scripts, upkeep_scripts
from tests import seed
from tests.clock import FakeClock
from tests.factories import NOW_MS, make_message


def _connection(core: Core) -> Any:
    return core.store.client


def _job(core: Core, message_id: str, serializer: Any = None) -> Job:
    return Job.fetch(message_id, connection=_connection(core), serializer=serializer)


@pytest.mark.parametrize("serializer", [None, DefaultSerializer, JSONSerializer])
def test_a_message_is_an_rq_job(core: Core, serializer: Any) -> None:
    """RQ fetches a message with its status, origin, time of creation and time-out, by any serializer."""
    (message_id,) = seed.seed(core, queue="q", timeout_ms=30_000, body=b"\x00\xff")

    job = _job(core, message_id, serializer)

    assert (job.id, job.origin, job.get_status()) == (message_id, seed.lane("q"), JobStatus.QUEUED)
    assert job.created_at == datetime.fromtimestamp(NOW_MS / 1000, UTC)
    assert job.timeout == 90
    assert job.result_ttl == -1


def test_a_job_without_a_time_out_of_its_own_has_the_longest(core: Core) -> None:
    """RQ's alarm must never cut a delivery short."""
    (message_id,) = seed.seed(core)

    assert _job(core, message_id).timeout == core.settings.max_timeout_ms // 1000 + 60


def test_a_job_calls_our_function_and_is_json(core: Core) -> None:
    """What RQ would run is written as JSON, and says just the function and the message."""
    (message_id,) = seed.seed(core)

    job = _job(core, message_id, JSONSerializer)

    assert (job.func_name, job.args, job.kwargs) == ("workers.delivery.deliver", [message_id], {})
    assert json.loads(seed.record(core, message_id)["data"])[0] == "workers.delivery.deliver"


def test_a_worker_that_cannot_run_a_job_puts_it_back_in_front(core: Core) -> None:
    """RQ retries a failed job as often as it likes, at the front of its line."""
    (message_id,) = seed.seed(core)

    job = _job(core, message_id)

    assert job.retries_left is not None
    assert job.retries_left > 0
    assert job.enqueue_at_front_on_retry


def test_an_empty_body_takes_no_room(core: Core) -> None:
    """What a message does not have is no field of its record."""
    (message_id,) = seed.seed(core, body=b"")

    assert seed.record(core, message_id).keys().isdisjoint({"body", "source", "flow"})


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (State.DUE, JobStatus.SCHEDULED),
        (State.READY, JobStatus.QUEUED),
        (State.ACTIVE, JobStatus.STARTED),
        (State.DELIVERED, JobStatus.FINISHED),
        (State.FAILED, JobStatus.FAILED),
        (State.CANCELED, JobStatus.CANCELED),
    ],
)
def test_every_state_has_a_status_in_rq(core: Core, state: State, status: JobStatus) -> None:
    """RQ's word for a job follows ours for the message."""
    (message_id,) = seed.seed(core, delay_ms=10 if state is State.DUE else 0)
    if state is State.CANCELED:
        seed.cancel(core, message_id)
    claims = () if state is State.READY else seed.claim(core)
    if state is State.DELIVERED:
        seed.deliver(core, claims)
    elif state is State.FAILED:
        seed.fail(core, claims)

    job = _job(core, message_id)

    assert seed.state(core, message_id) == state.value
    assert job.get_status() == status
    assert (job.ended_at is not None) == (state in (State.DELIVERED, State.FAILED, State.CANCELED))
    assert (job.started_at is not None) == bool(claims)
    assert job.worker_name == ("w" if claims else None)


def test_rq_counts_the_lines(core: Core) -> None:
    """`rq info` counts what waits in line: not what is delayed, in flight or cancelled."""
    seed.seed(core, 5, "q")
    seed.seed(core, 1, "q", delay_ms=100)
    seed.seed(core, 2)
    (one,) = [one for one in seed.claim(core) if one.message.queue_name]
    seed.cancel(core, seed.line(core, "q")[1])

    counts = {queue.name: queue.count for queue in Queue.all(connection=_connection(core))}

    assert counts == {seed.lane("q"): 3, seed.lane(): 0}
    assert Queue(seed.lane("q"), connection=_connection(core)).get_job_ids() == seed.line(core, "q")
    assert one.message.message_id not in seed.line(core, "q")


def test_dead_letters_are_rqs_failed_jobs(core: Core, clock: FakeClock) -> None:
    """A dead letter is in the failed jobs of its lane until it is revived, deleted or expired."""
    first, second, third = seed.seed_dead(core, 3, "q")
    registry = FailedJobRegistry(seed.lane("q"), connection=_connection(core))
    ids = seed.dead(core)
    assert set(registry.get_job_ids(cleanup=False)) == set(ids.values())

    seed.accept(core, [make_message()], revived=[first])
    assert set(registry.get_job_ids(cleanup=False)) == {ids[second], ids[third]}
    core.store.run(message_scripts.discard(user_id="defaultUser", dlq_ids=[second]))
    assert registry.get_job_ids(cleanup=False) == [ids[third]]
    clock.advance(100_000)
    core.store.run(
        upkeep_scripts.expire(
            user_id="defaultUser",
            now_ms=clock.now_ms(),
            log_retention_ms=10**9,
            log_max_entries=1000,
            dlq_retention_ms=1000,
            grace_ms=0,
            most=10,
        )
    )
    assert registry.get_job_ids(cleanup=False) == []


def test_rq_suspend_and_resume_hold_for_claims(core: Core) -> None:
    """What `rq suspend` writes stops claims, and what `rq resume` does lets them go on."""
    seed.seed(core)
    call = delivery_scripts.claim(
        worker="w", now_ms=NOW_MS, lease_until_ms=NOW_MS + 1, most=1, most_in_flight=99
    )

    suspend(_connection(core))
    assert core.store.run(call) is Withheld.SUSPENDED
    resume(_connection(core))
    claims = core.store.run(call)
    assert not isinstance(claims, Withheld)
    assert len(claims) == 1


def test_no_pickle_is_stored(core: Core) -> None:
    """No value in Redis begins like a pickle: who can write to Redis must not run code in a worker."""
    seed.seed_dead(core, 1, "q", body=b"{}", headers=(("a", "b"),), labels=("x",))
    seed.seed(core, delay_ms=10)

    for key in core.store.command("KEYS", keys.JOB("*")):
        fields = core.store.command("HGETALL", key)
        assert not [name for name, value in fields.items() if value.startswith((b"\x80", b"x\x9c"))]
