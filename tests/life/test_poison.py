"""A message that kills its worker is found and put away; those that flew with it are delivered."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from qstash_rq.store import keys
from tests.life.caller import Caller
from tests.pages import ROOT
from tests.receiver import Gate, Receiver, Reply
from tests.running import Product, open_product
from tests.waiting import wait_until

COMPANIONS = 30

# What performs a message may be anybody's code: this one takes the whole process with it.
DELIVERER = """
import os
import signal


class Poison:
    async def deliver(self, prepared):
        os.kill(os.getpid(), signal.SIGKILL)

    async def aclose(self):
        pass


def open_deliverer(settings):
    return Poison()
"""


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    """Give a product with a deliverer that kills its process, and a lease short enough to wait for."""
    site = tmp_path / "site"
    info = site / "poison-1.dist-info"
    info.mkdir(parents=True)
    (site / "poison.py").write_text(DELIVERER, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: poison\nVersion: 1\n", encoding="utf-8")
    entry_point = "[qstash_rq.deliverers]\npoison = poison:open_deliverer\n"
    (info / "entry_points.txt").write_text(entry_point, encoding="utf-8")
    settings = {"PYTHONPATH": f"{ROOT}:{site}", "QSTASH_LEASE_MS": "1000"}
    with open_product(tmp_path, **settings) as product:
        product.start_scheduler()
        product.start_api()
        with product.watched():
            yield product


def test_a_message_that_kills_its_worker_is_quarantined(
    product: Product, api: Caller, receiver: Receiver
) -> None:
    """After three deaths it is a dead letter that says why; its thirty companions arrive."""
    gate = Gate()
    receiver.script("/companion", Reply(gate=gate))
    companions = [api.publish(receiver.url("/companion")) for _ in range(COMPANIONS)]
    headers = {"Upstash-Failure-Callback": receiver.url("/told")}
    poison = api.publish("poison://cup", headers=headers)
    for _ in range(2):
        assert product.start_worker().wait() == -signal.SIGKILL
    gate.open()
    assert product.start_worker().wait(40) == -signal.SIGKILL

    product.start_worker()
    assert api.wait_for(poison, "FAILED") == ["CREATED", *["ACTIVE"] * 3, "ERROR", "FAILED"]
    for message_id in companions:
        api.wait_for(message_id, "DELIVERED", timeout_s=30)
    (letter,) = api.dead_letters()
    assert (letter["messageId"], letter["responseStatus"]) == (poison, 0)
    assert letter["responseBody"] == "quarantined: its worker died 3 times while delivering it"
    assert receiver.wait_for(1, "/told")
    scheduler = product.processes[0]
    assert scheduler.output().count(f"message.quarantined message_id={poison} attempt=3 deaths=3") == 1


def _told(product: Product) -> int:
    with Redis.from_url(product.redis_url) as redis:
        workers = redis.keys(keys.WORKER("*"))
        return sum(redis.hexists(worker, "shutdown_requested_date") for worker in workers)


def test_killing_what_was_told_to_stop_is_nobodys_fault(
    product: Product, api: Caller, receiver: Receiver
) -> None:
    """Deployments that stop a worker with SIGTERM and kill it when it takes too long make no dead letters."""
    gate = Gate()
    receiver.script("/slow", Reply(gate=gate))
    message_id = api.publish(receiver.url("/slow"))
    for number in range(4):
        worker = product.start_worker()
        receiver.wait_for(number + 1, timeout_s=20)
        worker.signal(signal.SIGTERM)
        worker.wait_for_output("worker.stopping")
        wait_until(lambda number=number: _told(product) > number, "Redis knows that the worker stops")
        worker.kill()

    gate.open()
    product.start_worker()
    assert api.wait_until_delivered(message_id) == ["CREATED", *["ACTIVE"] * 5, "DELIVERED"]
    assert api.dead_letters() == []
