"""The plan of a sweep: every scenario rehearsed, every crash point numbered."""

from collections.abc import Iterable
from dataclasses import dataclass

from tests.crash.catalogue import SCENARIOS
from tests.crash.point import Point
from tests.crash.scenario import Scenario
from tests.crash.sweep import Sweep


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """One crash point of the whole sweep."""

    number: int
    scenario: Scenario
    point: Point

    def __str__(self) -> str:
        """Say which it is."""
        return f"point {self.number}, {self.scenario.name}: {self.point}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What all scenarios together do, and where they can be cut short."""

    points: tuple[Numbered, ...]
    calls: frozenset[str]
    sites: frozenset[str]
    endpoints: frozenset[str]

    def tenth(self) -> list[Numbered]:
        """Return a tenth of the points: of each ten another one, so that both sides of calls come up."""
        return [one for one in self.points if one.number % 10 == one.number // 10 % 10]


def make_plan(sweep: Sweep) -> Plan:
    """Rehearse every scenario; each must play."""
    rehearsals = {name: sweep.rehearse(scenario) for name, scenario in SCENARIOS.items()}
    pairs = ((name, point) for name, rehearsal in rehearsals.items() for point in rehearsal.points)
    return Plan(
        points=tuple(
            Numbered(number=number, scenario=SCENARIOS[name], point=point)
            for number, (name, point) in enumerate(pairs, start=1)
        ),
        calls=frozenset().union(*(one.calls for one in rehearsals.values())),
        sites=frozenset().union(*(one.sites for one in rehearsals.values())),
        endpoints=frozenset().union(*(one.endpoints for one in rehearsals.values())),
    )


def strike_all(sweep: Sweep, points: Iterable[Numbered]) -> tuple[int, list[str]]:
    """Kill at each of the points; returns how many were visited, and what went wrong where."""
    visited, wrong = 0, []
    for one in points:
        try:
            sweep.strike(one.scenario, one.point)
        except AssertionError as error:
            wrong.append(f"{one}: {str(error).splitlines()[0] if str(error) else error!r}")
        else:
            visited += 1
    return visited, wrong
