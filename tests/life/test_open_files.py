"""A worker that may open no more files does what it can, and goes on when it may again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.life.caller import Caller
from tests.open_files import family, no_more_files
from tests.receiver import Gate, Receiver, Reply
from tests.running import Product, open_product


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    """Give one of each process."""
    with open_product(tmp_path) as product:
        product.start_all()
        # Everything has been done once: what is opened once and kept is open.
        api = Caller(product.port)
        with Receiver() as receiver:
            api.wait_until_delivered(api.publish(receiver.url("/warm")))
        with product.watched():
            yield product


def test_a_worker_without_files_goes_on(product: Product, api: Caller, receiver: Receiver) -> None:
    """What is in flight ends, the rest waits for its next attempt and is delivered then."""
    gate = Gate()
    receiver.script("/flying", Reply(gate=gate))
    flying = api.publish(receiver.url("/flying"))
    receiver.wait_for(1)
    worker = product.processes[0]
    with no_more_files(family(worker.pid)):
        ids = [
            api.publish(receiver.url("/"), headers={"Upstash-Retry-Delay": "1000", "Upstash-Retries": "60"})
            for _ in range(10)
        ]
        for message_id in ids:
            api.wait_for(message_id, "RETRY")
        gate.open()
        api.wait_until_delivered(flying)

    for message_id in ids:
        api.wait_until_delivered(message_id)
