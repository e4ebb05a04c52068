"""RQ's own worker is pointed at our queues by mistake: it may help or waste its time, but does no harm."""

from collections import Counter

import pytest
from redis import Redis

from tests.life.caller import Caller
from tests.receiver import Receiver, Reply, Request
from tests.running import Product

USER = "defaultUser"
SERIALIZERS = {"pickle": [], "json": ["-S", "rq.serializers.JSONSerializer"]}
MESSAGES = 12


@pytest.fixture
def product(unmanned: Product) -> Product:
    """Give a product that has no workers but those of the test."""
    return unmanned


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_beside_ours_it_does_no_harm(
    product: Product, api: Caller, receiver: Receiver, serializer: str
) -> None:
    """Nothing is lost, doubled or overtaken while a stock worker takes jobs from the same queues."""
    failed_once = iter([Reply(status=500)])

    def answer(request: Request) -> Reply:
        return next(failed_once, Reply()) if request.body == b"5" else Reply()

    name, line, plain = f"mixed-{serializer}", f"/line/{serializer}", f"/plain/{serializer}"
    receiver.script(line, answer)
    stock = product.start_stock_worker(*SERIALIZERS[serializer], f"{USER}:{name}", USER)
    stock.wait_for_output("Listening on")
    headers = {"Upstash-Retry-Delay": "5"}
    queued = [
        api.enqueue(name, receiver.url(line), b"%d" % number, headers=headers) for number in range(MESSAGES)
    ]
    published = [api.publish(receiver.url(plain)) for _ in range(MESSAGES)]
    stock.wait_for_output(f"{USER}(:{name})?: ")  # it has taken something
    product.start_worker()

    for message_id in (*queued, *published):
        states = api.wait_for(message_id, "DELIVERED", timeout_s=30)
        assert states.count("ACTIVE") == (2 if message_id == queued[5] else 1)
    order = [int(request.body) for request in receiver.requests_to(line)]
    assert order == [0, 1, 2, 3, 4, 5, 5, *range(6, MESSAGES)]
    ids = Counter(request.header("upstash-message-id") for request in receiver.requests_to(plain))
    assert ids == Counter(published)


def test_alone_it_delivers(product: Product, api: Caller, receiver: Receiver) -> None:
    """A stock worker that reads JSON delivers our messages, in order and through the queue's gate."""
    receiver.script("/line", Reply(status=500, headers=(("Retry-After", "0"),)), Reply())
    ids = [api.enqueue("alone", receiver.url("/line"), b"%d" % number) for number in range(4)]
    ids.append(api.publish(receiver.url("/plain")))
    product.start_stock_worker(*SERIALIZERS["json"], f"{USER}:alone", USER)

    for message_id in ids:
        api.wait_for(message_id, "DELIVERED", timeout_s=30)
    assert [int(request.body) for request in receiver.requests_to("/line")] == [0, 0, 1, 2, 3]
    assert len(receiver.requests) == 6


def test_it_respects_a_pause(product: Product, api: Caller, receiver: Receiver) -> None:
    """A paused queue's messages stay where they are, in order, however often a stock worker tries."""
    api.upsert_queue("shut", paused=True)
    ids = [api.enqueue("shut", receiver.url("/line"), b"%d" % number) for number in range(3)]
    stock = product.start_stock_worker(*SERIALIZERS["json"], f"{USER}:shut")
    stock.wait_for_output(f"{USER}:shut: .*(?s:.*){USER}:shut: ")
    assert receiver.requests == ()
    stock.stop()

    api.call("POST", "/v2/queues/shut/resume")
    product.start_worker()
    for message_id in ids:
        api.wait_until_delivered(message_id)
    assert [int(request.body) for request in receiver.requests] == [0, 1, 2]


def test_killed_with_a_job_in_its_hands_it_loses_nothing(
    product: Product, api: Caller, receiver: Receiver
) -> None:
    """A stock worker that dies after its pop leaves a queue that our workers still deliver whole."""
    api.upsert_queue("robbed", paused=True)
    ids = [api.enqueue("robbed", receiver.url("/line"), b"%d" % number) for number in range(5)]
    # What RQ's dequeue does before it dies.
    with Redis.from_url(product.redis_url) as redis:
        assert redis.lpop(f"{product.prefix}:queue:{USER}:robbed") == ids[0].encode()

    api.call("POST", "/v2/queues/robbed/resume")
    product.start_worker()
    for message_id in ids:
        api.wait_until_delivered(message_id)
    assert [int(request.body) for request in receiver.requests] == [0, 1, 2, 3, 4]
