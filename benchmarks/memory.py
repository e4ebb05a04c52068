"""Row: Redis memory of a waiting and of a delivered message, and a worker's memory with 500 in flight."""

import asyncio
from statistics import median

import uvloop

from benchmarks.arrivals import arrivals
from benchmarks.backlog import fill
from benchmarks.deployment import Deployment, deployment
from benchmarks.processes import resident_bytes
from benchmarks.row import CannotMeasure, Effort, Row, at_most

MESSAGES = 30_000
IN_FLIGHT = 500
GOAL_BYTES = 1_200
GOAL_MB = 120

_MEGABYTE = 1_000_000
_PATIENCE_S = 30.0
# Long enough for leases to be renewed and for what starting needed to be freed or not.
_HOLD_S = 4.0


def measure(effort: Effort) -> list[Row]:
    """Measure memory."""
    waiting = median(_bytes_per_waiting(effort.size(MESSAGES)) for _ in range(effort.runs))
    resident = [_resident(effort.size(IN_FLIGHT)) / _MEGABYTE for _ in range(effort.runs)]
    return [
        Row(
            name="memory: waiting message of 20 bytes",
            figure=f"{waiting:,.0f}",
            unit="bytes in Redis",
            goal=f"<= {GOAL_BYTES:,}",
            verdict=at_most(waiting, GOAL_BYTES),
        ),
        Row(
            name=f"memory: worker with {IN_FLIGHT} in flight",
            figure=f"{median(resident):.0f}",
            unit="MB resident",
            goal=f"<= {GOAL_MB}",
            verdict=at_most(median(resident), GOAL_MB),
        ),
    ]


def _bytes_per_waiting(count: int) -> float:
    with deployment() as running:
        fill(running, 1, "http://127.0.0.1:9/hook")
        before = _used_bytes(running)
        fill(running, count, "http://127.0.0.1:9/hook")
        return (_used_bytes(running) - before) / count


def _used_bytes(running: Deployment) -> int:
    info = running.core.store.command("INFO", "memory")
    # Buffers of the moment are not the messages' memory.
    return info["used_memory"] - info["mem_aof_buffer"] - info["mem_clients_normal"]


def _resident(in_flight: int) -> int:
    with deployment() as running:
        return uvloop.run(_hold(running, in_flight))


async def _hold(running: Deployment, in_flight: int) -> int:
    async with arrivals(hold=True) as noted:
        await asyncio.to_thread(fill, running, in_flight * 2, noted.url)
        with running.worker(concurrency=in_flight) as process:
            try:
                await noted.wait_for(in_flight, _PATIENCE_S)
                await asyncio.sleep(_HOLD_S)
                if noted.requests != in_flight:
                    msg = f"the worker holds {noted.requests} requests, not {in_flight}"
                    raise CannotMeasure(msg)
                return resident_bytes(process)
            finally:
                # It would wait for what is in flight.
                process.kill()
