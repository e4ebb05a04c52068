"""Row: how soon 10,000 schedules whose tick comes at the same moment have all fired, each once."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from time import perf_counter_ns, time_ns

import uvloop

from benchmarks.arrivals import arrivals
from benchmarks.backlog import HEADERS
from benchmarks.deployment import Deployment, deployment
from benchmarks.log import last_created_ms
from benchmarks.row import CannotMeasure, Effort, Row, at_most
from qstash_rq.ids import new_schedule_id
from qstash_rq.schedule import Schedule
from qstash_rq.store.schedules import put_schedule

SCHEDULES = 10_000
GOAL_S = 5.0

# All are written before their tick comes.
_LEAD_MS = 10_000
_WRITTEN_TOGETHER = 500
_PATIENCE_S = 60.0
# A second message of the same tick would come by then.
_STRAGGLER_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """Seconds from the tick to the last message made, and to the last one at the receiver."""

    fired_s: float
    arrived_s: float


def measure(effort: Effort) -> list[Row]:
    """Measure one tick of all schedules, with a worker and a scheduler running."""
    runs = [_measure(effort.size(SCHEDULES)) for _ in range(effort.runs)]
    fired_s = median(run.fired_s for run in runs)
    arrived_s = median(run.arrived_s for run in runs)
    return [
        Row(
            name=f"schedules: {SCHEDULES:,} tick at once",
            figure=f"{fired_s:.1f}",
            unit=f"s until all fired, {arrived_s:.1f} s until all arrived, each once",
            goal=f"<= {GOAL_S:.0f} s",
            verdict=at_most(fired_s, GOAL_S),
        )
    ]


def _measure(count: int) -> _Run:
    with deployment() as running, running.worker(), running.scheduler():
        running.wait_for_worker()
        return uvloop.run(_tick_and_receive(running, count))


async def _tick_and_receive(running: Deployment, count: int) -> _Run:
    async with arrivals() as noted:
        tick_ms = running.core.clock.now_ms() + _LEAD_MS
        bodies = {b"%020d" % number for number in range(count)}
        await asyncio.to_thread(_create, running, noted.url, bodies, tick_ms)
        if running.core.clock.now_ms() >= tick_ms:
            msg = f"writing the schedules took longer than {_LEAD_MS} ms"
            raise CannotMeasure(msg)
        await noted.wait_for(count, _LEAD_MS / 1_000 + _PATIENCE_S)
        await asyncio.sleep(_STRAGGLER_S)
    if noted.requests != count or set(noted.at_ns) != bodies:
        msg = f"{noted.requests} requests of {len(noted.at_ns)} schedules arrived for {count} schedules"
        raise CannotMeasure(msg)
    last_arrival_ms = (max(noted.at_ns.values()) + time_ns() - perf_counter_ns()) / 1e6
    return _Run(
        fired_s=(last_created_ms(running) - tick_ms) / 1_000, arrived_s=(last_arrival_ms - tick_ms) / 1_000
    )


def _create(running: Deployment, url: str, bodies: set[bytes], tick_ms: int) -> None:
    # Written past the verb, which would have everybody wait for the next full minute.
    at = datetime.fromtimestamp(tick_ms / 1_000, UTC)
    now_ms = running.core.clock.now_ms()
    calls = [
        put_schedule(
            schedule=Schedule(
                schedule_id=new_schedule_id(),
                user_id=running.user_id,
                cron=f"{at.minute} {at.hour} * * *",
                destination=url,
                created_at_ms=now_ms,
                headers=HEADERS,
                body=body,
                caller_ip="127.0.0.1",
            ),
            now_ms=now_ms,
            next_ms=tick_ms,
            max_schedules=len(bodies),
        )
        for body in bodies
    ]
    for start in range(0, len(calls), _WRITTEN_TOGETHER):
        running.core.store.run_all(calls[start : start + _WRITTEN_TOGETHER])
