"""Row: delivery throughput of one worker, beside stock RQ workers and a bare libcurl loop."""

import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

from benchmarks.backlog import delivered_per_s, fill
from benchmarks.deployment import CONCURRENCY, Deployment, deployment
from benchmarks.nginx_receiver import NginxReceiver, nginx_receiver
from benchmarks.processes import ROOT, script, wait_for_end
from benchmarks.row import CannotMeasure, Effort, Row, at_least, median_ratio
from benchmarks.stock_rq import FORKING, SIMPLE, stock_jobs_per_s

MESSAGES = 30_000
# Stock workers are so slow that the full number would take minutes; their rate does not depend on it.
SIMPLE_JOBS = 500
FORKED_JOBS = 60

GOAL_SIMPLE = 30
GOAL_BARE = 0.35
_LONGEST_S = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """Messages per second of all four, measured one after the other."""

    worker: float
    simple: float
    forking: float
    bare: float


def measure(effort: Effort) -> list[Row]:
    """Measure throughput; raises CannotMeasure without nginx."""
    with nginx_receiver() as receiver:
        runs = [_run(effort, receiver) for _ in range(effort.runs)]
    ours = [run.worker for run in runs]
    to_simple = median_ratio(ours, [run.simple for run in runs])
    to_forking = median_ratio(ours, [run.forking for run in runs])
    to_bare = median_ratio(ours, [run.bare for run in runs])
    return [
        Row(name="delivery: one worker", figure=f"{median(ours):,.0f}", unit="messages/s"),
        Row(
            name="delivery: stock rq SimpleWorker",
            figure=f"{median(run.simple for run in runs):,.0f}",
            unit="jobs/s",
            ratio_to=f"ours is {to_simple:.0f} x",
            goal=f">= {GOAL_SIMPLE} x",
            verdict=at_least(to_simple, GOAL_SIMPLE),
        ),
        Row(
            name="delivery: stock rq worker, forking",
            figure=f"{median(run.forking for run in runs):,.1f}",
            unit="jobs/s",
            ratio_to=f"ours is {to_forking:.0f} x",
        ),
        Row(
            name="delivery: bare AsyncCurlMulti loop",
            figure=f"{median(run.bare for run in runs):,.0f}",
            unit="requests/s",
            ratio_to=f"ours is {to_bare:.2f} x",
            goal=f">= {GOAL_BARE} x",
            verdict=at_least(to_bare, GOAL_BARE),
        ),
    ]


def throughput(running: Deployment, receiver: NginxReceiver, count: int, workers: int) -> float:
    """Return messages per second of `workers` processes on a backlog of `count` messages."""
    backlog = fill(running, count, receiver.url)
    answered = receiver.count()
    names = [f"worker-{number}" for number in range(workers)]
    with ExitStack() as stack:
        processes = [stack.enter_context(running.worker(name, burst=True)) for name in names]
        for name, process in zip(names, processes, strict=True):
            wait_for_end(process, running.log(name), _LONGEST_S)
    arrived = receiver.count() - answered - 1
    if arrived != count:
        msg = f"{arrived} requests arrived for {count} messages"
        raise CannotMeasure(msg)
    return delivered_per_s(running, backlog)


def _run(effort: Effort, receiver: NginxReceiver) -> _Run:
    bare = _bare_loop(effort.size(MESSAGES), receiver)
    with deployment() as running:
        simple = stock_jobs_per_s(running, SIMPLE, effort.size(SIMPLE_JOBS), receiver.url)
        forking = stock_jobs_per_s(running, FORKING, effort.size(FORKED_JOBS), receiver.url)
    with deployment() as running:
        worker = throughput(running, receiver, effort.size(MESSAGES), workers=1)
    return _Run(worker=worker, simple=simple, forking=forking, bare=bare)


def _bare_loop(count: int, receiver: NginxReceiver) -> float:
    command = [script("python"), "-m", "benchmarks.bare_loop", receiver.url, str(count), str(CONCURRENCY)]
    answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=_LONGEST_S)
    return float(answer.stdout)
