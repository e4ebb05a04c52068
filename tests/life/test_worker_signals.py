"""How workers are told to stop: in peace by the first signal, at once by the second."""

import signal

import pytest

from tests.life.caller import Caller
from tests.process import Process
from tests.receiver import Gate, Receiver, Reply, hang
from tests.running import Product
from tests.waiting import wait_until


@pytest.fixture
def product(unmanned: Product) -> Product:
    """Give a product that has no workers but those of the test."""
    return unmanned


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_the_first_signal_lets_deliveries_finish(
    product: Product, api: Caller, receiver: Receiver, number: int
) -> None:
    """A worker told to stop takes nothing new, settles what it holds, takes its leave and exits with 0."""
    gate = Gate()
    receiver.script("/held", Reply(gate=gate))
    worker = product.start_worker()
    held = [api.publish(receiver.url("/held")) for _ in range(5)]
    receiver.wait_for(5)
    worker.signal(number)
    worker.wait_for_output("worker.stopping")
    late = api.publish(receiver.url("/late"))
    gate.open()

    assert worker.wait() == 0
    for message_id in held:
        assert api.states(message_id) == ["CREATED", "ACTIVE", "DELIVERED"]
    assert api.states(late) == ["CREATED"]
    assert "0 workers" in product.rq("info")
    product.start_worker()
    api.wait_until_delivered(late)
    assert len(receiver.requests) == 6


def _signal_until_ended(worker: Process) -> None:
    def ended() -> bool:
        worker.signal(signal.SIGTERM)
        return not worker.running

    wait_until(ended, "the worker has ended")


def test_the_second_signal_stops_at_once(product: Product, api: Caller, receiver: Receiver) -> None:
    """A worker told twice leaves its deliveries behind; they are redelivered when their leases end."""
    receiver.script("/held", hang(), Reply())
    worker = product.start_worker()
    message_id = api.publish(receiver.url("/held"))
    receiver.wait_for(1)
    _signal_until_ended(worker)
    assert api.states(message_id) == ["CREATED", "ACTIVE"]

    product.start_worker()
    assert api.wait_until_delivered(message_id) == ["CREATED", "ACTIVE", "ACTIVE", "DELIVERED"]


def test_an_idle_worker_stops_without_delay(product: Product) -> None:
    """A worker with nothing to do ends on the first signal, also while it waits at the ring."""
    worker = product.start_worker()
    worker.wait_for_output("Listening on")

    worker.stop()
    assert not worker.running


def test_a_burst_ends_when_all_is_done(product: Product, api: Caller, receiver: Receiver) -> None:
    """`rq worker --burst` delivers what there is and exits with 0."""
    ids = [api.publish(receiver.url("/")) for _ in range(20)]
    worker = product.start_worker("--burst")

    worker.wait_for_success()
    for message_id in ids:
        assert api.states(message_id) == ["CREATED", "ACTIVE", "DELIVERED"]


def test_a_worker_may_be_told_how_much_to_do(product: Product, api: Caller, receiver: Receiver) -> None:
    """`rq worker --max-jobs 3` delivers three messages and exits with 0."""
    ids = [api.publish(receiver.url("/")) for _ in range(5)]
    worker = product.start_worker("--max-jobs", "3")

    worker.wait_for_success()
    assert sorted(api.states(message_id)[-1] for message_id in ids) == ["CREATED"] * 2 + ["DELIVERED"] * 3
    product.start_worker("--burst").wait_for_success()
    assert len(receiver.requests) == 5
