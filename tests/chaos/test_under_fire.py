"""Thousands of messages of every kind while processes and Redis are killed and frozen: nothing is lost.

CHAOS_SEED sets the seed, CHAOS_MESSAGES and CHAOS_SECONDS the size. The figures are printed at the end, a
row for docs/reliability.md among them, and written to `.chaos`.
"""

import os
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from redis import Redis

from qstash_rq.clock import SystemClock
from qstash_rq.store import keys
from tests.chaos import limits, promises, quarantine, ticking
from tests.chaos.endpoint import Endpoint
from tests.chaos.fire import Fire
from tests.chaos.journal import Journal
from tests.chaos.ledger import Ledger, by_message, first_by_number, read_log
from tests.chaos.orders import QUEUES, Kind, Order, make_orders
from tests.chaos.publishing import Publisher
from tests.chaos.report import Title, write_report
from tests.life.caller import Caller
from tests.running import Product, RedisServer
from tests.waiting import wait_until

pytestmark = pytest.mark.chaos

MESSAGES = int(os.environ.get("CHAOS_MESSAGES", "20000"))
SECONDS = float(os.environ.get("CHAOS_SECONDS", "110"))
REPORTS = Path(__file__).parents[2] / ".chaos"
LEASE_MS = 3_000
# A machine that is busy with other things is slower than the pace.
SENT_S = 300
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


def _find_wrong(ledger: Ledger, publishers: list[Publisher]) -> dict[str, list[str]]:
    """Return what was found wrong, by the check that did."""
    return {
        "publishers": [text for publisher in publishers for text in publisher.wrong],
        "lost": promises.find_lost(ledger),
        "strays": promises.find_strays(ledger),
        "untold": promises.find_untold(ledger),
        "unexplained": promises.find_unexplained(ledger),
        "quarantined": quarantine.find_wrongly_quarantined(ledger),
        "overtaken": limits.find_overtaken(ledger),
        "crowds": limits.find_crowds(ledger),
        "rushes": limits.find_rushes(ledger),
        "ticks": ticking.find_wrong_ticks(ledger),
    }


def test_nothing_is_lost_under_fire(
    own: Product, server: RedisServer, fsync: str, chaos_seed: int, report: Callable[[str], None]
) -> None:
    """Whatever dies or freezes: none is lost, only what is in flight repeats; order, limits, ticks hold."""
    dice = random.Random(chaos_seed)
    with ExitStack() as stack:
        endpoint = stack.enter_context(Endpoint())
        journal = None
        if fsync == "everysec":
            journal = stack.enter_context(closing(Journal(server.url)))
            journal.start()
        orders = make_orders(dice, MESSAGES, endpoint.url)
        fire = Fire(own, server, dice, journal)
        publishers = _share(orders, fire, endpoint.url)
        for publisher in publishers:
            publisher.start()
        fire.burn(SECONDS)
        wait_until(lambda: not any(one.is_alive() for one in publishers), "everything is sent", SENT_S)
        end_ms = SystemClock().now_ms()
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
            lease_ms=LEASE_MS,
        )
    text = write_report(ledger, Title(seed=chaos_seed, fsync=fsync, fire_s=SECONDS))
    REPORTS.mkdir(exist_ok=True)
    (REPORTS / f"{fsync}-{chaos_seed}.txt").write_text(text)
    report(text)
    wrong = _find_wrong(ledger, publishers)
    report(", ".join(f"{name} {len(found)}" for name, found in wrong.items()))
    assert {name: found[:10] for name, found in wrong.items() if found} == {}
