"""Rows: 200 flow-control keys under constant pressure, judged by what their receiver measured.

Half of the keys are limited in rate, half in parallelism. Whatever the queue believes, a limit
holds only if no period by the receiver's clock saw one request too many.
"""

import asyncio
from bisect import bisect_left
from dataclasses import dataclass
from statistics import mean, median
from time import perf_counter_ns

import uvloop

from benchmarks.deployment import Deployment, deployment
from benchmarks.keyed_receiver import KeyedReceiver, keyed_receiver
from benchmarks.mass import new_message, store_all
from benchmarks.row import CannotMeasure, Effort, Row, at_least, at_most
from qstash_rq.message import Flow

SECONDS = 15
GOAL_SHARE = 0.95

_RATE, _PERIOD_NS = 10, 1_000_000_000
_PARALLELISM = 2
_BY_RATE = [b"rate-%03d" % number for number in range(100)]
_BY_PARALLELISM = [b"parallelism-%03d" % number for number in range(100)]
# Each key's own, 150 to 348 ms: answers that all come at once would be settled and claimed in step.
_HOLD_S = {key: 0.150 + 0.002 * number for number, key in enumerate(_BY_PARALLELISM)}

# All slots of the keys with parallelism are taken all the time; the others need room beside them.
_CONCURRENCY = 500
_PATIENCE_S = 20.0
# The first requests open connections; the last messages must not run out before the watch ends.
_WARM_UP_S = 2.0
_SPARE_S = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """How much was used of what was allowed, and how often more than that."""

    rate_share: float
    overfull: int
    most_in_period: int
    parallel_share: float
    most_open: int


def measure(effort: Effort) -> list[Row]:
    """Measure flow control."""
    runs = [_measure(effort.size(SECONDS)) for _ in range(effort.runs)]
    rate_share = median(run.rate_share for run in runs)
    overfull = sum(run.overfull for run in runs)
    most_open = max(run.most_open for run in runs)
    return [
        Row(
            name=f"flow control: {len(_BY_RATE)} keys of {_RATE} a second",
            figure=f"{rate_share:.3f}",
            unit="of the rate used",
            goal=f">= {GOAL_SHARE}",
            verdict=at_least(rate_share, GOAL_SHARE),
        ),
        Row(
            name="flow control: windows with more than the rate",
            figure=f"{overfull}",
            unit="at the receiver",
            ratio_to=f"most in any second: {max(run.most_in_period for run in runs)}",
            goal="0",
            verdict=at_most(overfull, 0),
        ),
        Row(
            name=f"flow control: {len(_BY_PARALLELISM)} keys of parallelism {_PARALLELISM}",
            figure=f"{median(run.parallel_share for run in runs):.3f}",
            unit=f"of the places used, {mean(_HOLD_S.values()) * 1_000:.0f} ms an answer",
        ),
        Row(
            name="flow control: most requests of such a key at once",
            figure=f"{most_open}",
            unit="open at the receiver",
            goal=f"<= {_PARALLELISM}",
            verdict=at_most(most_open, _PARALLELISM),
        ),
    ]


def _measure(seconds: int) -> _Run:
    with deployment() as running:
        return uvloop.run(_press(running, seconds))


async def _press(running: Deployment, seconds: int) -> _Run:
    async with keyed_receiver(_HOLD_S) as receiver:
        stored = await asyncio.to_thread(_fill, running, receiver.url, seconds + _WARM_UP_S + _SPARE_S)
        with running.scheduler(), running.worker(concurrency=_CONCURRENCY) as worker:
            async with asyncio.timeout(_PATIENCE_S):
                await receiver.first_came.wait()
            await asyncio.sleep(_WARM_UP_S)
            start_ns = perf_counter_ns()
            await asyncio.sleep(seconds)
            end_ns = perf_counter_ns()
            # It would deliver all that is left.
            worker.kill()
    empty = [key for key, count in stored.items() if len(receiver.came_ns[key]) >= count]
    if empty:
        msg = f"{len(empty)} keys ran out of messages"
        raise CannotMeasure(msg)
    return _judge(receiver, start_ns, end_ns)


def _fill(running: Deployment, url: str, seconds: float) -> dict[bytes, int]:
    """Store more messages than can be delivered in `seconds`; returns how many of each key."""
    rounds = {key: int(seconds * _RATE * 1e9 / _PERIOD_NS) for key in _BY_RATE}
    rounds |= {key: int(seconds * _PARALLELISM / hold_s) for key, hold_s in _HOLD_S.items()}
    flows = {key: Flow(key=key.decode(), rate=_RATE, period_ms=_PERIOD_NS // 1_000_000) for key in _BY_RATE}
    flows |= {key: Flow(key=key.decode(), parallelism=_PARALLELISM) for key in _BY_PARALLELISM}
    for keys in (_BY_RATE, _BY_PARALLELISM):
        turns = ((turn, key) for turn in range(max(rounds[key] for key in keys)) for key in keys)
        wanted = (key for turn, key in turns if turn < rounds[key])
        store_all(running, (new_message(running, url, key, flow=flows[key]) for key in wanted))
    return rounds


def _judge(receiver: KeyedReceiver, start_ns: int, end_ns: int) -> _Run:
    came = [receiver.came_ns[key] for key in _BY_RATE]
    return _Run(
        rate_share=mean(_rate_share([at for at in times if at >= start_ns]) for times in came),
        overfull=sum(count > _RATE for times in came for _, count in _windows(times)),
        most_in_period=max(_most_in_period(times) for times in came),
        parallel_share=mean(_open_share(receiver, key, start_ns, end_ns) for key in _BY_PARALLELISM),
        most_open=max(receiver.most_open[key] for key in _BY_PARALLELISM),
    )


def _windows(times: list[int]) -> list[tuple[int, int]]:
    """Return start and requests of each window; the first request after one has ended starts the next."""
    windows: list[tuple[int, int]] = []
    at = 0
    while at < len(times):
        after = bisect_left(times, times[at] + _PERIOD_NS)
        windows.append((times[at], after - at))
        at = after
    return windows


def _most_in_period(times: list[int]) -> int:
    """Return the most requests of any span as long as a window, wherever it begins."""
    return max(bisect_left(times, start + _PERIOD_NS) - at for at, start in enumerate(times))


def _rate_share(times: list[int]) -> float:
    """Return the share of the permitted rate that was used in the whole windows of `times`."""
    whole = _windows(times)[1:]
    (first_ns, _), (last_ns, _) = whole[0], whole[-1]
    return sum(count for _, count in whole[:-1]) / _RATE * _PERIOD_NS / (last_ns - first_ns)


def _open_share(receiver: KeyedReceiver, key: bytes, start_ns: int, end_ns: int) -> float:
    """Return how much of the time that the places of `key` had was spent on requests."""
    answered = receiver.answered_ns[key]
    ends = answered + [end_ns] * (len(receiver.came_ns[key]) - len(answered))
    spans = zip(receiver.came_ns[key], ends, strict=True)
    spent_ns = sum(max(0, min(end, end_ns) - max(came, start_ns)) for came, end in spans)
    return spent_ns / (end_ns - start_ns) / _PARALLELISM
