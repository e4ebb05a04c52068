"""Typed wrappers of the scripts that change the gates of flow-control keys, and forget expired ones."""

from collections.abc import Mapping, Sequence

from qstash_rq.lanes import Lane
from qstash_rq.store import keys
from qstash_rq.store.executor import Word
from qstash_rq.store.script import Call, load_script


def change_flow(
    *,
    lane: Lane,
    now_ms: int,
    fields: Mapping[str, Word],
    new_window: bool = False,
    caller_ip: str | None = None,
) -> Call[None]:
    """Set fields of a key's gate, made if need be; `new_window` starts a rate window now.

    A pause remembers `caller_ip`.
    """
    args: list[Word] = [lane.name, lane.flow_key or "", now_ms, int(new_window), caller_ip or ""]
    for name, value in fields.items():
        args += (name, value)
    names = (keys.FLOW(lane.name), keys.FLOW_KEYS(lane.user_id))
    return Call(load_script("change_flow"), names, tuple(args), lambda _: None)


def confirm(*, arrivals: Sequence[tuple[str, int, int]]) -> Call[None]:
    """Tell gates, given as (gate, when the window began, when a request of it had arrived)."""
    args = tuple(word for arrival in arrivals for word in arrival)
    return Call(load_script("confirm"), (keys.WAKES(),), args, lambda _: None)


def forget_flow(*, lane: Lane) -> Call[None]:
    """Forget the name of a key if its gate has expired."""
    names = (keys.FLOW(lane.name), keys.FLOW_KEYS(lane.user_id))
    return Call(load_script("forget_flow"), names, (lane.name, lane.flow_key or ""), lambda _: None)
