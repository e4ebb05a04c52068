"""The limits of flow-control keys, counted at the endpoint while workers are frozen, killed and started.

Takes a minute, so `make chaos` alone runs it.
"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chaos.pulse import Pulse
from tests.life.caller import Caller
from tests.process import Process
from tests.receiver import Gate, Receiver, Reply, Request
from tests.running import Product, open_product
from tests.waiting import wait_until
from tests.windows import requests_in_windows

MESSAGES = 1000
PARALLELISM, RATE, PERIOD_MS = 3, 50, 1000
ANSWER_S = 0.02
# Of each key; one alone would have no work for most of the time.
KEYS, KEY_RATE, KEY_MESSAGES = 10, 10, 200
LEASE_MS = 4_000

pytestmark = pytest.mark.chaos


@dataclass(frozen=True)
class Shooter:
    """Freezes, thaws and kills workers; one that was killed is replaced."""

    product: Product
    workers: list[Process]
    dice: random.Random

    def shoot(self) -> None:
        """Do something to one of the workers, for no longer than its leases last."""
        victim = self.dice.randrange(len(self.workers))
        if self.dice.random() < 0.1:
            self.workers[victim].kill()
            self.workers[victim] = self.product.start_worker()
            return
        self.workers[victim].freeze()
        _pass(self.dice.choice([0.03, 0.06, 0.2, 0.8]))
        self.workers[victim].thaw()
        _pass(self.dice.choice([0.0, 0.05, 0.3]))


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Product]:
    """Give a product of its own."""
    with open_product(tmp_path, QSTASH_LEASE_MS=str(LEASE_MS)) as product, product.watched():
        yield product


@pytest.fixture
def crowd() -> Iterator[Receiver]:
    """Give a second endpoint, which counts the open requests of one key alone."""
    with Receiver() as running:
        yield running


def _pass(seconds: float) -> None:
    end_s = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= end_s, f"{seconds} s have passed")


def _slow(_request: Request) -> Reply:
    """Answer a little later; the receiver calls it in its event loop."""
    gate = Gate()
    asyncio.get_running_loop().call_later(ANSWER_S, gate.open)
    return Reply(gate=gate)


def _publish(api: Caller, url: str, key: str, value: str, count: int) -> list[str]:
    headers = {"Upstash-Flow-Control-Key": key, "Upstash-Flow-Control-Value": value}
    items = [{"destination": url, "headers": headers, "body": str(number)} for number in range(count)]
    answer = api.call("POST", "/v2/batch", body=json.dumps(items).encode())
    assert answer.status == 200, answer
    return [element["messageId"] for element in answer.json()]


def _ids(requests: Sequence[Request]) -> Counter[str | None]:
    return Counter(request.header("upstash-message-id") for request in requests)


def _times_ms(requests: Sequence[Request]) -> list[int]:
    return [request.arrived_ms for request in requests]


def test_a_thousand_messages_under_both_limits(own: Product, receiver: Receiver) -> None:
    """Three workers share a key: never a fourth open request nor a 51st in a window, and no time is lost."""
    own.start_api()
    own.start_scheduler()
    for _ in range(3):
        own.start_worker()
    receiver.script("/limited", _slow)
    value = f"parallelism={PARALLELISM},rate={RATE},period=1s"
    ids = _publish(Caller(own.port), receiver.url("/limited"), "k", value, MESSAGES)

    requests = receiver.wait_for(MESSAGES, timeout_s=60)

    assert _ids(requests) == Counter(ids)
    assert receiver.most_open_requests == PARALLELISM
    assert max(requests_in_windows(_times_ms(requests), PERIOD_MS)) == RATE
    ideal_ms = (MESSAGES // RATE - 1) * PERIOD_MS + RATE * ANSWER_S * 1000 / PARALLELISM
    took_ms = requests[-1].arrived_ms - requests[0].arrived_ms
    assert took_ms <= 1.1 * ideal_ms


def test_limits_hold_while_workers_freeze_and_die(
    own: Product, receiver: Receiver, crowd: Receiver, chaos_seed: int, report: Callable[[str], None]
) -> None:
    """However late a worker is, no window and no moment sees one request too many, and all arrives."""
    own.start_api()
    own.start_scheduler()
    api = Caller(own.port)
    crowd.script("/", _slow)
    pulse = Pulse()
    rated: dict[str, list[str]] = {}
    for number in range(KEYS):
        path, value = f"/rate-{number}", f"rate={KEY_RATE}"
        receiver.script(path, pulse)
        rated[path] = _publish(api, receiver.url(path), f"r{number}", value, KEY_MESSAGES)
    parallel = _publish(api, crowd.url("/"), "p", f"parallelism={PARALLELISM}", MESSAGES)
    shooter = Shooter(own, [own.start_worker() for _ in range(3)], random.Random(chaos_seed))
    wanted = {*parallel, *(one for ids in rated.values() for one in ids)}

    end_s = time.monotonic() + 120
    while not wanted <= set(_ids((*receiver.requests, *crowd.requests))):
        assert time.monotonic() < end_s, "not all messages have arrived"
        shooter.shoot()

    times_ms = {path: _times_ms(receiver.requests_to(path)) for path in rated}
    judged = {path: [ms for ms in times if not pulse.stood_still(ms)] for path, times in times_ms.items()}
    late = sum(map(len, times_ms.values())) - sum(map(len, judged.values()))
    report(f"{late} of {KEYS * KEY_MESSAGES} requests came while the endpoint stood still")
    assert late < KEYS * KEY_MESSAGES / 2, "the machine is too busy to judge"
    worst = {path: max(requests_in_windows(times, PERIOD_MS)) for path, times in judged.items()}
    assert {path: most for path, most in worst.items() if most > KEY_RATE} == {}
    assert crowd.most_open_requests == PARALLELISM
