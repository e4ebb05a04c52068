"""Workers and schedulers go by Redis' clock when their own differs from it."""

import logging
from dataclasses import replace

import pytest

from qstash_rq.clock import SystemClock
from qstash_rq.core import Core
from qstash_rq.shared_clock import MARGIN_MS, SharedClock, correct_clock
from tests import seed
from tests.clock import FakeClock
from tests.factories import make_message
from workers.scheduler import DeliveryScheduler

HOUR_MS = 3_600_000


def _server_ms(core: Core) -> int:
    seconds, micros = core.store.command("TIME")
    return seconds * 1_000 + micros // 1_000


@pytest.mark.parametrize("ahead_ms", [HOUR_MS, -HOUR_MS])
def test_a_clock_that_is_wrong_is_corrected(
    core: Core, caplog: pytest.LogCaptureFixture, ahead_ms: int
) -> None:
    """Ahead or behind, it tells what Redis' tells from then on, and the log says by how much."""
    before_ms = _server_ms(core)
    own = FakeClock(before_ms + ahead_ms)
    wrong = replace(core, clock=SharedClock(own))

    with caplog.at_level(logging.WARNING):
        correct_clock(wrong)

    assert before_ms <= wrong.clock.now_ms() <= _server_ms(core)
    assert caplog.messages == [f"clock.corrected behind_ms={wrong.clock.now_ms() - own.now_ms()}"]


def test_a_clock_that_is_right_is_left_alone(core: Core, caplog: pytest.LogCaptureFixture) -> None:
    """What the way to Redis and back can explain is no difference."""
    clock = SharedClock(SystemClock())

    correct_clock(replace(core, clock=clock))

    assert clock.now_ms() <= SystemClock().now_ms()
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("server_ms", "behind_ms"),
    [
        (1_000 - MARGIN_MS, None),
        (1_400 + MARGIN_MS, None),
        (1_000 - MARGIN_MS - 1, -221),
        (1_400 + MARGIN_MS + 1, 221),
    ],
)
def test_half_of_the_way_is_what_is_not_known(server_ms: int, behind_ms: int | None) -> None:
    """A time between asking and hearing agrees; another one is compared with the middle of them."""
    assert SharedClock(FakeClock(0)).compare(1_000, server_ms, 1_400) == behind_ms


def test_a_scheduler_that_is_ahead_promotes_nothing_early(core: Core) -> None:
    """A message is due when Redis' clock says so, whatever that of the scheduler does."""
    now_ms = _server_ms(core)
    message = make_message(created_at_ms=now_ms, not_before_ms=now_ms + HOUR_MS // 2)
    seed.accept(core, [message])
    ahead = replace(core, clock=SharedClock(FakeClock(now_ms + HOUR_MS)))

    DeliveryScheduler(ahead).tick()

    assert seed.state(core, message.message_id) == "due"
