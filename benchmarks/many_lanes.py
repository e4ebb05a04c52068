"""Row: delivery throughput with 100,000 lanes of ten messages, beside one lane of 10,000.

The lanes are flow-control keys, whose limits are never reached: what is compared is the way
around the ring of lanes.
"""

from functools import partial
from statistics import median

from benchmarks.backlog import BODY
from benchmarks.delivery import throughput
from benchmarks.deployment import Deployment, deployment
from benchmarks.mass import new_message, store_all
from benchmarks.nginx_receiver import nginx_receiver
from benchmarks.row import Effort, Row, at_least, median_ratio
from benchmarks.under_backlog import fill_in_pieces, throughput_of_some
from qstash_rq.message import Flow

LANES = 100_000
IN_EACH = 10
FEW = 10_000
GOAL = 0.9

# Of the keys: as many as could ever be in flight, so that no gate shuts.
_PARALLELISM = 1_000
_LANES_TOGETHER = 1_000


def measure(effort: Effort) -> list[Row]:
    """Measure the plain lane, one lane and very many lanes in turn; raises CannotMeasure without nginx."""
    plain: list[float] = []
    one: list[float] = []
    many: list[float] = []
    with nginx_receiver() as receiver, deployment() as full:
        pieces = max(1, effort.size(LANES) // _LANES_TOGETHER)
        fill_in_pieces(partial(_fill_piece, full, receiver.url), pieces)
        for _ in range(effort.short_runs):
            with deployment() as running:
                plain.append(throughput(running, receiver, FEW, workers=1))
            with deployment() as running:
                # Twice as many, because its worker is stopped like the other's, with some left.
                _fill(running, receiver.url, [_flow(0)], 2 * FEW)
                one.append(throughput_of_some(running, FEW))
            many.append(throughput_of_some(full, FEW))
    ratio, to_plain = median_ratio(many, one), median_ratio(many, plain)
    return [
        Row(
            name=f"backlog: {pieces * _LANES_TOGETHER:,} lanes of {IN_EACH}",
            figure=f"{median(many):,.0f}",
            unit="messages/s",
            ratio_to=f"{ratio:.2f} x {FEW:,} in one lane, {to_plain:.2f} x in the plain lane",
            goal=f">= {GOAL} x",
            verdict=at_least(ratio, GOAL),
        )
    ]


def _fill_piece(running: Deployment, url: str, piece: int) -> None:
    lanes = range(piece * _LANES_TOGETHER, (piece + 1) * _LANES_TOGETHER)
    _fill(running, url, [_flow(number) for number in lanes], IN_EACH)


def _fill(running: Deployment, url: str, flows: list[Flow], in_each: int) -> None:
    store_all(running, (new_message(running, url, BODY, flow=flow) for _ in range(in_each) for flow in flows))


def _flow(number: int) -> Flow:
    return Flow(key=f"key-{number}", parallelism=_PARALLELISM)
