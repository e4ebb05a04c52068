"""Flow-control keys and the global parallelism (contract 2.9): every field is always there, even 0."""

from api.wire.fields import Json
from qstash_rq.flow_control import FlowState, GlobalParallelism


def flow_json(flow: FlowState) -> Json:
    """Return a flow-control key; the period and its start in seconds."""
    return {
        "flowControlKey": flow.key,
        "waitListSize": flow.wait_list_size,
        "waitlistSize": flow.wait_list_size,  # what an older client reads
        "parallelismMax": flow.parallelism_max,
        "parallelismCount": flow.parallelism_count,
        "rateMax": flow.rate_max,
        "rateCount": flow.rate_count,
        "ratePeriod": flow.rate_period_s,
        "ratePeriodStart": flow.rate_period_start_s,
        "isPaused": flow.is_paused,
        "isPinnedParallelism": flow.is_pinned_parallelism,
        "isPinnedRate": flow.is_pinned_rate,
    }


def global_parallelism_json(parallelism: GlobalParallelism) -> Json:
    """Return the cap over all workers and what is in flight."""
    return {"parallelismMax": parallelism.maximum, "parallelismCount": parallelism.count}
