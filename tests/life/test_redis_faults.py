"""Redis in every kind of trouble: publishers hear 503 and nothing else, and all is well seconds after it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import pytest

from tests.half_open import Line
from tests.life.caller import Caller
from tests.life.outage import BACK_S, be_refused, until_back
from tests.receiver import Receiver
from tests.redis_faults import (
    SLOW_LOADING,
    RedisFault,
    disk_error,
    emptied,
    frozen,
    killed,
    loading,
    out_of_memory,
    paused,
    read_only,
)
from tests.running import Product, RedisServer
from tests.waiting import wait_until

LASTS_S = 1
# Of one process for one trouble: each of its loops tells the beginning and the end.
MOST_LINES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A fault, and what may be asked of a deployment while it lasts."""

    fault: RedisFault
    drains: bool = False  # what was accepted is delivered all the same


TROUBLES = {
    "killed": Trouble(fault=killed),
    "emptied": Trouble(fault=emptied),
    "read-only": Trouble(fault=read_only),
    "out-of-memory": Trouble(fault=out_of_memory, drains=True),
    "disk-error": Trouble(fault=disk_error),
    "loading": Trouble(fault=loading),
    "frozen": Trouble(fault=frozen),
    "paused": Trouble(fault=paused),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Give a server that keeps what it has accepted on disk."""
    server = RedisServer(tmp_path_factory.mktemp("redis"), persistent=True, **SLOW_LOADING)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def lasting(server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Run one of each process on that server, through all troubles."""
    with Product(server.url, tmp_path_factory.mktemp("product")) as product:
        product.start_all()
        yield product


@pytest.fixture
def product(lasting: Product) -> Iterator[Product]:
    """Give that product."""
    with lasting.watched():
        yield lasting


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_trouble_is_told_survived_and_over_at_once(
    product: Product, api: Caller, server: RedisServer, receiver: Receiver, trouble: Trouble
) -> None:
    """503 while it lasts, some lines in each log, and five seconds after it a new message has arrived."""
    later = api.publish(receiver.url("/later"), headers={"Upstash-Delay": "1s"})
    wrote = {process: process.output_bytes() for process in product.processes}
    with trouble.fault(server):
        end = monotonic() + LASTS_S
        be_refused(api, receiver)
        while monotonic() < end:
            be_refused(api, receiver)
        if trouble.drains:
            receiver.wait_for(1, "/later")

    until_back(api, receiver)
    if trouble.fault is not emptied:
        api.wait_until_delivered(later)
        assert len(receiver.requests_to("/later")) == 1
    product.check()
    lines = {process.name: process.output(start).count("\n") for process, start in wrote.items()}
    assert max(lines.values()) <= MOST_LINES, lines


def _is_delivered(api: Caller, message_id: str) -> bool:
    answer = api.call("GET", f"/v2/events?messageId={message_id}")
    return answer.status == 200 and answer.json()["events"][0]["state"] == "DELIVERED"


def test_connections_that_died_unseen_are_replaced(
    server: RedisServer, tmp_path: Path, receiver: Receiver
) -> None:
    """A network that dropped every connection without a word costs each process one time-out."""
    with (
        Line(tmp_path, server.directory / "valkey.sock") as line,
        Product(line.url, tmp_path) as product,
    ):
        product.start_all()
        api = Caller(product.port)
        with product.watched():
            api.wait_until_delivered(api.publish(receiver.url("/before")))
            later = api.publish(receiver.url("/later"), headers={"Upstash-Delay": "1s"})
            line.cut()
            began = monotonic()
            until_back(api, receiver)
            receiver.wait_for(1, "/later", timeout_s=BACK_S)
            assert monotonic() - began < BACK_S
            # Who asks the other web process may be the first that its dead connections keep waiting.
            wait_until(lambda: _is_delivered(api, later), "it is delivered", 2 * BACK_S)
