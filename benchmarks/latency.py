"""Row: from a publish being sent to its request being seen by the receiver, at a steady rate."""

from dataclasses import dataclass
from statistics import median

import uvloop

from benchmarks.arrivals import arrivals
from benchmarks.deployment import TOKEN, deployment
from benchmarks.open_loop import OpenLoop
from benchmarks.row import CannotMeasure, Effort, Row, Verdict, at_most, percentile

RATES_PER_S = (200, 500)
SECONDS = 20
GOAL_RATE_PER_S = 200
GOAL_P99_MS = 50

_WARM_UP_SECONDS = 2
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    p50_ms: float
    p99_ms: float


def measure(effort: Effort) -> list[Row]:
    """Measure latency with everything running: two web processes, a worker, a scheduler."""
    return [_row(rate, [_measure(rate, effort) for _ in range(effort.runs)]) for rate in RATES_PER_S]


def _row(per_s: int, runs: list[_Run]) -> Row:
    p50_ms, p99_ms = median(run.p50_ms for run in runs), median(run.p99_ms for run in runs)
    has_goal = per_s == GOAL_RATE_PER_S
    return Row(
        name=f"latency: publish to arrival at {per_s}/s",
        figure=f"{p50_ms:.1f} / {p99_ms:.1f}",
        unit="ms, p50 / p99",
        goal=f"p99 <= {GOAL_P99_MS} ms" if has_goal else "",
        verdict=at_most(p99_ms, GOAL_P99_MS) if has_goal else Verdict.NO_GOAL,
    )


def _measure(per_s: int, effort: Effort) -> _Run:
    with deployment() as running, running.worker(), running.scheduler(), running.web() as port:
        running.wait_for_worker()
        return uvloop.run(_publish_and_receive(port, per_s, effort.size(SECONDS)))


async def _publish_and_receive(port: int, per_s: int, seconds: int) -> _Run:
    async with arrivals() as noted:
        publisher = OpenLoop(port, TOKEN, noted.url)
        await publisher.publish(per_s=per_s, seconds=_WARM_UP_SECONDS)
        warm_up = len(publisher.sent_ns)
        await publisher.publish(per_s=per_s, seconds=seconds)
        await noted.wait_for(len(publisher.sent_ns), _PATIENCE_S)
        publisher.close()
    if publisher.refused or len(noted.at_ns) != len(publisher.sent_ns):
        sent, arrived = len(publisher.sent_ns), len(noted.at_ns)
        msg = f"of {sent} publishes {publisher.refused} were refused and {arrived} arrived"
        raise CannotMeasure(msg)
    taken_ms = [(noted.at_ns[body] - sent_ns) / 1e6 for body, sent_ns in publisher.sent_ns.items()]
    taken_ms = taken_ms[warm_up:]
    return _Run(p50_ms=percentile(taken_ms, 50), p99_ms=percentile(taken_ms, 99))
