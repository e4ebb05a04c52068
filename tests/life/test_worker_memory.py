"""A worker's memory is bounded by a setting, however large the bodies and however slow the endpoints."""

import re
from pathlib import Path
from typing import Any

import pytest

from qstash_rq.core import Core, open_core
from qstash_rq.settings import Settings
from qstash_rq.store import keys
from qstash_rq.storing import store_messages
from qstash_rq.users import FIRST_USER
from tests.factories import make_message
from tests.life.caller import Caller
from tests.receiver import Gate, Receiver, Reply
from tests.running import Process, Product, open_product
from tests.waiting import wait_until

_MESSAGES = 24
_BODY = bytes(4_000_000)
_ANSWER = bytes(8_000_000)
_IN_FLIGHT_BYTES = 8_000_000
# What the worker may grow by: what is in flight, and the answer of a claim as it is read.
_GROWTH_BYTES = 60_000_000
# By answers: the setting and one of them, and copies of some as they are put together and settled.
_ANSWERS_GROWTH_BYTES = 120_000_000
_STATUS = Path("/proc/self/status")


def _most_memory(process: Process) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8"))
    assert found is not None
    return int(found[1]) * 1_024


def _dead(core: Core) -> int:
    return int(core.store.command("XLEN", keys.DEAD(FIRST_USER)))


def _store(product: Product, url: str, **changes: Any) -> None:
    core = open_core(Settings(redis_url=product.redis_url))
    now_ms = core.clock.now_ms()
    for _ in range(_MESSAGES):
        message = make_message(
            user_id=FIRST_USER, url=url, created_at_ms=now_ms, not_before_ms=now_ms, **changes
        )
        store_messages(core, [message])
    core.store.client.close()


_needs_status = pytest.mark.skipif(
    not _STATUS.exists(), reason="this system does not show what a process uses"
)


@_needs_status
def test_large_bodies_wait_in_redis_and_not_in_the_worker(tmp_path: Path, receiver: Receiver) -> None:
    """Of two dozen bodies for an endpoint that does not answer three are held at a time, and all arrive."""
    with open_product(tmp_path, QSTASH_WORKER_BODY_BYTES=str(_IN_FLIGHT_BYTES + 1)) as product:
        product.start_api()
        worker = product.start_worker()
        api = Caller(product.port)
        with product.watched():
            api.wait_until_delivered(api.publish(receiver.url("/warm")))
            before = _most_memory(worker)
            gate = Gate()
            receiver.script("/slow", Reply(gate=gate))
            _store(product, receiver.url("/slow"), body=_BODY)
            receiver.wait_for(3, "/slow")
            gate.open()
            wait_until(lambda: len(receiver.requests_to("/slow")) == _MESSAGES, "all have arrived", 30)
            grown = _most_memory(worker) - before

    assert receiver.most_open_requests == 3
    assert {len(one.body) for one in receiver.requests_to("/slow")} == {len(_BODY)}
    assert grown < _GROWTH_BYTES


@_needs_status
def test_large_answers_wait_at_their_endpoints_and_not_in_the_worker(
    tmp_path: Path, receiver: Receiver
) -> None:
    """Two dozen endpoints that all answer at once with a large body cost a worker no more than a few."""
    with open_product(tmp_path, QSTASH_WORKER_BODY_BYTES=str(_IN_FLIGHT_BYTES)) as product:
        product.start_api()
        worker = product.start_worker()
        api = Caller(product.port)
        with product.watched():
            api.wait_until_delivered(api.publish(receiver.url("/warm")))
            before = _most_memory(worker)
            gate = Gate()
            receiver.script("/failing", Reply(status=500, body=_ANSWER, gate=gate))
            _store(product, receiver.url("/failing"), max_retries=0)
            receiver.wait_for(_MESSAGES, "/failing")
            gate.open()
            core = open_core(Settings(redis_url=product.redis_url))
            wait_until(lambda: _dead(core) == _MESSAGES, "all are dead letters", 30)
            core.store.client.close()
            grown = _most_memory(worker) - before

    assert grown < _ANSWERS_GROWTH_BYTES
