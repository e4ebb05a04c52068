"""Tell the gates of flow-control keys when the requests of a rate window arrived.

A window is over a period after its first request arrived; only the worker that sent it can know.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from qstash_rq.lanes import Lane
from qstash_rq.store.flow_scripts import confirm
from qstash_rq.store.script import Call


@dataclass(frozen=True, slots=True)
class Arrival:
    """By when an endpoint had a request of the window of `gate` that began at `began_ms`."""

    gate: str
    began_ms: int
    arrived_ms: int


def gate_name(user_id: str, flow_key: str) -> str:
    """Return the name of the gate of a user's flow-control key."""
    return Lane(user_id, flow_key=flow_key).name


def confirm_windows(arrivals: Sequence[Arrival]) -> Call[None]:
    """Let each window end a period after its first request arrived; those that are over are left alone."""
    return confirm(arrivals=[(one.gate, one.began_ms, one.arrived_ms) for one in arrivals])
