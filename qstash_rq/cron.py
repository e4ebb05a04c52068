"""Read a cron expression and tell when it ticks next (contract 3.5).

croniter, which accepts far more than the contract, is only ever given the plain numbers of `cron_fields` and
a time without zone: time zones are `wall_clock`'s.
"""

import re
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

from croniter import croniter

from qstash_rq.cron_fields import plain_fields, refuse_cron
from qstash_rq.durations import parse_duration
from qstash_rq.wall_clock import first_instant_after

_MAX_CHARS = 1_024  # an expression with all its lists written out has 400
_MIN_PERIOD_MS = 60_000
_MAX_PERIOD_MS = 36_500 * 86_400_000  # Redis and JSON keep what comes of it exactly
_CACHED = 10_000

_BLANKS = " \t\r\n"
_BETWEEN = re.compile(r"[ \t]+")
_ZONE = re.compile(r"(?:CRON_)?TZ=([^ \t]*)[ \t]*")
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = "@every"


@dataclass(frozen=True, slots=True)
class _Period:
    """`@every`: the same span again and again."""

    period_ms: int

    def next_after(self, at_ms: int, anchor_ms: int) -> int:
        """Return the first multiple of the period since the anchor that is later than `at_ms`."""
        passed = max(0, (at_ms - anchor_ms) // self.period_ms)
        return anchor_ms + (passed + 1) * self.period_ms


@dataclass(frozen=True, slots=True)
class _Calendar:
    """Five fields, in numbers, on the wall clock of a zone; None: a date that never comes."""

    fields: str | None
    zone: tzinfo

    def next_after(self, at_ms: int, _anchor_ms: int) -> int | None:
        """Return the first matching minute later than `at_ms`."""
        if self.fields is None:
            return None
        # A copy, because its search moves it and several threads may hold the same.
        search = copy(_search(self.fields))

        def next_wall(wall: datetime) -> datetime:
            return search.get_next(datetime, start_time=wall)

        return first_instant_after(at_ms, self.zone, next_wall)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """A parsed expression; `text` is it as given, outer blanks trimmed, with its zone."""

    text: str
    rhythm: _Period | _Calendar

    def next_after(self, at_ms: int, *, anchor_ms: int = 0) -> int | None:
        """Return the first tick strictly later than `at_ms`, in Unix milliseconds; None: it never ticks.

        `@every` counts from `anchor_ms`, which is no tick itself; other expressions do not look at it. Local
        times that a clock change skips do not tick, those that it repeats tick once.
        """
        return self.rhythm.next_after(at_ms, anchor_ms)


def parse_cron(text: str) -> Cron:
    """Return the cron expression `text`: five fields, a descriptor or `@every`, with an optional zone.

    A date that never comes, such as 30 February, is no error. Raises InvalidInput worded as in contract 0.2.
    """
    trimmed = text.strip(_BLANKS)
    if len(trimmed) > _MAX_CHARS:
        refuse_cron(f"longer than {_MAX_CHARS} characters")
    return _parse(trimmed)


@lru_cache(maxsize=_CACHED)
def _parse(text: str) -> Cron:
    zone: tzinfo = UTC
    spec = text
    prefix = _ZONE.match(text)
    if prefix:
        zone = _zone(prefix[1])
        spec = text[prefix.end() :]
    if not spec:
        refuse_cron("empty spec string")
    word, *rest = _BETWEEN.split(spec, maxsplit=1)
    if word.lower() == _EVERY:
        return Cron(text=text, rhythm=_Period(_period_ms("".join(rest))))
    if spec.startswith("@"):
        fields = _DESCRIPTORS.get(spec.lower()) or refuse_cron("unrecognized descriptor")
        return Cron(text=text, rhythm=_Calendar(fields, zone))
    return Cron(text=text, rhythm=_Calendar(plain_fields(spec), zone))


def _zone(name: str) -> ZoneInfo:
    # By name in the list, never by opening the file that a caller names.
    if name not in _zone_names():
        refuse_cron(f"unknown time zone {name[:64]!a}")
    return ZoneInfo(name)


@cache
def _zone_names() -> frozenset[str]:
    # "localtime" is whatever the machine is set to, not a zone of IANA.
    return frozenset(available_timezones() - {"localtime"})


def _period_ms(text: str) -> int:
    period_ms = parse_duration(text, f"Invalid cron expression {_EVERY}")
    if not _MIN_PERIOD_MS <= period_ms <= _MAX_PERIOD_MS:
        refuse_cron(f"{_EVERY}: must be from 1m to 36500d")
    return period_ms


@lru_cache(maxsize=_CACHED)
def _search(fields: str) -> croniter:
    return croniter(fields)
