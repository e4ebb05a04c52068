"""The rate of a stock `rq worker` that posts the same bodies, job by job."""

from typing import Any, cast

from rq import Queue
from rq.job import Job

from benchmarks.backlog import BODY, HEADERS
from benchmarks.deployment import Deployment
from benchmarks.processes import running, script, wait_for_end
from benchmarks.row import CannotMeasure
from benchmarks.stock_job import post

SIMPLE = "rq.worker.SimpleWorker"
FORKING = "rq.worker.Worker"

# A stock worker without names would listen to `default`.
_QUEUE = "stock"
_LONGEST_S = 120


def stock_jobs_per_s(deployment: Deployment, worker_class: str, count: int, url: str) -> float:
    """Return the rate from the start of the first job to the end of the last, both as RQ recorded them."""
    queue: Any = cast("Any", Queue)(_QUEUE, connection=deployment.core.store.client)
    job_ids = [queue.enqueue(post, url, dict(HEADERS), BODY).id for _ in range(count)]
    log = deployment.log("stock")
    # -q: it need not write a line for each job either.
    command = [script("rq"), "worker", "-q", "-w", worker_class, "--url", deployment.redis_url, "--burst"]
    with running([*command, _QUEUE], log=log) as process:
        wait_for_end(process, log, _LONGEST_S)
    jobs: list[Any] = cast("Any", Job).fetch_many(job_ids, connection=queue.connection)
    started = [job.started_at for job in jobs if job.started_at]
    ended = [job.ended_at for job in jobs if job.ended_at and job.is_finished]
    if len(ended) != count:
        msg = f"{worker_class} finished {len(ended)} of {count} jobs"
        raise CannotMeasure(msg)
    return count / (max(ended) - min(started)).total_seconds()
