"""Compare ours with others in one run: all sides in turn, again and again, on the same machine."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.row import CannotMeasure, Row, Verdict, at_least, median_ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What one run of one side gave; `p99_ms` where there is one."""

    per_s: float
    p99_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a comparison; `goal` is how many times as fast ours should be, None for no goal."""

    name: str
    unit: str
    measure: Callable[[], Rate]
    goal: float | None = None
    digits: int = 0


def compare(ours: Side, others: Sequence[Side], runs: int) -> list[Row]:
    """Return a row for each side.

    Another side that cannot be measured is left out of the runs that follow, and its row says why; ours
    raises CannotMeasure.
    """
    taken: dict[str, list[Rate]] = {side.name: [] for side in (ours, *others)}
    reasons: dict[str, str] = {}
    for _ in range(runs):
        taken[ours.name].append(ours.measure())
        for side in others:
            if side.name not in reasons:
                try:
                    taken[side.name].append(side.measure())
                except CannotMeasure as error:
                    print(f"{side.name}: NOT MEASURED: {error}", file=sys.stderr)
                    reasons[side.name] = str(error).splitlines()[0]
    return [
        _row(ours, taken[ours.name]),
        *(
            _not_measured(side, reasons[side.name])
            if side.name in reasons
            else _beside(side, taken[side.name], taken[ours.name])
            for side in others
        ),
    ]


def _row(side: Side, rates: Sequence[Rate], ratio_to: str = "", verdict: Verdict = Verdict.NO_GOAL) -> Row:
    tails = [rate.p99_ms for rate in rates if rate.p99_ms is not None]
    return Row(
        name=side.name,
        figure=f"{median(rate.per_s for rate in rates):,.{side.digits}f}",
        unit=f"{side.unit}, p99 {median(tails):.0f} ms" if tails else side.unit,
        ratio_to=ratio_to,
        goal=_goal(side),
        verdict=verdict,
    )


def _beside(side: Side, rates: Sequence[Rate], ours: Sequence[Rate]) -> Row:
    ratio = median_ratio([rate.per_s for rate in ours], [rate.per_s for rate in rates])
    verdict = Verdict.NO_GOAL if side.goal is None else at_least(ratio, side.goal)
    return _row(side, rates, f"ours is {ratio:.{2 if ratio < 10 else 0}f} x", verdict)


def _not_measured(side: Side, reason: str) -> Row:
    return Row(name=side.name, figure="none", unit=reason, goal=_goal(side), verdict=Verdict.NOT_MEASURED)


def _goal(side: Side) -> str:
    return "" if side.goal is None else f">= {side.goal:g} x"
