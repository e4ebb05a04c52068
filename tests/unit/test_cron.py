"""Cron expressions as a whole, contract 3.5: zones, descriptors, periods, and when they tick next."""

import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qstash_rq.cron import parse_cron
from qstash_rq.errors import InvalidInput

_MINUTE_MS = 60_000
_FIRST_DAY, _LAST_DAY = datetime(2023, 1, 1, tzinfo=UTC), datetime(2032, 12, 31, tzinfo=UTC)
_DAYS_OF_A_LEAP_CYCLE = 9 * 366  # 29 February may be 8 years away

Field = tuple[str, frozenset[int], bool]  # as written, what it means, whether it is restricted


def _at_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000)


def _shown(at_ms: int | None) -> str | None:
    if at_ms is None:
        return None
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("text", "ticks"),
    [
        ("* * * * *", ["2024-02-28T12:31:00Z", "2024-02-28T12:32:00Z"]),
        ("*/10 * * * *", ["2024-02-28T12:40:00Z", "2024-02-28T12:50:00Z", "2024-02-28T13:00:00Z"]),
        ("0 9 * * MON-fri", ["2024-02-29T09:00:00Z", "2024-03-01T09:00:00Z", "2024-03-04T09:00:00Z"]),
        ("0 0 29 2 *", ["2024-02-29T00:00:00Z", "2028-02-29T00:00:00Z"]),
        ("0 0 13 * 5", ["2024-03-01T00:00:00Z", "2024-03-08T00:00:00Z", "2024-03-13T00:00:00Z"]),
        ("59 23 31 12 ?", ["2024-12-31T23:59:00Z"]),
        ("@yearly", ["2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"]),
        ("@annually", ["2025-01-01T00:00:00Z"]),
        ("@monthly", ["2024-03-01T00:00:00Z", "2024-04-01T00:00:00Z"]),
        ("@weekly", ["2024-03-03T00:00:00Z", "2024-03-10T00:00:00Z"]),
        ("@daily", ["2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"]),
        ("@midnight", ["2024-02-29T00:00:00Z"]),
        ("@HOURLY", ["2024-02-28T13:00:00Z"]),
        ("CRON_TZ=Europe/Berlin 0 9 * * *", ["2024-02-29T08:00:00Z"]),
        ("TZ=Asia/Kathmandu @daily", ["2024-02-28T18:15:00Z"]),
        ("CRON_TZ=America/New_York\t@weekly", ["2024-03-03T05:00:00Z", "2024-03-10T05:00:00Z"]),
        ("CRON_TZ=UTC   1 2 3 4 *", ["2024-04-03T02:01:00Z"]),
    ],
)
def test_it_ticks(text: str, ticks: list[str]) -> None:
    """From 28 February 2024 at 12:30:00 these are the next ticks."""
    found: list[str | None] = []
    at_ms: int | None = _at_ms("2024-02-28T12:30:00Z")
    for _ in ticks:
        assert at_ms is not None
        at_ms = parse_cron(text).next_after(at_ms)
        found.append(_shown(at_ms))

    assert ticks == found


@pytest.mark.parametrize(("after_ms", "tick_ms"), [(-1, 0), (0, 60_000), (1, 60_000), (59_999, 60_000)])
def test_the_next_tick_is_strictly_later(after_ms: int, tick_ms: int) -> None:
    """A tick is not its own successor, and a millisecond before it is enough."""
    hour_ms = _at_ms("2024-02-28T12:00:00Z")

    assert hour_ms + tick_ms == parse_cron("* * * * *").next_after(hour_ms + after_ms)


@pytest.mark.parametrize("text", ["0 0 30 2 *", "CRON_TZ=Asia/Tokyo 0 0 31 4,6,9,11 *"])
def test_a_date_that_does_not_exist_never_ticks(text: str) -> None:
    """30 February is accepted and has no next tick."""
    assert parse_cron(text).next_after(_at_ms("2024-02-28T12:30:00Z")) is None


@pytest.mark.parametrize(
    ("text", "period_ms"),
    [
        ("@every 1m", 60_000),
        ("@every 60", 60_000),
        ("@every 1d2h3m4s", 93_784_000),
        ("@every \t 1.5h", 5_400_000),
        ("@Every 36500d", 3_153_600_000_000),
        ("CRON_TZ=Europe/Berlin @every 90m", 5_400_000),
    ],
)
def test_a_period_counts_from_its_anchor(text: str, period_ms: int) -> None:
    """The anchor is no tick, and every whole period after it is one, whenever the question is asked."""
    cron, anchor_ms = parse_cron(text), 1_700_000_000_123

    assert [anchor_ms + period_ms] * 3 == [
        cron.next_after(at_ms, anchor_ms=anchor_ms)
        for at_ms in (anchor_ms - 7 * period_ms, anchor_ms, anchor_ms + period_ms - 1)
    ]
    assert anchor_ms + 8 * period_ms == cron.next_after(anchor_ms + 7 * period_ms, anchor_ms=anchor_ms)


@pytest.mark.parametrize("text", ["@every 59s", "@every 0", "@every 36501d", f"@every {'9' * 60}d"])
def test_a_period_has_bounds(text: str) -> None:
    """Less than a minute is too often, and more than a century is refused."""
    with pytest.raises(InvalidInput, match=r"^Invalid cron expression @every: must be from 1m to 36500d$"):
        parse_cron(text)


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("", "empty spec string"),
        (" \t\r\n", "empty spec string"),
        ("CRON_TZ=Europe/Berlin", "empty spec string"),
        ("TZ=UTC  ", "empty spec string"),
        ("@reboot", "unrecognized descriptor"),
        ("@daily 5", "unrecognized descriptor"),
        ("@", "unrecognized descriptor"),
        ("@every", "@every: not a duration"),
        ("@every soon", "@every: not a duration"),
        ("@every -5m", "@every: not a duration"),
        ("@every 1m 30s", "@every: not a duration"),
        ("@every1h", "unrecognized descriptor"),
        ("* * * *", "expected exactly 5 fields, found 4"),
        ("0 * * * * *", "expected exactly 5 fields, found 6"),
        ("* * * * * 2025", "expected exactly 5 fields, found 6"),
        ("61 * * * *", "minute: '61' is not from 0 to 59"),
        ("0 0 L * *", "day of month: 'L' is not a value of this field"),
        ("CRON_TZ=UTC TZ=UTC * * * * *", "expected exactly 5 fields, found 6"),
        ("* * * * * CRON_TZ=UTC", "expected exactly 5 fields, found 6"),
        ("cron_tz=UTC * * * * *", "expected exactly 5 fields, found 6"),
        ("\xa0* * * * *", "minute: '\\xa0*' is not"),
        ("0," * 600 + "0 * * * *", "longer than 1024 characters"),
    ],
)
def test_anything_else_is_refused(text: str, detail: str) -> None:
    """The text begins as upstream's does and says what is wrong."""
    with pytest.raises(InvalidInput, match="^" + re.escape(f"Invalid cron expression {detail}")):
        parse_cron(text)


@pytest.mark.parametrize(
    "name",
    [
        *("", "Mars/Olympus", "europe/berlin", "Europe", "Local", "localtime", "posixrules", "posix/UTC"),
        *("../UTC", "/etc/localtime", "Europe/../UTC", "tzdata.zi", "UTC\0", "x" * 500, "٣"),
    ],
)
def test_a_zone_has_to_be_one_of_iana(name: str) -> None:
    """Unknown zones are refused, and no name reaches a file that is not a zone."""
    with pytest.raises(InvalidInput, match=r"^Invalid cron expression unknown time zone '[ -~]{0,80}'$"):
        parse_cron(f"CRON_TZ={name} * * * * *")


def test_the_text_is_kept_for_storing() -> None:
    """It is as given, inner blanks and the zone included, without the outer blanks."""
    assert parse_cron(" \tCRON_TZ=UTC  0  9 * * mon\r\n").text == "CRON_TZ=UTC  0  9 * * mon"


@pytest.fixture
def _threads_take_turns_often() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("_threads_take_turns_often")
def test_threads_may_share_a_cron() -> None:
    """Threads that ask the same expression at once, each for another year, do not mix up their answers."""
    cron = parse_cron("0 0 1 1 *")
    years = [2000 + turn % 50 for turn in range(5_000)]

    with ThreadPoolExecutor(8) as threads:
        found = threads.map(cron.next_after, [_at_ms(f"{year}-06-01T00:00:00Z") for year in years])

    assert [f"{year + 1}-01-01T00:00:00Z" for year in years] == [_shown(tick_ms) for tick_ms in found]


@given(st.text(alphabet="0123456789*?/-,@TZCRON_=every daily1mh\t", max_size=60) | st.text())
def test_any_text_gives_a_cron_or_a_refusal(text: str) -> None:
    """No input ends in anything but ticks, none at all, or InvalidInput."""
    try:
        cron = parse_cron(text)
    except InvalidInput as error:
        assert str(error).startswith("Invalid cron expression ")  # noqa: PT017 - the other outcome is as good
    else:
        tick_ms = cron.next_after(1_700_000_000_000)
        assert tick_ms is None or tick_ms > 1_700_000_000_000


@st.composite
def _fields(draw: st.DrawFn, low: int, high: int) -> Field:
    """Write a field and, by the words of the contract, what it means."""
    if draw(st.booleans()):
        return draw(st.sampled_from(["*", "?", "*/1"])), frozenset(range(low, high + 1)), False
    texts: list[str] = []
    meant: set[int] = set()
    for _ in range(draw(st.integers(1, 3))):
        first, last = sorted((draw(st.integers(low, high)), draw(st.integers(low, high))))
        step = draw(st.integers(1, high + 2))
        text, values = draw(
            st.sampled_from(
                [
                    (f"{first}", range(first, first + 1)),
                    (f"{first}-{last}", range(first, last + 1)),
                    (f"{first}-{last}/{step}", range(first, last + 1, step)),
                    (f"{first}/{step}", range(first, high + 1, step)),
                    (f"*/{step + 1}", range(low, high + 1, step + 1)),
                ]
            )
        )
        texts.append(text)
        meant.update(values)
    return ",".join(texts), frozenset(meant), True


@st.composite
def _crons(draw: st.DrawFn) -> tuple[Field, Field, Field, Field, Field]:
    bounds = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)]
    minute, hour, day, month, weekday = (draw(_fields(low, high)) for low, high in bounds)
    return minute, hour, day, month, weekday


def _days(fields: tuple[Field, ...], first: date) -> Iterator[date]:
    """Walk the calendar and give the days on which an expression ticks."""
    (_, days, days_count), (_, months, _), (_, weekdays, weekdays_count) = fields[2:]
    for ahead in range(_DAYS_OF_A_LEAP_CYCLE):
        day = first + timedelta(days=ahead)
        is_day, is_weekday = day.day in days, day.isoweekday() % 7 in weekdays
        either = (is_day or is_weekday) if days_count and weekdays_count else (is_day and is_weekday)
        if day.month in months and either:
            yield day


def _walk(fields: tuple[Field, ...], start: datetime) -> Iterator[datetime]:
    """Give the ticks from `start` on, by walking days, hours and minutes."""
    for day in _days(fields, start.date()):
        for hour in sorted(fields[1][1]):
            for minute in sorted(fields[0][1]):
                yield datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


@given(_crons(), st.datetimes(_FIRST_DAY.replace(tzinfo=None), _LAST_DAY.replace(tzinfo=None)))
@settings(max_examples=300, deadline=None)
def test_agrees_with_a_walk_through_the_calendar(
    fields: tuple[Field, Field, Field, Field, Field], start: datetime
) -> None:
    """Five ticks in a row are those that a walk over each day finds, or both find none."""
    at_ms: int | None = int(start.replace(tzinfo=UTC).timestamp() * 1_000)
    assert at_ms is not None
    start_ms = at_ms
    later = (
        tick_ms for tick in _walk(fields, start) if (tick_ms := int(tick.timestamp()) * 1_000) > start_ms
    )
    expected: list[int | None] = [*islice(later, 5)]
    cron = parse_cron(" ".join(text for text, _, _ in fields))

    found: list[int | None] = []
    for _ in expected or [None]:
        at_ms = cron.next_after(at_ms) if at_ms is not None else None
        found.append(at_ms)

    assert (expected or [None]) == found
