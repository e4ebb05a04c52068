"""Row: Redis commands per second while nothing happens, for each process alone and for all together."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from statistics import median
from typing import Any

from benchmarks.deployment import Deployment, deployment
from benchmarks.row import Effort, Row, below

SECONDS = 20
GOAL_PER_S = 5
# Starting and the first second of a process are not idleness.
_SETTLE_S = 3.0

_Start = Callable[[Deployment], AbstractContextManager[Any]]
_PROCESSES: dict[str, _Start] = {
    "web (2 processes)": lambda running: running.web(),
    "worker": lambda running: running.worker(),
    "scheduler": lambda running: running.scheduler(),
}


def measure(effort: Effort) -> list[Row]:
    """Measure each alone and all together, on a Redis each, all in the same seconds: they sleep anyway."""
    groups: dict[str, tuple[_Start, ...]] = {name: (start,) for name, start in _PROCESSES.items()}
    groups["all together"] = tuple(_PROCESSES.values())
    with ExitStack() as stack:
        deployments: dict[str, Deployment] = {}
        for name, starts in groups.items():
            deployments[name] = running = stack.enter_context(deployment())
            for start in starts:
                stack.enter_context(start(running))
        time.sleep(_SETTLE_S)
        runs = [_window(deployments, effort.size(SECONDS)) for _ in range(effort.runs)]
    return [_row(name, len(starts), [run[name] for run in runs]) for name, starts in groups.items()]


def _row(name: str, processes: int, runs: list[float]) -> Row:
    goal = GOAL_PER_S * processes
    return Row(
        name=f"idle: {name}",
        figure=f"{median(runs):.1f}",
        unit="commands/s",
        goal=f"< {goal}",
        verdict=below(median(runs), goal),
    )


def _window(deployments: dict[str, Deployment], seconds: int) -> dict[str, float]:
    before = {name: _commands(running) for name, running in deployments.items()}
    time.sleep(seconds)
    # Each look is itself one command.
    return {name: (_commands(deployments[name]) - count - 1) / seconds for name, count in before.items()}


def _commands(running: Deployment) -> int:
    """Return how many commands Redis has processed; those inside scripts count too."""
    return running.core.store.command("INFO", "stats")["total_commands_processed"]
