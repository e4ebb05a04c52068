"""Row: delivery throughput while 1,000,000 messages wait in the plain lane, beside 10,000."""

from functools import partial
from statistics import median

from benchmarks.backlog import fill
from benchmarks.delivery import throughput
from benchmarks.deployment import Deployment, deployment
from benchmarks.nginx_receiver import nginx_receiver
from benchmarks.row import Effort, Row, at_least, median_ratio
from benchmarks.under_backlog import fill_in_pieces, throughput_of_some

WAITING = 1_000_000
FEW = 10_000
GOAL = 0.9


def measure(effort: Effort) -> list[Row]:
    """Measure with few and with very many waiting in turn; raises CannotMeasure without nginx."""
    few: list[float] = []
    many: list[float] = []
    with nginx_receiver() as receiver, deployment() as full:
        pieces = max(2, effort.size(WAITING) // FEW)
        fill_in_pieces(partial(_fill_piece, full, receiver.url), pieces)
        for _ in range(effort.short_runs):
            with deployment() as running:
                few.append(throughput(running, receiver, FEW, workers=1))
            many.append(throughput_of_some(full, FEW))
    ratio = median_ratio(many, few)
    return [
        Row(
            name=f"backlog: {pieces * FEW:,} waiting",
            figure=f"{median(many):,.0f}",
            unit="messages/s",
            ratio_to=f"{ratio:.2f} x {FEW:,} waiting",
            goal=f">= {GOAL} x",
            verdict=at_least(ratio, GOAL),
        )
    ]


def _fill_piece(running: Deployment, url: str, _piece: int) -> None:
    fill(running, FEW, url)
