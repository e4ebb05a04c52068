"""The whole sweep: in every scenario a process is killed before and after each of its calls to Redis."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.plan import make_plan, strike_all
from tests.crash.sweep import open_sweep

pytestmark = pytest.mark.chaos


def test_every_crash_point(valkey: str, tmp_path: Path, report: Callable[[str], None]) -> None:
    """Wherever a process dies, nothing is lost, doubled, overtaken, over a limit or left behind."""
    with open_sweep(valkey, tmp_path) as sweep:
        plan = make_plan(sweep)
        visited, wrong = strike_all(sweep, plan.points)
    by_scenario = Counter(one.scenario.name for one in plan.points)
    report(f"{len(plan.points)} crash points in {len(by_scenario)} scenarios, {visited} visited")
    assert wrong == []
    assert visited == len(plan.points)
