"""Row: delivery throughput of the plain lane, beside that of another checkout in the same run.

Each tree measures itself, with its own benchmark, in a process of its own.
"""

import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from benchmarks.delivery import MESSAGES
from benchmarks.processes import ROOT
from benchmarks.row import CannotMeasure, Effort, Row, at_least, median_ratio

GOAL = 0.95
_LONGEST_S = 120

# Runs in either tree. The names it imports are what the two must have in common.
_PROGRAM = """
import sys
import qstash_rq
from benchmarks.delivery import throughput
from benchmarks.deployment import deployment
from benchmarks.nginx_receiver import nginx_receiver

with nginx_receiver() as receiver, deployment() as running:
    print(qstash_rq.__file__)
    print(throughput(running, receiver, int(sys.argv[1]), workers=1))
"""


def measure(other: Path, effort: Effort) -> list[Row]:
    """Measure this tree and `other` in turn; raises CannotMeasure when one cannot be measured."""
    trees = (ROOT, other.resolve())
    rates: dict[Path, list[float]] = {tree: [] for tree in trees}
    for run in range(effort.runs):
        # The first of two may find the machine cooler, or still busy with what was before.
        for tree in trees if run % 2 else reversed(trees):
            rates[tree].append(_throughput(tree, effort.size(MESSAGES)))
    ours, theirs = (rates[tree] for tree in trees)
    ratio = median_ratio(ours, theirs)
    return [
        Row(
            name="delivery: this tree, plain lane",
            figure=f"{median(ours):,.0f}",
            unit="messages/s",
            ratio_to=f"{ratio:.2f} x {other} ({median(theirs):,.0f})",
            goal=f">= {GOAL} x",
            verdict=at_least(ratio, GOAL),
        )
    ]


def _throughput(tree: Path, count: int) -> float:
    command = [sys.executable, "-c", _PROGRAM, str(count)]
    environ = os.environ | {"PYTHONPATH": str(tree)}
    done = subprocess.run(
        command, cwd=tree, env=environ, check=False, capture_output=True, text=True, timeout=_LONGEST_S
    )
    if done.returncode:
        msg = f"{tree} cannot be measured:\n{done.stderr[-2_000:]}"
        raise CannotMeasure(msg)
    loaded, rate = done.stdout.split("\n")[:2]
    if not Path(loaded).is_relative_to(tree):
        msg = f"the code of {loaded} was measured, not that of {tree}"
        raise CannotMeasure(msg)
    return float(rate)
