"""A request leaves within its rate window or not at all, and its worker finds out when it arrived."""

import asyncio
from collections.abc import Awaitable, Callable

from qstash_rq.delivery import RateWindow
from tests.clock import FakeClock
from workers.departure import Departure

BEGAN_MS = FakeClock().now_ms()
Story = Callable[[Departure, FakeClock, list[int]], Awaitable[None]]


def _tell(story: Story, *, slack_ms: int = 10) -> list[int]:
    """Play a story and return the arrivals that were told, from the beginning of the window."""

    async def play() -> list[int]:
        told: list[int] = []
        clock = FakeClock()
        window = RateWindow(began_ms=BEGAN_MS, leave_by_ms=BEGAN_MS + 980, slack_ms=slack_ms)
        async with asyncio.timeout(5):
            await story(Departure(window, clock, lambda at_ms: told.append(at_ms - BEGAN_MS)), clock, told)
        return told

    return asyncio.run(play())


async def _until_told(told: list[int], count: int = 1) -> None:
    while len(told) < count:  # noqa: ASYNC110 - the departure tells by itself
        await asyncio.sleep(0.001)


def test_an_answer_tells_that_the_request_has_arrived() -> None:
    """What is answered at once has arrived a millisecond later at most."""

    async def story(departure: Departure, clock: FakeClock, _told: list[int]) -> None:
        clock.advance(3)
        assert departure.leave()
        clock.advance(4)
        departure.end()

    assert _tell(story) == [8]


def test_a_slow_endpoint_is_not_waited_for() -> None:
    """A request that is on its way for as long as it may be is taken to have arrived."""

    async def story(departure: Departure, clock: FakeClock, told: list[int]) -> None:
        clock.advance(3)
        assert departure.leave()
        await _until_told(told)
        clock.advance(5_000)
        departure.end()

    assert _tell(story) == [13, 13]


def test_a_late_departure_is_told_at_once() -> None:
    """The window would end soon after: its gate has to know before the answer comes."""

    async def story(departure: Departure, clock: FakeClock, told: list[int]) -> None:
        clock.advance(900)
        assert departure.leave()
        await _until_told(told)
        clock.advance(2)
        departure.end()

    assert _tell(story, slack_ms=40) == [940, 903]


def test_after_its_window_nothing_leaves() -> None:
    """A worker that lagged behind may not send any more, and has nothing to tell."""

    async def story(departure: Departure, clock: FakeClock, _told: list[int]) -> None:
        clock.advance(979)
        assert departure.leave()
        clock.advance(1)
        assert not departure.leave()
        assert departure.missed

    async def never(departure: Departure, clock: FakeClock, _told: list[int]) -> None:
        clock.advance(980)
        assert not departure.leave()
        departure.end()

    assert _tell(story, slack_ms=0) == []
    assert _tell(never) == []


def test_what_never_left_has_not_arrived() -> None:
    """A connection that cannot be opened says nothing about the window."""

    async def story(departure: Departure, _clock: FakeClock, _told: list[int]) -> None:
        departure.end()
        assert not departure.missed

    assert _tell(story) == []


def test_nobody_wants_to_know_again() -> None:
    """When the window was confirmed before the claim, nothing is told."""

    async def story(departure: Departure, _clock: FakeClock, _told: list[int]) -> None:
        assert departure.leave()
        departure.end()

    assert _tell(story, slack_ms=0) == []


def test_a_second_departure_counts() -> None:
    """A request that is sent again on another connection arrives when that one does."""

    async def story(departure: Departure, clock: FakeClock, _told: list[int]) -> None:
        assert departure.leave()
        clock.advance(30)
        assert departure.leave()
        clock.advance(2)
        departure.end()

    assert _tell(story, slack_ms=40) == [33]
