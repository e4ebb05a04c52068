"""Row: messages per second through the batch call, 100 in each, beside one publish a message."""

import json
from statistics import median

from benchmarks import wrk
from benchmarks.backlog import BODY
from benchmarks.deployment import TOKEN, WEB_PROCESSES, Deployment, deployment
from benchmarks.row import CannotMeasure, Effort, Row, at_least, median_ratio
from qstash_rq.store import keys

MESSAGES_A_CALL = 100
SECONDS = 6
GOAL_PER_S = 20_000

_WARM_UP_SECONDS = 1
# Nobody delivers, so nobody needs to listen there.
_DESTINATION = "http://127.0.0.1:9/hook"
_AUTHORIZATION = {"Authorization": f"Bearer {TOKEN}"}
_FORWARDED = {
    "Content-Type": "text/plain",
    "Upstash-Forward-X-Request-Id": "0123456789abcdef",
    "Upstash-Forward-X-Tenant": "benchmark",
}


def measure(effort: Effort) -> list[Row]:
    """Measure batches and single publishes in turn; raises CannotMeasure without wrk."""
    single: list[float] = []
    batched: list[float] = []
    p99_ms: list[float] = []
    for _ in range(effort.runs):
        single.append(_single(effort).requests_per_s)
        report = _batched(effort)
        batched.append(report.requests_per_s * MESSAGES_A_CALL)
        p99_ms.append(report.p99_ms)
    rate = median(batched)
    return [
        Row(
            name=f"batch: {MESSAGES_A_CALL} messages a call, {WEB_PROCESSES} web processes",
            figure=f"{rate:,.0f}",
            unit=f"messages/s, p99 {median(p99_ms):.0f} ms a call",
            ratio_to=f"{median_ratio(batched, single):.1f} x one publish each",
            goal=f">= {GOAL_PER_S:,}",
            verdict=at_least(rate, GOAL_PER_S),
        )
    ]


def _single(effort: Effort) -> wrk.Report:
    with deployment() as running, running.web() as port:
        url = f"http://127.0.0.1:{port}/v2/publish/{_DESTINATION}"
        return _post(running, url, _AUTHORIZATION | _FORWARDED, BODY.decode(), effort.size(SECONDS), 1)


def _batched(effort: Effort) -> wrk.Report:
    item = {"destination": _DESTINATION, "headers": _FORWARDED, "body": BODY.decode()}
    headers = _AUTHORIZATION | {"Content-Type": "application/json"}
    # Quoted once more: wrk takes the body from a Lua text.
    payload = json.dumps(json.dumps([item] * MESSAGES_A_CALL))[1:-1]
    with deployment() as running, running.web() as port:
        url = f"http://127.0.0.1:{port}/v2/batch"
        return _post(running, url, headers, payload, effort.size(SECONDS), MESSAGES_A_CALL)


def _post(
    running: Deployment, url: str, headers: dict[str, str], body: str, seconds: int, messages: int
) -> wrk.Report:
    wrk.post(url, headers, body, _WARM_UP_SECONDS)
    before = _stored(running)
    report = wrk.post(url, headers, body, seconds)
    stored = _stored(running) - before
    if stored < report.requests_per_s * seconds * messages:
        msg = f"only {stored} messages stand in Redis"
        raise CannotMeasure(msg)
    return report


def _stored(running: Deployment) -> int:
    return running.core.store.command("ZCARD", keys.LIVE(running.user_id))
