"""Row: publishes per second of two web processes, beside a bare Flask route on the same server."""

from statistics import median

from benchmarks import wrk
from benchmarks.backlog import BODY
from benchmarks.deployment import TOKEN, WEB_PROCESSES, deployment
from benchmarks.row import CannotMeasure, Effort, Row, median_ratio
from qstash_rq.store import keys

SECONDS = 8
_WARM_UP_SECONDS = 1

# Nobody delivers, so nobody needs to listen there.
_TARGET = "/v2/publish/http://127.0.0.1:9/hook"
_HEADERS = {
    "Authorization": f"Bearer {TOKEN}",
    "Content-Type": "text/plain",
    "Upstash-Forward-X-Request-Id": "0123456789abcdef",
    "Upstash-Forward-X-Tenant": "benchmark",
}


def measure(effort: Effort) -> list[Row]:
    """Measure publishing; raises CannotMeasure without wrk."""
    ours: list[wrk.Report] = []
    bare: list[wrk.Report] = []
    for _ in range(effort.runs):
        bare.append(_measure("benchmarks.bare_flask:app", effort))
        ours.append(_measure("api.wsgi:app", effort))
    ratio = median_ratio([run.requests_per_s for run in ours], [run.requests_per_s for run in bare])
    return [
        _row(f"publish: {WEB_PROCESSES} web processes", ours),
        _row(f"publish: bare Flask with one SET, {WEB_PROCESSES} processes", bare, f"ours is {ratio:.2f} x"),
    ]


def _row(name: str, runs: list[wrk.Report], ratio_to: str = "") -> Row:
    rate = median(run.requests_per_s for run in runs)
    p99_ms = median(run.p99_ms for run in runs)
    return Row(name=name, figure=f"{rate:,.0f}", unit=f"requests/s, p99 {p99_ms:.0f} ms", ratio_to=ratio_to)


def _measure(application: str, effort: Effort) -> wrk.Report:
    with deployment() as running, running.web(application) as port:
        url = f"http://127.0.0.1:{port}{_TARGET}"
        wrk.post(url, _HEADERS, BODY.decode(), _WARM_UP_SECONDS)
        report = wrk.post(url, _HEADERS, BODY.decode(), effort.size(SECONDS))
        stored = running.core.store.command("ZCARD", keys.LIVE(running.user_id))
    if application == "api.wsgi:app" and stored < report.requests_per_s * effort.size(SECONDS):
        msg = f"only {stored} messages stand in Redis"
        raise CannotMeasure(msg)
    return report
