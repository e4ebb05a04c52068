"""Five minutes of a schedule for every minute, while schedulers are killed: five ticks, one message each.

Takes as long as it says, so `make chaos` alone runs it.
"""

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from tests.life.caller import Caller
from tests.process import Process
from tests.receiver import Receiver
from tests.running import Product, open_product
from tests.waiting import wait_until

MINUTES = 5
NAMES = [f"s{number}" for number in range(20)]
LATE_S = 5

pytestmark = pytest.mark.chaos


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Product]:
    """Give a product of its own."""
    with open_product(tmp_path) as product, product.watched():
        yield product


def _shoot(own: Product, schedulers: list[Process], dice: random.Random) -> None:
    """Kill one of the last two schedulers and start another in its place; the first one lives."""
    victim = dice.randrange(1, len(schedulers))
    schedulers[victim].kill()
    schedulers[victim] = own.start_scheduler()


def _ticks_s(api: Caller, name: str, first_s: int) -> list[float]:
    """Return when a schedule made its messages, in seconds since its first minute."""
    events = api.get("/v2/events", scheduleId=name, state="CREATED", order="earliestFirst")["events"]
    return [round(event["time"] / 1000 - first_s, 3) for event in events]


def _until_minute_begins(room_s: float) -> int:
    """Return the minute's first second, with at least `room_s` left before its end."""
    wait_until(lambda: time.time() % 60 < 60 - room_s, "the minute has room")
    return int(time.time()) // 60 * 60


def test_five_ticks_one_message_each(own: Product, receiver: Receiver, chaos_seed: int) -> None:
    """Whoever dies, each schedule ticks once a minute: every message once, none late, none left out."""
    dice = random.Random(chaos_seed)
    own.start_api()
    own.start_worker()
    schedulers = [own.start_scheduler() for _ in range(3)]
    api = Caller(own.port)
    first_s = _until_minute_begins(10) + 60
    for name in NAMES:
        headers = {"Upstash-Cron": "* * * * *", "Upstash-Schedule-Id": name}
        assert api.call("POST", f"/v2/schedules/{receiver.url(f'/{name}')}", headers=headers).status == 200
    end_s = first_s + (MINUTES - 1) * 60 + 30
    pause = Event()
    while time.time() < end_s:
        # Most shots fall where it hurts: around the full minute.
        pause.wait(dice.uniform(0.2, 3) if abs((time.time() + 30) % 60 - 30) < 5 else dice.uniform(2, 8))
        _shoot(own, schedulers, dice)

    for scheduler in schedulers[1:]:
        scheduler.kill()  # one that has just been started would not end in order
    ticks_s = {name: _ticks_s(api, name, first_s) for name in NAMES}
    minutes_s = [60 * minute for minute in range(MINUTES)]
    wrong = {
        name: seconds
        for name, seconds in ticks_s.items()
        if [int(second // LATE_S) * LATE_S for second in seconds] != minutes_s
    }
    assert wrong == {}
    requests = Counter(request.header("upstash-schedule-id") for request in receiver.requests)
    assert requests == dict.fromkeys(NAMES, MINUTES)


def test_no_scheduler_for_two_minutes(own: Product, receiver: Receiver) -> None:
    """After a time without any scheduler a schedule ticks once, late, and then at its next minute."""
    own.start_api()
    own.start_worker()
    scheduler = own.start_scheduler()
    api = Caller(own.port)
    start_s = _until_minute_begins(10)
    headers = {"Upstash-Cron": "* * * * *", "Upstash-Schedule-Id": "patient"}
    assert api.call("POST", f"/v2/schedules/{receiver.url('/')}", headers=headers).status == 200
    scheduler.kill()
    wait_until(lambda: time.time() > start_s + 130, "two ticks have been missed", timeout_s=140)
    assert receiver.requests == ()
    own.start_scheduler()

    receiver.wait_for(1, timeout_s=5)
    receiver.wait_for(2, timeout_s=60)
    assert time.time() >= start_s + 180
    assert len(receiver.requests) == 2
