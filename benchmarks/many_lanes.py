"""Row: delivery throughput with 100,000 lanes of ten messages, beside one lane of 10,000.

The lanes are flow-control keys, whose limits are never reached: what is compared is the way
around the ring of lanes.
"""

from concurrent.futures import ThreadPoolExecutor
from statistics import median

from benchmarks.backlog import BODY
from benchmarks.delivery import throughput
from benchmarks.deployment import Deployment, deployment
from benchmarks.mass import new_message, store_all
from benchmarks.nginx_receiver import NginxReceiver, nginx_receiver
from benchmarks.row import Effort, Row, at_least, median_ratio
from benchmarks.under_backlog import throughput_of_some
from qstash_rq.message import Flow

LANES = 100_000
IN_EACH = 10
FEW = 10_000
GOAL = 0.9

# Of the keys: as many as could ever be in flight, so that no gate shuts.
_PARALLELISM = 1_000
_FILLERS = 2


def measure(effort: Effort) -> list[Row]:
    """Measure one plain lane, one lane and very many lanes in turn; raises CannotMeasure without nginx."""
    plain: list[float] = []
    one: list[float] = []
    many: list[float] = []
    few = effort.size(FEW)
    with nginx_receiver() as receiver, deployment() as full:
        _fill_lanes(full, receiver, lanes=effort.size(LANES), in_each=IN_EACH)
        for _ in range(effort.runs):
            with deployment() as running:
                plain.append(throughput(running, receiver, few, workers=1))
            with deployment() as running:
                _fill_lanes(running, receiver, lanes=1, in_each=few * 2)
                one.append(throughput_of_some(running, few))
            many.append(throughput_of_some(full, few))
    ratio, to_plain = median_ratio(many, one), median_ratio(many, plain)
    return [
        Row(
            name=f"backlog: {LANES:,} lanes of {IN_EACH}",
            figure=f"{median(many):,.0f}",
            unit="messages/s",
            ratio_to=f"{ratio:.2f} x {FEW:,} in one lane, {to_plain:.2f} x in the plain lane",
            goal=f">= {GOAL} x",
            verdict=at_least(ratio, GOAL),
        )
    ]


def _fill_lanes(running: Deployment, receiver: NginxReceiver, *, lanes: int, in_each: int) -> None:
    flows = [Flow(key=f"key-{number}", parallelism=_PARALLELISM) for number in range(lanes)]

    def fill(turns: int) -> None:
        coming = (new_message(running, receiver.url, BODY, flow=flow) for _ in range(turns) for flow in flows)
        store_all(running, coming)

    with ThreadPoolExecutor(_FILLERS) as fillers:
        list(fillers.map(fill, [in_each // _FILLERS] * _FILLERS))
