"""Ticks around clock changes in every zone, compared with walking the clock minute by minute (contract 3.5).

By default one change of each zone and all those of a few difficult ones; ALL_CLOCK_CHANGES=1 takes all
changes of all zones since 1975.
"""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from zlib import crc32
from zoneinfo import ZoneInfo, available_timezones

import pytest

from qstash_rq.cron import parse_cron
from qstash_rq.wall_clock import first_instant_after

Wanted = Callable[[datetime], bool]

_ALL = os.environ.get("ALL_CLOCK_CHANGES") == "1"
_YEARS = (1975, 2037) if _ALL else (2005, 2026)
_STEP = timedelta(days=1 if _ALL else 7)
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_SHARDS = 16

_ZONES = sorted(available_timezones() - {"localtime"})
_DIFFICULT = (
    "Africa/Cairo",  # changes at midnight, with a pause for Ramadan
    "Africa/Casablanca",  # "summer" time goes back for Ramadan
    "America/Caracas",  # half an hour
    "America/Havana",
    "America/Scoresbysund",  # changed its offset on the day of a clock change
    "America/St_Johns",  # used to change a minute past midnight
    "Antarctica/Casey",  # three hours
    "Antarctica/Troll",  # two hours
    "Asia/Gaza",
    "Asia/Pyongyang",
    "Australia/Lord_Howe",  # half an hour, twice a year
    "Europe/Dublin",  # winter time is the exception
    "Pacific/Apia",  # left out a whole day
    "Pacific/Fakaofo",  # left out a whole day
)

_EXPRESSIONS: dict[str, Wanted] = {
    "*/15 * * * *": lambda wall: wall.minute % 15 == 0,
    "0 0 * * *": lambda wall: (wall.hour, wall.minute) == (0, 0),
    "30 0-3 * * *": lambda wall: wall.minute == 30 and wall.hour <= 3,
    "59 1 * * *": lambda wall: (wall.hour, wall.minute) == (1, 59),
    "7 */2 * * sat,sun": lambda wall: (
        wall.minute == 7 and wall.hour % 2 == 0 and wall.strftime("%a") in {"Sat", "Sun"}
    ),
}


@cache
def _changes(name: str) -> tuple[tuple[datetime, timedelta], ...]:
    """Find the instants at which a zone's clocks change, to the minute, and how far they are moved."""
    zone, found = ZoneInfo(name), list[tuple[datetime, timedelta]]()
    early = datetime(_YEARS[0], 1, 1, tzinfo=UTC)
    while early.year < _YEARS[1]:
        late = early + _STEP
        before, after = (at.astimezone(zone).utcoffset() or timedelta() for at in (early, late))
        if before != after:
            low, high = 0, _STEP // _MINUTE
            while high - low > 1:
                middle = (low + high) // 2
                is_before = (early + middle * _MINUTE).astimezone(zone).utcoffset() == before
                low, high = (middle, high) if is_before else (low, middle)
            found.append((early + high * _MINUTE, after - before))
        early = late
    return tuple(found)


def _cases(names: list[str]) -> Iterator[tuple[str, datetime, timedelta]]:
    """Give the clock changes to look at; those that zones have in common come once."""
    seen: set[tuple[object, ...]] = set()
    for name in names:
        changes = _changes(name)
        if not changes:
            yield name, datetime(2024, 2, 28, 22, tzinfo=UTC), timedelta()
            continue
        if not (_ALL or name in _DIFFICULT):
            changes = (changes[crc32(name.encode()) % len(changes)],)
        for at, size in changes:
            key = (at, at.astimezone(ZoneInfo(name)).utcoffset(), size)
            if key not in seen:
                seen.add(key)
                yield name, at, abs(size)


def _walk(name: str, start: datetime, end: datetime) -> Iterator[tuple[int, datetime]]:
    """Give each minute at which the clock shows a time that it has not shown before, and that time."""
    zone, seen = ZoneInfo(name), set[datetime]()
    while start < end:
        wall = start.astimezone(zone).replace(tzinfo=None, fold=0)
        if wall not in seen:
            seen.add(wall)
            yield int(start.timestamp()) * 1_000, wall
        start += _MINUTE


def _ticks(text: str, after_ms: int, until_ms: int) -> list[int]:
    cron, found = parse_cron(text), list[int]()
    at_ms = cron.next_after(after_ms)
    while at_ms is not None and at_ms < until_ms:
        found.append(at_ms)
        at_ms = cron.next_after(at_ms)
    return found


@pytest.mark.timeout(600 if _ALL else 60)
@pytest.mark.parametrize("shard", range(_SHARDS))
def test_agrees_with_a_walk_over_each_minute(shard: int) -> None:
    """Around a clock change the ticks are the minutes whose time fits and was not shown before."""
    names = _ZONES[shard::_SHARDS]
    cases = list(_cases(names))
    wrong: list[tuple[str, str, datetime]] = []
    for name, at, size in cases:
        start, end = at - size - 2 * _HOUR, at + size + 2 * _HOUR
        minutes = list(_walk(name, start, end))
        start_ms, end_ms = (int(edge.timestamp()) * 1_000 for edge in (start, end))
        for expression, wanted in _EXPRESSIONS.items():
            expected = [minute_ms for minute_ms, wall in minutes if wanted(wall)]
            if expected != _ticks(f"CRON_TZ={name} {expression}", start_ms - 1, end_ms):
                wrong.append((name, expression, at))

    assert wrong == []
    assert len(cases) > len(names) // 4


@pytest.mark.parametrize("name", ["Europe/Berlin", "Australia/Lord_Howe", "America/Havana", "Pacific/Apia"])
@pytest.mark.parametrize("expression", ["*/15 * * * *", "30 0-3 * * *"])
def test_it_does_not_matter_when_the_question_is_asked(name: str, expression: str) -> None:
    """At any moment around a clock change, the next tick is the first one of the walk that is later."""
    cron, wanted = parse_cron(f"CRON_TZ={name} {expression}"), _EXPRESSIONS[expression]
    for at, change in _changes(name)[:4]:
        size = abs(change)
        start, end = at - size - _HOUR, at + size + 6 * _HOUR
        expected = [minute_ms for minute_ms, wall in _walk(name, start - size, end) if wanted(wall)]
        asked_ms = int(start.timestamp()) * 1_000
        while asked_ms < expected[-1]:
            later = next(tick_ms for tick_ms in expected if tick_ms > asked_ms)

            assert later == cron.next_after(asked_ms), (name, expression, asked_ms)

            asked_ms += 411_411  # about seven minutes, on no boundary


@pytest.mark.parametrize(
    ("text", "asked", "tick"),
    [
        # Clocks skip 02:00 to 03:00 on 31 March 2024.
        ("30 2 * * *", "2024-03-30T12:00:00Z", "2024-04-01T00:30:00Z"),
        ("0 3 * * *", "2024-03-30T12:00:00Z", "2024-03-31T01:00:00Z"),
        ("30 2 31 3 *", "2024-01-01T00:00:00Z", "2025-03-31T00:30:00Z"),
        # They show 02:00 to 03:00 twice on 27 October 2024.
        ("30 2 * * *", "2024-10-27T00:00:00Z", "2024-10-27T00:30:00Z"),
        ("30 2 * * *", "2024-10-27T00:30:00Z", "2024-10-28T01:30:00Z"),
        ("30 2 * * *", "2024-10-27T01:10:00Z", "2024-10-28T01:30:00Z"),
        ("*/20 * * * *", "2024-10-27T00:40:00Z", "2024-10-27T02:00:00Z"),
        ("*/20 * * * *", "2024-10-27T01:10:00Z", "2024-10-27T02:00:00Z"),
    ],
)
def test_berlin(text: str, asked: str, tick: str) -> None:
    """What the clock skips does not tick, what it repeats ticks once."""
    found_ms = parse_cron(f"CRON_TZ=Europe/Berlin {text}").next_after(_ms(asked))

    assert _ms(tick) == found_ms


def test_a_time_that_clocks_skip_each_year_never_comes() -> None:
    """The search ends although each year has the wanted time, and skips it: it never becomes endless."""
    zone = ZoneInfo("Europe/Berlin")
    asked: list[datetime] = []

    def next_skipped(wall: datetime) -> datetime:
        asked.append(wall)
        changes = (
            at for year in range(wall.year, wall.year + 2) if (at := _last_sunday_of_march(year)) > wall
        )
        return next(changes)

    assert first_instant_after(_ms("2024-01-01T00:00:00Z"), zone, next_skipped) is None
    assert len(asked) < 100


def _last_sunday_of_march(year: int) -> datetime:
    end = datetime(year, 3, 31, 2, 30)  # noqa: DTZ001 - a wall clock has no zone
    return end - timedelta(days=end.isoweekday() % 7)


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000
