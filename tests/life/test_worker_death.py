"""A worker dies in the middle of its work: what it held is delivered by the next one, in order."""

from collections import Counter
from time import monotonic

import pytest

from tests.life.caller import Caller
from tests.receiver import Gate, Receiver, Reply, Request, hang
from tests.running import Product

IN_FLIGHT = 200
RECOVERY_S = 10


@pytest.fixture
def product(unmanned: Product) -> Product:
    """Give a product that has no workers but those of the test."""
    return unmanned


def _ids(requests: tuple[Request, ...]) -> Counter[str]:
    return Counter(request.header("upstash-message-id") or "" for request in requests)


def test_two_hundred_deliveries_outlive_their_worker(
    product: Product, api: Caller, receiver: Receiver
) -> None:
    """After SIGKILL every message arrives, with its id, and only those in flight arrive twice."""
    gate = Gate()
    receiver.script("/plain", Reply(gate=gate))
    published = {api.publish(receiver.url("/plain")) for _ in range(IN_FLIGHT + 100)}
    worker = product.start_worker()
    receiver.wait_for(IN_FLIGHT)
    worker.kill()
    held = set(_ids(receiver.requests))
    receiver.wait_until_hung_up(IN_FLIGHT)

    killed_at = monotonic()
    gate.open()
    product.start_worker()
    for message_id in published:
        states = api.wait_until_delivered(message_id)
        again = ["ACTIVE"] if message_id in held else []
        assert states == ["CREATED", "ACTIVE", *again, "DELIVERED"]
    assert monotonic() - killed_at < RECOVERY_S
    assert len(held) == IN_FLIGHT
    assert _ids(receiver.requests) == Counter(published) + Counter(held)


@pytest.mark.parametrize("parallelism", [1, 3])
def test_a_queue_keeps_its_order_over_a_death(
    product: Product, api: Caller, receiver: Receiver, parallelism: int
) -> None:
    """What was in flight goes first, the rest follows in line, never more at a time than allowed."""
    path = f"/line/{parallelism}"
    name = f"survivor-{parallelism}"
    receiver.script(path, *[Reply()] * 4, *[hang()] * parallelism, Reply())
    api.upsert_queue(name, parallelism=parallelism)
    ids = [api.enqueue(name, receiver.url(path), b"%d" % number) for number in range(20)]
    worker = product.start_worker()
    receiver.wait_for(4 + parallelism)
    worker.kill()
    receiver.wait_until_hung_up(parallelism)

    product.start_worker()
    for message_id in ids:
        api.wait_until_delivered(message_id)
    # Requests of three slots may overtake one another on the way, so the order is that of their starts.
    started = api.get("/v2/events", queueName=name, state="ACTIVE", order="earliestFirst")["events"]
    held = ids[4 : 4 + parallelism]
    assert [record["messageId"] for record in started] == [*ids[:4], *held, *ids[4:]]
    arrived = Counter(int(request.body) for request in receiver.requests)
    assert arrived == Counter(range(20)) + Counter(range(4, 4 + parallelism))
    assert receiver.most_open_requests <= parallelism


def test_a_death_costs_no_retry(product: Product, api: Caller, receiver: Receiver) -> None:
    """An attempt that was cut off by a death counts as none: the message keeps its retries."""
    receiver.script("/hook", hang(), Reply(status=500, headers=(("Retry-After", "0"),)), Reply())
    message_id = api.publish(receiver.url("/hook"), headers={"Upstash-Retries": "1"})
    worker = product.start_worker()
    receiver.wait_for(1)
    worker.kill()

    product.start_worker()
    states = api.wait_until_delivered(message_id)
    assert states == ["CREATED", "ACTIVE", "ACTIVE", "ERROR", "RETRY", "ACTIVE", "DELIVERED"]
    assert [request.header("upstash-retried") for request in receiver.requests] == ["0", "0", "1"]


def test_a_message_cancelled_in_flight_ends_with_its_worker(
    product: Product, api: Caller, receiver: Receiver
) -> None:
    """A cancelled message whose worker dies is cancelled, not recovered."""
    receiver.script("/hook", hang())
    message_id = api.publish(receiver.url("/hook"))
    worker = product.start_worker()
    receiver.wait_for(1)
    assert api.call("DELETE", f"/v2/messages/{message_id}").status == 200
    worker.kill()

    product.start_worker()
    states = api.wait_for(message_id, "CANCELED")
    assert states == ["CREATED", "ACTIVE", "CANCEL_REQUESTED", "CANCELED"]
    assert len(receiver.requests) == 1


def test_a_worker_that_slept_does_not_overrule_its_successor(
    product: Product, api: Caller, receiver: Receiver
) -> None:
    """A frozen worker loses its lease; when it wakes up its outcome is refused and the log stays clean."""
    gate = Gate()
    receiver.script("/hook", Reply(status=500, gate=gate), Reply())
    message_id = api.publish(receiver.url("/hook"))
    sleeper = product.start_worker()
    receiver.wait_for(1)
    sleeper.freeze()
    product.start_worker()
    api.wait_until_delivered(message_id)

    gate.open()
    sleeper.thaw()
    sleeper.wait_for_output("delivery.superseded")
    assert api.states(message_id) == ["CREATED", "ACTIVE", "ACTIVE", "DELIVERED"]
    assert api.dead_letters(messageId=message_id) == []


def test_a_slow_endpoint_keeps_its_lease(product: Product, api: Caller, receiver: Receiver) -> None:
    """A delivery that takes longer than the lease is not given to anybody else while its worker lives."""
    gate = Gate()
    receiver.script("/slow", Reply(gate=gate))
    message_id = api.publish(receiver.url("/slow"))
    product.start_worker()
    product.start_worker()
    receiver.wait_for(1)
    later = api.publish(receiver.url("/later"), headers={"Upstash-Delay": "3s"})
    api.wait_until_delivered(later)

    gate.open()
    assert api.wait_until_delivered(message_id) == ["CREATED", "ACTIVE", "DELIVERED"]
    assert len(receiver.requests_to("/slow")) == 1


def test_with_the_default_lease_recovery_takes_seconds(own: Product, receiver: Receiver) -> None:
    """As shipped, a killed worker's message is redelivered within ten seconds."""
    receiver.script("/hook", hang(), Reply())
    own.start_scheduler()
    own.start_api()
    message_id = Caller(own.port).publish(receiver.url("/hook"))
    worker = own.start_worker()
    receiver.wait_for(1)
    worker.kill()
    killed_at = monotonic()

    own.start_worker()
    receiver.wait_for(2, timeout_s=20)
    assert monotonic() - killed_at < RECOVERY_S
    Caller(own.port).wait_until_delivered(message_id)
