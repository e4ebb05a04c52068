"""Row: delivery throughput of two worker processes, beside one."""

from statistics import median

from benchmarks.delivery import MESSAGES, throughput
from benchmarks.deployment import deployment
from benchmarks.nginx_receiver import nginx_receiver
from benchmarks.row import Effort, Row, median_ratio


def measure(effort: Effort) -> list[Row]:
    """Measure one and two workers in turn; raises CannotMeasure without nginx."""
    one: list[float] = []
    two: list[float] = []
    with nginx_receiver() as receiver:
        for _ in range(effort.runs):
            for workers, rates in ((1, one), (2, two)):
                with deployment() as running:
                    rates.append(throughput(running, receiver, effort.size(MESSAGES), workers))
    return [
        Row(
            name="delivery: two workers",
            figure=f"{median(two):,.0f}",
            unit="messages/s",
            ratio_to=f"{median_ratio(two, one):.2f} x one worker",
        )
    ]
