"""Row: delivery throughput of one worker, beside other queues, stock RQ workers and a bare libcurl loop."""

import subprocess
from contextlib import ExitStack
from functools import partial

from benchmarks import peer_rates
from benchmarks.backlog import delivered_per_s, fill
from benchmarks.deployment import CONCURRENCY, Deployment, deployment
from benchmarks.nginx_receiver import NginxReceiver, nginx_receiver
from benchmarks.processes import ROOT, script, wait_for_end
from benchmarks.row import CannotMeasure, Effort, Row
from benchmarks.side_by_side import Rate, Side, compare
from benchmarks.stock_rq import FORKING, SIMPLE, stock_jobs_per_s

MESSAGES = 30_000
# The rate of these does not depend on the number, and the full number would take minutes.
PYTHON_JOBS = 5_000
SIMPLE_JOBS = 500
FORKED_JOBS = 60

GOAL_BULLMQ = 1.5
GOAL_SIMPLE = 50
GOAL_BARE = 0.5
_LONGEST_S = 300


def measure(effort: Effort) -> list[Row]:
    """Measure throughput; raises CannotMeasure without nginx."""
    with nginx_receiver() as receiver:
        ours = Side(
            name="delivery: one worker",
            unit="messages/s",
            measure=partial(_ours, receiver, effort.size(MESSAGES)),
        )
        return compare(ours, _others(receiver, effort), effort.runs)


def _others(receiver: NginxReceiver, effort: Effort) -> list[Side]:
    full, some = effort.size(MESSAGES), effort.size(PYTHON_JOBS)
    simple, forked = effort.size(SIMPLE_JOBS), effort.size(FORKED_JOBS)
    return [
        Side(
            name="delivery: BullMQ with undici",
            unit="jobs/s",
            measure=partial(peer_rates.bullmq, receiver, full),
            goal=GOAL_BULLMQ,
        ),
        Side(
            name="delivery: SAQ with aiohttp",
            unit="jobs/s",
            measure=partial(peer_rates.saq, receiver, some),
        ),
        Side(
            name="delivery: Dramatiq with requests",
            unit="messages/s",
            measure=partial(peer_rates.dramatiq, receiver, some),
        ),
        Side(
            name="delivery: stock rq SimpleWorker",
            unit="jobs/s",
            measure=partial(_stock_rq, receiver, SIMPLE, simple),
            goal=GOAL_SIMPLE,
        ),
        Side(
            name="delivery: stock rq worker, forking",
            unit="jobs/s",
            measure=partial(_stock_rq, receiver, FORKING, forked),
            digits=1,
        ),
        Side(
            name="delivery: bare AsyncCurlMulti loop",
            unit="requests/s",
            measure=partial(_bare_loop, receiver, full),
            goal=GOAL_BARE,
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


def _ours(receiver: NginxReceiver, count: int) -> Rate:
    with deployment() as running:
        return Rate(per_s=throughput(running, receiver, count, workers=1))


def _stock_rq(receiver: NginxReceiver, worker_class: str, count: int) -> Rate:
    with deployment() as running:
        return Rate(per_s=stock_jobs_per_s(running, worker_class, count, receiver.url))


def _bare_loop(receiver: NginxReceiver, count: int) -> Rate:
    command = [script("python"), "-m", "benchmarks.bare_loop", receiver.url, str(count), str(CONCURRENCY)]
    answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=_LONGEST_S)
    return Rate(per_s=float(answer.stdout))
