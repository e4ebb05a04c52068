"""Look at flow-control keys and change their gates by hand (contract 2.9, 4.10)."""

from dataclasses import dataclass

from qstash_rq.core import Core
from qstash_rq.errors import InvalidInput, NotFound
from qstash_rq.flow import MAX_KEY_CHARACTERS
from qstash_rq.forwarding import check_value
from qstash_rq.lanes import Lane
from qstash_rq.store.executor import Word
from qstash_rq.store.flow_scripts import change_flow
from qstash_rq.store.flows import StoredFlow, count_in_flight, read_flow_keys, read_flows

MAX_PERIOD_S = 604_800


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowState:
    """A flow-control key as the API shows it; 0 means no limit."""

    key: str
    wait_list_size: int
    parallelism_max: int
    parallelism_count: int
    rate_max: int
    rate_count: int
    rate_period_s: int
    rate_period_start_s: int
    is_paused: bool
    is_pinned_parallelism: bool
    is_pinned_rate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalParallelism:
    """How many deliveries may be in flight over all workers, and how many are."""

    maximum: int
    count: int


def get_flow(core: Core, user_id: str, key: str) -> FlowState:
    """Return one key; raises InvalidInput for one that no message can have, NotFound."""
    found = read_flows(core.store, user_id, [_checked(key)])
    if not found:
        msg = f"flow control key {key} not found"
        raise NotFound(msg)
    return _state(found[0], core.clock.now_ms())


def list_flows(core: Core, user_id: str, *, search: str = "") -> list[FlowState]:
    """Return the user's keys that contain `search`, sorted."""
    wanted = [key for key in read_flow_keys(core.store, user_id) if search in key]
    now_ms = core.clock.now_ms()
    return [_state(flow, now_ms) for flow in read_flows(core.store, user_id, wanted)]


def pause_flow(core: Core, user_id: str, key: str, *, caller_ip: str | None = None) -> None:
    """Dispatch nothing for this key any more; makes an unknown key.

    Idempotent: who paused it first (`caller_ip`) is remembered.
    """
    _change(core, user_id, key, {"paused": 1}, caller_ip=caller_ip)


def resume_flow(core: Core, user_id: str, key: str) -> None:
    """Dispatch for this key again, the oldest first; makes an unknown key. Idempotent."""
    _change(core, user_id, key, {"paused": 0})


def pin_flow(
    core: Core,
    user_id: str,
    key: str,
    *,
    parallelism: int | None = None,
    rate: int | None = None,
    period_s: int | None = None,
) -> None:
    """Set limits that messages no longer change; a new rate window starts now.

    Pins only what is given; a pinned rate without a period keeps the current one. Raises
    InvalidInput without a parallelism or rate, or for a value out of range.
    """
    if parallelism is None and rate is None:
        msg = "parallelism, rate: at least one must be given"
        raise InvalidInput(msg)
    _check_at_least_one("parallelism", parallelism)
    _check_at_least_one("rate", rate)
    _check_at_least_one("period", period_s)
    if period_s is not None and period_s > MAX_PERIOD_S:
        msg = f"period: {period_s} must be at most {MAX_PERIOD_S} seconds"
        raise InvalidInput(msg)
    fields: dict[str, Word] = {}
    if parallelism is not None:
        fields |= {"parallelism": parallelism, "pin_parallelism": 1}
    if rate is not None:
        fields |= {"rate": rate, "pin_rate": 1}
        if period_s is not None:
            fields["period_ms"] = period_s * 1000
    _change(core, user_id, key, fields, new_window=True)


def unpin_flow(core: Core, user_id: str, key: str, *, parallelism: bool, rate: bool) -> None:
    """Let messages set these limits again; they stay as they are until a message does."""
    fields: dict[str, Word] = {}
    if parallelism:
        fields["pin_parallelism"] = 0
    if rate:
        fields["pin_rate"] = 0
    _change(core, user_id, key, fields)


def reset_rate(core: Core, user_id: str, key: str) -> None:
    """Start a new rate window now with nothing counted in it."""
    _change(core, user_id, key, {}, new_window=True)


def get_global_parallelism(core: Core) -> GlobalParallelism:
    """Return the cap over all workers and what is in flight."""
    return GlobalParallelism(maximum=core.settings.max_global_parallelism, count=count_in_flight(core.store))


def _change(
    core: Core,
    user_id: str,
    key: str,
    fields: dict[str, Word],
    *,
    new_window: bool = False,
    caller_ip: str | None = None,
) -> None:
    call = change_flow(
        lane=Lane(user_id, flow_key=_checked(key)),
        now_ms=core.clock.now_ms(),
        fields=fields,
        new_window=new_window,
        caller_ip=caller_ip,
    )
    core.store.run(call)


def _checked(key: str) -> str:
    if not 1 <= len(key) <= MAX_KEY_CHARACTERS:
        msg = f"flowControlKey: must have 1 to {MAX_KEY_CHARACTERS} characters"
        raise InvalidInput(msg)
    return check_value("flowControlKey", key)


def _check_at_least_one(name: str, value: int | None) -> None:
    if value is not None and value < 1:
        msg = f"{name}: {value} must be at least 1"
        raise InvalidInput(msg)


def _state(flow: StoredFlow, now_ms: int) -> FlowState:
    window_is_open = now_ms < max(flow.window_ms, flow.arrived_ms) + flow.period_ms
    return FlowState(
        key=flow.key,
        wait_list_size=flow.waiting,
        parallelism_max=flow.parallelism,
        parallelism_count=flow.in_flight,
        rate_max=flow.rate,
        rate_count=flow.count if window_is_open else 0,
        rate_period_s=flow.period_ms // 1000,
        rate_period_start_s=flow.window_ms // 1000,
        is_paused=flow.paused,
        is_pinned_parallelism=flow.pinned_parallelism,
        is_pinned_rate=flow.pinned_rate,
    )
