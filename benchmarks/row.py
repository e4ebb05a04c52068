"""The values of the table: what to measure with how much effort, and the rows that come of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median


class Verdict(StrEnum):
    """How a figure stands to its goal."""

    MET = "met"
    MISSED = "MISSED"
    NO_GOAL = "-"
    NOT_MEASURED = "NOT MEASURED"


class CannotMeasure(Exception):
    """A row cannot be measured here; the text says why and what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How often each figure is taken, and what share of the full size is used."""

    runs: int = 3
    scale: float = 1.0

    @property
    def short_runs(self) -> int:
        """How often a figure is taken that needs a second or less.

        The speed of a shared machine changes from one second to the next.
        """
        return 3 * self.runs

    def size(self, full: int) -> int:
        """Return `full`, scaled, at least 1."""
        return max(1, round(full * self.scale))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table; `ratio_to` and `goal` are empty where there is none."""

    name: str
    figure: str
    unit: str = ""
    ratio_to: str = ""
    goal: str = ""
    verdict: Verdict = Verdict.NO_GOAL


def at_least(figure: float, goal: float) -> Verdict:
    """Judge a figure that should be large."""
    return Verdict.MET if figure >= goal else Verdict.MISSED


def at_most(figure: float, goal: float) -> Verdict:
    """Judge a figure that should be small."""
    return Verdict.MET if figure <= goal else Verdict.MISSED


def below(figure: float, goal: float) -> Verdict:
    """Judge a figure that should stay under its goal."""
    return Verdict.MET if figure < goal else Verdict.MISSED


def median_ratio(figures: Sequence[float], others: Sequence[float]) -> float:
    """Return the median of the ratios run by run: what disturbed one run disturbed both its sides."""
    return median(figure / other for figure, other in zip(figures, others, strict=True))


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that `percent` of `values` do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
