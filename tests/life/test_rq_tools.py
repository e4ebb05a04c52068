"""RQ's own tools look at our queues and see the truth: `rq info`, `rq suspend`, `Job.fetch`."""

import re
import time
from datetime import UTC, datetime

import pytest
from redis import Redis
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from tests.life.caller import Caller
from tests.receiver import Gate, Receiver, Reply
from tests.running import Product
from tests.waiting import wait_until

USER = "defaultUser"


@pytest.fixture
def product(unmanned: Product) -> Product:
    """Give a product that has no workers but those of the test."""
    return unmanned


def _wait_for_info(product: Product, *patterns: str) -> None:
    """Return once one `rq info` has a line for each of `patterns`."""

    def shown() -> bool:
        text = product.rq("info", "--raw")
        return all(re.search(f"^{pattern}", text, re.MULTILINE) for pattern in patterns)

    wait_until(shown, f"rq info shows {patterns}", timeout_s=20)


def test_info_counts_what_waits_and_who_works(product: Product, api: Caller, receiver: Receiver) -> None:
    """Queues show their waiting messages, workers their state and how many deliveries they made."""
    gate = Gate()
    receiver.script("/held", Reply(gate=gate))
    receiver.script("/broken", Reply(status=500))
    for number in range(7):
        api.enqueue("counted", receiver.url("/held" if number == 0 else "/"))
    for _ in range(3):
        api.publish(receiver.url("/"))
    api.publish(receiver.url("/broken"), headers={"Upstash-Retries": "0"})
    _wait_for_info(product, f"queue {USER} 4, 0 executing", f"queue {USER}:counted 7, 0 executing")

    worker = product.start_worker("--name", "visible")
    receiver.wait_for(5)
    _wait_for_info(
        product,
        f"queue {USER} 0, .* 1 failed",
        f"queue {USER}:counted 6, ",
        "worker visible .* busy .* 3 finished, 1 failed",
    )
    gate.open()
    receiver.wait_for(11)
    _wait_for_info(product, f"queue {USER}:counted 0, ", "worker visible .* idle .* 10 finished, 1 failed")
    worker.stop()
    assert "visible" not in product.rq("info", "--raw")


def test_suspend_stops_deliveries_and_resume_continues_them(
    product: Product, api: Caller, receiver: Receiver
) -> None:
    """Suspended, workers finish what they hold and take nothing; resumed, they go on."""
    gate = Gate()
    receiver.script("/held", Reply(gate=gate))
    worker = product.start_worker()
    held = api.publish(receiver.url("/held"))
    receiver.wait_for(1)
    product.rq("suspend")
    waiting = [api.publish(receiver.url("/plain")) for _ in range(3)]
    waiting.append(api.enqueue("suspended", receiver.url("/queued")))
    worker.wait_for_output("worker.suspended")
    gate.open()

    api.wait_until_delivered(held)
    assert {tuple(api.states(message_id)) for message_id in waiting} == {("CREATED",)}
    product.rq("resume")
    for message_id in waiting:
        assert api.wait_until_delivered(message_id) == ["CREATED", "ACTIVE", "DELIVERED"]
    assert len(receiver.requests) == 5


def test_a_suspension_may_end_by_itself(product: Product, api: Caller, receiver: Receiver) -> None:
    """`rq suspend --duration 1` is over after a second, and workers notice."""
    worker = product.start_worker()
    worker.wait_for_output("Listening on")
    product.rq("suspend", "--duration", "1")

    api.wait_until_delivered(api.publish(receiver.url("/")))


def test_a_message_is_a_job(product: Product, api: Caller, receiver: Receiver) -> None:
    """RQ's `Job.fetch` reads a message's record at every stage of its life."""
    gate = Gate()
    receiver.script("/held", Reply(status=500, gate=gate))
    delayed = api.publish(receiver.url("/"), headers={"Upstash-Delay": "1h"})
    message_id = api.publish(receiver.url("/held"), headers={"Upstash-Retries": "0", "Upstash-Timeout": "9s"})
    done = api.enqueue("fetched", receiver.url("/"))
    with Redis.from_url(product.redis_url) as connection:

        def fetch(job_id: str) -> Job:
            return Job.fetch(job_id, connection=connection, serializer=JSONSerializer)

        job = fetch(message_id)
        assert (job.get_status(), job.origin) == (JobStatus.QUEUED, USER)
        assert (job.func_name, [*job.args]) == ("workers.delivery.deliver", [message_id])
        assert Job.fetch(message_id, connection=connection).get_status() == JobStatus.QUEUED
        assert abs(datetime.now(UTC) - job.created_at.replace(tzinfo=UTC)).total_seconds() < 30
        assert job.timeout is not None
        assert int(job.timeout) > 9
        assert fetch(delayed).get_status() == JobStatus.SCHEDULED

        worker = product.start_worker("--name", "fetched-by")
        receiver.wait_for(1, "/held")
        job = fetch(message_id)
        assert (job.get_status(), job.worker_name) == (JobStatus.STARTED, "fetched-by")
        gate.open()
        api.wait_for(message_id, "FAILED")
        api.wait_until_delivered(done)
        failed, finished = fetch(message_id), fetch(done)
        assert failed.get_status() == JobStatus.FAILED
        assert (finished.get_status(), finished.origin) == (JobStatus.FINISHED, f"{USER}:fetched")
        assert finished.ended_at is not None
        worker.stop()


def test_a_worker_may_serve_named_queues_only(product: Product, api: Caller, receiver: Receiver) -> None:
    """Given a name a worker serves that queue, now and later, and leaves the rest to others."""
    ours = [api.enqueue("ours", receiver.url("/ours")) for _ in range(5)]
    theirs = api.enqueue("theirs", receiver.url("/theirs"))
    plain = api.publish(receiver.url("/plain"))
    product.start_worker("ours")
    for message_id in ours:
        api.wait_until_delivered(message_id)

    started_ms = time.monotonic_ns() // 1_000_000
    api.wait_until_delivered(api.enqueue("ours", receiver.url("/ours-later")))
    (later,) = receiver.requests_to("/ours-later")
    # Woken by its bell, not by the end of a wait.
    assert later.arrived_ms - started_ms < 1000
    assert api.states(theirs) == api.states(plain) == ["CREATED"]

    product.start_worker()
    api.wait_until_delivered(theirs)
    api.wait_until_delivered(plain)


def test_a_pool_of_workers_delivers(product: Product, api: Caller, receiver: Receiver) -> None:
    """`rq worker-pool` runs several of our workers and stops them."""
    pool = product.start_pool(2)
    wait_until(lambda: product.rq("info", "--raw").count("\nworker ") == 2, "two workers are listed")
    ids = [api.publish(receiver.url("/")) for _ in range(50)]

    for message_id in ids:
        assert api.wait_until_delivered(message_id) == ["CREATED", "ACTIVE", "DELIVERED"]
    pool.stop()
    assert "worker " not in product.rq("info", "--raw")
