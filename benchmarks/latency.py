"""Row: from a publish being sent to its request being seen by the receiver, at a steady rate."""

from dataclasses import dataclass
from statistics import median

import uvloop

from benchmarks.arrivals import arrivals
from benchmarks.deployment import TOKEN, deployment
from benchmarks.open_loop import OpenLoop
from benchmarks.row import CannotMeasure, Effort, Row, Verdict, percentile

RATE_PER_S = 500
SECONDS = 30
GOAL_P50_MS = 5
GOAL_P99_MS = 25

_WARM_UP_SECONDS = 2
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    p50_ms: float
    p99_ms: float


def measure(effort: Effort) -> list[Row]:
    """Measure latency with everything running: two web processes, a worker, a scheduler."""
    runs = [_measure(effort.size(SECONDS)) for _ in range(effort.runs)]
    p50_ms, p99_ms = median(run.p50_ms for run in runs), median(run.p99_ms for run in runs)
    met = p50_ms <= GOAL_P50_MS and p99_ms <= GOAL_P99_MS
    return [
        Row(
            name=f"latency: publish to arrival at {RATE_PER_S}/s",
            figure=f"{p50_ms:.1f} / {p99_ms:.1f}",
            unit="ms, p50 / p99",
            goal=f"<= {GOAL_P50_MS} / {GOAL_P99_MS} ms",
            verdict=Verdict.MET if met else Verdict.MISSED,
        )
    ]


def _measure(seconds: int) -> _Run:
    with deployment() as running, running.worker(), running.scheduler(), running.web() as port:
        running.wait_for_worker()
        return uvloop.run(_publish_and_receive(port, seconds))


async def _publish_and_receive(port: int, seconds: int) -> _Run:
    async with arrivals() as noted:
        publisher = OpenLoop(port, TOKEN, noted.url)
        await publisher.publish(per_s=RATE_PER_S, seconds=_WARM_UP_SECONDS)
        warm_up = len(publisher.sent_ns)
        await publisher.publish(per_s=RATE_PER_S, seconds=seconds)
        await noted.wait_for(len(publisher.sent_ns), _PATIENCE_S)
        publisher.close()
    if publisher.refused or len(noted.at_ns) != len(publisher.sent_ns):
        sent, arrived = len(publisher.sent_ns), len(noted.at_ns)
        msg = f"of {sent} publishes {publisher.refused} were refused and {arrived} arrived"
        raise CannotMeasure(msg)
    taken_ms = [(noted.at_ns[body] - sent_ns) / 1e6 for body, sent_ns in publisher.sent_ns.items()]
    taken_ms = taken_ms[warm_up:]
    return _Run(p50_ms=percentile(taken_ms, 50), p99_ms=percentile(taken_ms, 99))
