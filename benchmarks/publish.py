"""Row: publishes per second of two web processes, beside Fastify with `BullMQ.add` and a bare Flask route."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from typing import Any

from benchmarks import wrk
from benchmarks.backlog import BODY
from benchmarks.deployment import TOKEN, WEB_PROCESSES, Deployment, deployment
from benchmarks.peer_installs import node_peer
from benchmarks.processes import free_port, running, wait_until
from benchmarks.row import CannotMeasure, Effort, Row
from benchmarks.side_by_side import Rate, Side, compare
from qstash_rq.store import keys

SECONDS = 8
GOAL_FASTIFY = 0.5
_WARM_UP_SECONDS = 1

# How gunicorn serves WSGI applications best.
_THREADS = ("--worker-class", "gthread", "--threads", "4")

# Nobody delivers, so nobody needs to listen there.
_TARGET = "/v2/publish/http://127.0.0.1:9/hook"
_NUMBERED = "Upstash-Forward-X-Request-Id"
_HEADERS = {
    "Authorization": f"Bearer {TOKEN}",
    "Content-Type": "text/plain",
    "Upstash-Forward-X-Tenant": "benchmark",
}


def measure(effort: Effort) -> list[Row]:
    """Measure publishing; raises CannotMeasure without wrk."""
    seconds, count, unit = effort.size(SECONDS), WEB_PROCESSES, "requests/s"
    ours = Side(name=f"publish: {count} web processes", unit=unit, measure=partial(_ours, seconds))
    others = [
        Side(
            name=f"publish: Fastify with BullMQ.add, {count} processes",
            unit=unit,
            measure=partial(_fastify, seconds),
            goal=GOAL_FASTIFY,
        ),
        Side(
            name=f"publish: bare Flask with one SET, {count} processes",
            unit=unit,
            measure=partial(_bare_flask, seconds),
        ),
    ]
    return compare(ours, others, effort.runs)


def _ours(seconds: int) -> Rate:
    with deployment() as on, on.web() as port:
        rate = _post(port, seconds)
        _check_stored(on.core.store.command("ZCARD", keys.LIVE(on.user_id)), rate, seconds)
    return rate


def _fastify(seconds: int) -> Rate:
    with deployment() as on, _fastify_processes(on) as port:
        rate = _post(port, seconds)
        _check_stored(int(on.core.store.command("GET", "bull:publish:id")), rate, seconds)
    return rate


def _bare_flask(seconds: int) -> Rate:
    with deployment() as on, on.web("benchmarks.bare_flask:app", *_THREADS) as port:
        return _post(port, seconds)


@contextmanager
def _fastify_processes(on: Deployment) -> Generator[int]:
    port, log = free_port(), on.log("fastify")
    argument: dict[str, Any] = {"redisUrl": on.redis_url, "port": port, "processes": WEB_PROCESSES}
    with running([*node_peer("fastify_publish"), json.dumps(argument)], log=log):
        wait_until(lambda: log.read_bytes().startswith(b"ready"), "the Fastify processes are up")
        yield port


def _post(port: int, seconds: int) -> Rate:
    url, body = f"http://127.0.0.1:{port}{_TARGET}", BODY.decode()
    wrk.post(url, _HEADERS, body, _WARM_UP_SECONDS, numbered=_NUMBERED)
    report = wrk.post(url, _HEADERS, body, seconds, numbered=_NUMBERED)
    return Rate(per_s=report.requests_per_s, p99_ms=report.p99_ms)


def _check_stored(stored: int, rate: Rate, seconds: int) -> None:
    if stored < rate.per_s * seconds:
        msg = f"only {stored} messages stand in Redis"
        raise CannotMeasure(msg)
