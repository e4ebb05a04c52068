"""Rate windows as the endpoint sees them: claim counts, confirm says when the first request arrived."""

import pytest

from qstash_rq.core import Core
from qstash_rq.delivery import RateWindow
from qstash_rq.message import Flow
from tests import seed
from tests.clock import FakeClock
from tests.factories import NOW_MS
from tests.store import gates

FLOW = Flow(key="k", rate=2, period_ms=1000)


def _starts_at_ms(core: Core, clock: FakeClock) -> int:
    """Let time go on as the scheduler does until something starts; return when, from the beginning."""
    while not seed.claim(core):
        wake_ms = seed.promote(core).next_ms
        assert wake_ms is not None
        assert wake_ms > clock.now_ms()
        clock.advance(wake_ms - clock.now_ms())
        seed.promote(core)
    return clock.now_ms() - NOW_MS


def test_a_claim_says_when_its_request_must_have_left(core: Core, clock: FakeClock) -> None:
    """All deliveries of a window have the same end; they are to tell of their arrival until somebody has."""
    seed.seed(core, 3, flow=Flow(key="k", rate=3, period_ms=1000))
    expected = RateWindow(began_ms=NOW_MS, leave_by_ms=NOW_MS + 980, slack_ms=40)

    (first,) = seed.claim(core, 1)
    clock.advance(300)
    (second,) = seed.claim(core, 1)
    gates.confirm_window(core, "k", NOW_MS, NOW_MS + 310)
    (third,) = seed.claim(core, 1)

    assert (first.window, second.window) == (expected, expected)
    assert third.window == RateWindow(began_ms=NOW_MS, leave_by_ms=NOW_MS + 980, slack_ms=0)


def test_without_a_rate_a_claim_has_no_window(core: Core) -> None:
    """A key with a parallelism alone bounds no time."""
    seed.seed(core, flow=Flow(key="k", parallelism=1))

    (one,) = seed.claim(core)

    assert one.window is None


@pytest.mark.parametrize(
    ("period_ms", "slack_ms"), [(1000, 40), (5000, 200), (12_500, 500), (86_400_000, 500)]
)
def test_nobody_knows_when_it_arrived(core: Core, clock: FakeClock, period_ms: int, slack_ms: int) -> None:
    """Until that is told, it is taken to have needed a 25th of the period, half a second at most."""
    seed.seed(core, 2, flow=Flow(key="k", rate=1, period_ms=period_ms))
    seed.claim(core)

    assert _starts_at_ms(core, clock) == period_ms + slack_ms


@pytest.mark.parametrize("queue", [None, "q"])
@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize("arrived_ms", [0, 3, 40, 70, 700])
def test_a_window_ends_a_period_after_its_first_request_arrived(
    core: Core, clock: FakeClock, queue: str | None, asked: bool, arrived_ms: int
) -> None:
    """What waits starts then, whether or not it had been given another time before."""
    seed.seed(core, 2, flow=FLOW)
    seed.claim(core)
    seed.seed(core, 1, queue, flow=FLOW)
    if asked:
        assert seed.claim(core) == ()

    clock.advance(arrived_ms)
    gates.confirm_window(core, "k", NOW_MS, NOW_MS + arrived_ms)

    assert _starts_at_ms(core, clock) == arrived_ms + 1000


def test_an_earlier_end_wakes_the_scheduler(core: Core) -> None:
    """A scheduler that sleeps until the end of a window hears that it comes sooner."""
    seed.seed(core, 3, flow=FLOW)
    seed.claim(core)
    seed.alarm(core)

    gates.confirm_window(core, "k", NOW_MS, NOW_MS + 1)

    assert gates.wakes(core) == {gates.gate("k"): NOW_MS + 1001}
    assert seed.alarm(core)


def test_of_several_requests_the_earliest_counts(core: Core) -> None:
    """Workers tell in any order; each knows of its own request alone."""
    seed.seed(core, 2, flow=FLOW)
    seed.claim(core)

    for arrived_ms in (30, 10, 20):
        gates.confirm_window(core, "k", NOW_MS, NOW_MS + arrived_ms)

    assert gates.fields(core, "k")["arrived_ms"] == NOW_MS + 10


def test_a_window_that_is_over_is_left_alone(core: Core, clock: FakeClock) -> None:
    """Told too late, of a window after which another one has begun, nothing changes."""
    seed.seed(core, 3, flow=FLOW)
    seed.claim(core)
    second_ms = NOW_MS + _starts_at_ms(core, clock)

    gates.confirm_window(core, "k", NOW_MS, second_ms + 900)

    fields = gates.fields(core, "k")
    assert (fields["window_ms"], fields["arrived_ms"], fields["count"]) == (second_ms, 0, 1)


def test_a_key_that_is_gone_is_not_made_anew(core: Core) -> None:
    """Telling of a key that has expired leaves nothing behind."""
    gates.confirm_window(core, "gone", NOW_MS, NOW_MS)

    assert gates.fields(core, "gone") == {}


def test_a_clock_that_lags_ends_no_window_early(core: Core) -> None:
    """A request cannot have arrived before the window began, whatever the sender's clock says."""
    seed.seed(core, 2, flow=FLOW)
    seed.claim(core)

    gates.confirm_window(core, "k", NOW_MS, NOW_MS - 500)

    assert gates.fields(core, "k")["arrived_ms"] == NOW_MS


@pytest.mark.parametrize(("at_ms", "starts_ms"), [(959, 959), (960, 1040), (1039, 1040)])
def test_nothing_starts_at_the_very_end(core: Core, clock: FakeClock, at_ms: int, starts_ms: int) -> None:
    """What could arrive after the window waits for the next one, although the rate is not used up."""
    seed.seed(core, 1, flow=FLOW)
    seed.claim(core)
    clock.advance(at_ms)
    seed.seed(core, 1, flow=FLOW)

    assert _starts_at_ms(core, clock) == starts_ms


def test_a_window_that_was_reset_begins_with_its_first_delivery(core: Core, clock: FakeClock) -> None:
    """After a reset the endpoint counts from the next request, however much later that comes."""
    gates.change(core, "k", new_window=True, rate=1, pin_rate=1)
    clock.advance(900)
    seed.seed(core, 2, flow=FLOW)
    assert len(seed.claim(core)) == 1

    assert _starts_at_ms(core, clock) == 900 + 1040
    gates.change(core, "k", pin_rate=0)


@pytest.mark.parametrize("told", [False, True])
def test_a_worker_whose_clock_runs_ahead_shuts_a_key_for_a_period_at_most(
    core: Core, clock: FakeClock, told: bool
) -> None:
    """A window that begins in an hour has begun now, for everybody whose clock is right."""
    seed.seed(core, 4, flow=FLOW)
    clock.advance(3_600_000)
    seed.claim(core)
    if told:
        gates.confirm_window(core, "k", clock.now_ms(), clock.now_ms() + 5)
    clock.advance(-3_600_000)
    seed.seed(core, 1, flow=FLOW)

    assert _starts_at_ms(core, clock) == 1000


def test_clocks_that_differ_a_little_move_no_window(core: Core, clock: FakeClock) -> None:
    """Within the slack a window in the future is one of a clock a little ahead, and stays as it is."""
    seed.seed(core, 3, flow=FLOW)
    clock.advance(80)
    seed.claim(core)
    clock.advance(-80)

    assert _starts_at_ms(core, clock) == 80 + 1040
