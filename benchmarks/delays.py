"""Rows: how late delayed messages arrive, and how fast a flood that is due at once is worked off."""

import asyncio
from statistics import median
from time import perf_counter_ns, time_ns

import uvloop

from benchmarks.arrivals import arrivals
from benchmarks.backlog import BODY
from benchmarks.delivery import throughput
from benchmarks.deployment import Deployment, deployment
from benchmarks.log import entries, last_entry_ms, wait_for_entries
from benchmarks.mass import new_message, store_all
from benchmarks.nginx_receiver import NginxReceiver, nginx_receiver
from benchmarks.row import CannotMeasure, Effort, Row, at_least, at_most, median_ratio, percentile

MESSAGES = 10_000
SPREAD_MS = 10_000
FLOOD = 20_000
GOAL_P99_MS = 150
GOAL_FLOOD = 0.9

# Between the first look at the clock and the first message being due, all are stored.
_LEAD_MS = 6_000
_PATIENCE_S = 30.0


def measure(effort: Effort) -> list[Row]:
    """Measure lateness and the flood; raises CannotMeasure without nginx."""
    late = [_lateness_ms(effort.size(MESSAGES)) for _ in range(effort.runs)]
    p50_ms, p99_ms = median(p50 for p50, _ in late), median(p99 for _, p99 in late)
    waiting: list[float] = []
    flooded: list[float] = []
    with nginx_receiver() as receiver:
        for _ in range(effort.short_runs):
            with deployment() as running:
                waiting.append(throughput(running, receiver, effort.size(FLOOD), workers=1))
            with deployment() as running:
                flooded.append(_flood(running, receiver, effort.size(FLOOD)))
    ratio = median_ratio(flooded, waiting)
    return [
        Row(
            name=f"delays: {MESSAGES:,} messages due over {SPREAD_MS // 1_000} s",
            figure=f"{p50_ms:.0f} / {p99_ms:.0f}",
            unit="ms late, p50 / p99",
            goal=f"p99 <= {GOAL_P99_MS} ms",
            verdict=at_most(p99_ms, GOAL_P99_MS),
        ),
        Row(
            name=f"delays: {FLOOD:,} messages due in one millisecond",
            figure=f"{median(flooded):,.0f}",
            unit="messages/s from that millisecond on",
            ratio_to=f"{ratio:.2f} x as many waiting",
            goal=f">= {GOAL_FLOOD} x",
            verdict=at_least(ratio, GOAL_FLOOD),
        ),
    ]


def _lateness_ms(count: int) -> tuple[float, float]:
    with deployment() as running, running.worker(), running.scheduler():
        running.wait_for_worker()
        return uvloop.run(_deliver_on_time(running, count))


async def _deliver_on_time(running: Deployment, count: int) -> tuple[float, float]:
    async with arrivals() as noted:
        first_ms = running.core.clock.now_ms() + _LEAD_MS
        due_ms = {b"%020d" % number: first_ms + number * SPREAD_MS // count for number in range(count)}
        coming = (new_message(running, noted.url, body, due_ms=at_ms) for body, at_ms in due_ms.items())
        await asyncio.to_thread(store_all, running, coming)
        _refuse_late_start(running, first_ms)
        await noted.wait_for(count, (_LEAD_MS + SPREAD_MS) / 1_000 + _PATIENCE_S)
        epoch_ns = time_ns() - perf_counter_ns()
    if set(noted.at_ns) != set(due_ms) or noted.requests != count:
        msg = f"{noted.requests} requests arrived for {count} messages"
        raise CannotMeasure(msg)
    late_ms = [(at_ns + epoch_ns) / 1e6 - due_ms[body] for body, at_ns in noted.at_ns.items()]
    return percentile(late_ms, 50), percentile(late_ms, 99)


def _flood(running: Deployment, receiver: NginxReceiver, count: int) -> float:
    due_ms = running.core.clock.now_ms() + _LEAD_MS
    with running.worker(), running.scheduler():
        running.wait_for_worker()
        store_all(running, (new_message(running, receiver.url, BODY, due_ms=due_ms) for _ in range(count)))
        _refuse_late_start(running, due_ms)
        wait_for_entries(running, 3 * count, _LEAD_MS / 1_000 + _PATIENCE_S)
    if entries(running) != 3 * count:
        msg = f"the log has {entries(running)} entries for {count} messages"
        raise CannotMeasure(msg)
    # From the millisecond they were due, not from the first claim: promoting them is part of it.
    return count * 1_000 / (last_entry_ms(running) - due_ms)


def _refuse_late_start(running: Deployment, first_ms: int) -> None:
    if running.core.clock.now_ms() >= first_ms:
        msg = f"storing took longer than {_LEAD_MS} ms: what was due first was late from the start"
        raise CannotMeasure(msg)
