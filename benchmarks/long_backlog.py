"""Row: delivery throughput while 1,000,000 messages wait in the plain lane, beside 10,000."""

from concurrent.futures import ThreadPoolExecutor
from statistics import median

from benchmarks.backlog import fill
from benchmarks.delivery import throughput
from benchmarks.deployment import Deployment, deployment
from benchmarks.nginx_receiver import nginx_receiver
from benchmarks.row import Effort, Row, at_least, median_ratio
from benchmarks.under_backlog import throughput_of_some

WAITING = 1_000_000
FEW = 10_000
GOAL = 0.9

# One writes a call while Redis carries out the other's.
_FILLERS = 2


def measure(effort: Effort) -> list[Row]:
    """Measure a few and very many in turn; raises CannotMeasure without nginx."""
    few: list[float] = []
    many: list[float] = []
    with nginx_receiver() as receiver, deployment() as full:
        _fill_quickly(full, effort.size(WAITING), receiver.url)
        for _ in range(effort.runs):
            with deployment() as running:
                few.append(throughput(running, receiver, effort.size(FEW), workers=1))
            many.append(throughput_of_some(full, effort.size(FEW)))
    ratio = median_ratio(many, few)
    return [
        Row(
            name=f"backlog: {WAITING:,} waiting",
            figure=f"{median(many):,.0f}",
            unit="messages/s",
            ratio_to=f"{ratio:.2f} x {FEW:,} waiting",
            goal=f">= {GOAL} x",
            verdict=at_least(ratio, GOAL),
        )
    ]


def _fill_quickly(running: Deployment, count: int, url: str) -> None:
    with ThreadPoolExecutor(_FILLERS) as fillers:
        filled = [fillers.submit(fill, running, count // _FILLERS, url) for _ in range(_FILLERS)]
    for share in filled:
        share.result()
