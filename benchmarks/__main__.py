"""`python -m benchmarks`: measure every row, or those asked for, and print the table.

Exits with 1 when a row could not be measured. A missed goal is a figure like any other: this is no test.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import (
    batch,
    beside,
    delays,
    delivery,
    flow_control,
    idle,
    latency,
    long_backlog,
    many_lanes,
    memory,
    publish,
    schedules,
    two_workers,
)
from benchmarks.machine import describe_machine
from benchmarks.redis_server import describe_server
from benchmarks.row import CannotMeasure, Effort, Row, Verdict
from benchmarks.table import table

_ROWS: dict[str, Callable[[Effort], list[Row]]] = {
    "delivery": delivery.measure,
    "two-workers": two_workers.measure,
    "publish": publish.measure,
    "batch": batch.measure,
    "latency": latency.measure,
    "delays": delays.measure,
    "schedules": schedules.measure,
    "flow-control": flow_control.measure,
    "long-backlog": long_backlog.measure,
    "many-lanes": many_lanes.measure,
    "idle": idle.measure,
    "memory": memory.measure,
}
# Measured only when --beside says what with.
_BESIDE = "beside"


def main() -> int:
    """Measure, print, and return the exit status."""
    options = _options()
    effort = Effort(runs=options.runs, scale=options.scale)
    print(
        describe_machine(),
        describe_server(),
        f"each figure is the median of {effort.runs} runs",
        sep="\n",
        flush=True,
    )
    measures = _ROWS if options.beside is None else _ROWS | {_BESIDE: partial(beside.measure, options.beside)}
    names = options.row or list(measures)
    rows = [row for name in names for row in _measure(name, measures[name], effort)]
    print("", table(rows), sep="\n")
    return int(any(row.verdict is Verdict.NOT_MEASURED for row in rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Print the performance table.")
    names = [*_ROWS, _BESIDE]
    parser.add_argument("--row", action="append", choices=names, help="measure this one; may be repeated")
    parser.add_argument("--beside", type=Path, metavar="TREE", help="compare with this other checkout, too")
    parser.add_argument("--runs", type=int, default=3, help="runs each figure is the median of (default: 3)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full size, to try things out")
    options = parser.parse_args()
    if _BESIDE in (options.row or ()) and options.beside is None:
        parser.error("--row beside needs --beside TREE")
    return options


def _measure(name: str, measure: Callable[[Effort], list[Row]], effort: Effort) -> list[Row]:
    started_s, load = time.monotonic(), os.getloadavg()[0]
    try:
        return measure(effort)
    except CannotMeasure as error:
        print(f"{name}: NOT MEASURED: {error}", file=sys.stderr)
        return [Row(name=name, figure="none", unit=str(error).splitlines()[0], verdict=Verdict.NOT_MEASURED)]
    finally:
        seconds = time.monotonic() - started_s
        print(f"{name}: {seconds:.0f} s, begun at load average {load:.2f}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
