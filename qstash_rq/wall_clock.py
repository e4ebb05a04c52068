"""Find the instants of times that a wall clock shows, over the gaps and overlaps of its zone (contract 3.5).

Which times are wanted is the caller's; here a time that a clock change skips is passed over, and one that it
shows twice counts once, the first time.
"""

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo

_SECOND = timedelta(seconds=1)
# Some zones change their clocks on the same date each year: a time that is wanted only then may never come.
_MAX_GAPS = 50


def first_instant_after(at_ms: int, zone: tzinfo, next_wall: Callable[[datetime], datetime]) -> int | None:
    """Return the Unix milliseconds of the first wanted time strictly after `at_ms`, None if none comes.

    `next_wall` gives, without a zone, the first wanted whole minute after a wall-clock time.
    """
    local = datetime.fromtimestamp(at_ms // 1_000, zone)
    wall = local.replace(tzinfo=None, fold=0)
    if local.fold:
        # In the second pass: all that the clock shows until its end has been.
        wall = _end_of_shift(wall, zone) - _SECOND
    for _ in range(_MAX_GAPS):
        wall = next_wall(wall)
        first, second = _readings(wall, zone)
        if first <= second:
            return int(first) * 1_000
        wall = _end_of_shift(wall, zone) - _SECOND
    return None


def _readings(wall: datetime, zone: tzinfo) -> tuple[float, float]:
    """Return the Unix seconds at which clocks show `wall`: equal as a rule, descending in a gap."""
    return wall.replace(tzinfo=zone).timestamp(), wall.replace(tzinfo=zone, fold=1).timestamp()


def _end_of_shift(wall: datetime, zone: tzinfo) -> datetime:
    """Return the first time after `wall`, inside a gap or an overlap, that clocks show exactly once."""
    first, second = _readings(wall, zone)
    inside, outside = 0, int(abs(first - second))
    while outside - inside > 1:
        middle = (inside + outside) // 2
        first, second = _readings(wall + middle * _SECOND, zone)
        inside, outside = (inside, middle) if first == second else (middle, outside)
    return wall + outside * _SECOND
