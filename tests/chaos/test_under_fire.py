"""Thousands of messages of every kind while processes and Redis are killed and frozen: nothing is lost.

CHAOS_SEED sets the seed, CHAOS_MESSAGES and CHAOS_SECONDS the size. The figures are printed, and
written to `.chaos`.
"""

import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from qstash_rq.store import keys
from tests.chaos import promises
from tests.chaos.endpoint import Endpoint
from tests.chaos.fire import Fire
from tests.chaos.ledger import Ledger, by_message, first_by_number, read_log
from tests.chaos.orders import QUEUES, Kind, Order, make_orders
from tests.chaos.publishing import Publisher
from tests.chaos.report import write_report
from tests.life.caller import Caller
from tests.running import Product, RedisServer
from tests.waiting import wait_until

SEED = int(os.environ.get("CHAOS_SEED") or time.time())
MESSAGES = int(os.environ.get("CHAOS_MESSAGES", "20000"))
SECONDS = float(os.environ.get("CHAOS_SECONDS", "110"))
REPORTS = Path(__file__).parents[2] / ".chaos"
LEASE_MS = 3_000
# A machine that is busy with other things is slower than the pace.
SENT_S = 300
# While a sync is under way, Redis does not write for up to two seconds: its own limit.
FORGETS_MS = {"always": 0, "everysec": 2_500}
QUIET_S = 120
USER = "defaultUser"


@pytest.fixture(params=["always", "everysec"])
def fsync(request: pytest.FixtureRequest) -> str:
    """Say how Redis writes its log."""
    return request.param


@pytest.fixture
def server(tmp_path: Path, fsync: str) -> Iterator[RedisServer]:
    """Give a server that keeps what it has accepted on disk."""
    server = RedisServer(tmp_path / "redis", persistent=True, fsync=fsync)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own(server: RedisServer, tmp_path: Path) -> Iterator[Product]:
    """Give a product on that server; nothing runs yet."""
    settings = {"QSTASH_LEASE_MS": str(LEASE_MS), "QSTASH_WORKER_CONCURRENCY": "50"}
    with Product(server.url, tmp_path, **settings) as product, product.watched():
        yield product


def _share(orders: list[Order], fire: Fire, url: str) -> list[Publisher]:
    """Deal the orders to a publisher for each queue: what must keep its order is sent by one."""
    hands: list[list[Order]] = [[] for _ in QUEUES]
    for order in orders:
        hand = QUEUES.index(order.line) if order.kind is Kind.QUEUED else order.number % len(QUEUES)
        hands[hand].append(order)
    return [Publisher(hand, url, fire.ports, SECONDS / len(hand)) for hand in hands]


def _end_schedules(api: Caller) -> dict[str, int]:
    """Delete all schedules; returns when each would have ticked next, in ms."""
    schedules = api.get("/v2/schedules")
    for schedule in schedules:
        assert api.call("DELETE", f"/v2/schedules/{schedule['scheduleId']}").status == 200
    return {schedule["scheduleId"]: schedule["nextScheduleTime"] for schedule in schedules}


def _wait_until_quiet(own: Product) -> None:
    with Redis.from_url(own.redis_url) as redis:
        wait_until(lambda: redis.zcard(keys.LIVE(USER)) == 0, "every message has ended", QUIET_S)


def _tell(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """Write to the terminal, also when the test succeeds."""
    with capsys.disabled():
        sys.stdout.write(f"\n{text}\n")


def _report(capsys: pytest.CaptureFixture[str], ledger: Ledger, fsync: str) -> None:
    report = write_report(ledger, f"appendfsync {fsync}, seed {SEED}, {SECONDS:.0f} s of fire")
    REPORTS.mkdir(exist_ok=True)
    (REPORTS / f"{fsync}-{SEED}.txt").write_text(report)
    _tell(capsys, report)


@pytest.mark.chaos
def test_nothing_is_lost_under_fire(
    own: Product, server: RedisServer, fsync: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever dies or freezes: none is lost, only what is in flight repeats; order, limits, ticks hold."""
    _tell(capsys, f"CHAOS_SEED={SEED}")
    dice = random.Random(SEED)
    with Endpoint() as endpoint:
        orders = make_orders(dice, MESSAGES, endpoint.url)
        fire = Fire(own, server, dice)
        publishers = _share(orders, fire, endpoint.url)
        for publisher in publishers:
            publisher.start()
        fire.burn(SECONDS)
        wait_until(lambda: not any(one.is_alive() for one in publishers), "everything is sent", SENT_S)
        end_ms = int(time.time() * 1000)
        next_tick_ms = _end_schedules(Caller(own.port))
        _wait_until_quiet(own)
        ledger = Ledger(
            orders={order.number: order for order in orders},
            accepted=first_by_number([one for publisher in publishers for one in publisher.accepted]),
            doubts=tuple(doubt for publisher in publishers for doubt in publisher.doubts),
            arrivals=tuple(endpoint.arrivals),
            log=by_message(read_log(Caller(own.port))),
            faults=tuple(fire.faults),
            next_tick_ms=next_tick_ms,
            end_ms=end_ms,
            forgets_ms=FORGETS_MS[fsync],
        )
    _report(capsys, ledger, fsync)
    wrong = {
        "publishers": [text for publisher in publishers for text in publisher.wrong],
        "lost": promises.find_lost(ledger),
        "strays": promises.find_strays(ledger),
        "untold": promises.find_untold(ledger),
        "unexplained": promises.find_unexplained(ledger),
        "overtaken": promises.find_overtaken(ledger),
        "crowds": promises.find_crowds(ledger),
        "rushes": promises.find_rushes(ledger),
        "ticks": promises.find_wrong_ticks(ledger),
    }
    _tell(capsys, ", ".join(f"{name} {len(found)}" for name, found in wrong.items()))
    assert {name: found[:10] for name, found in wrong.items() if found} == {}
