"""parts/pause.lua: a paused gate knows since when it is paused, and who did it."""

from collections.abc import Callable

import pytest

from qstash_rq.core import Core
from qstash_rq.flow_control import pause_flow, pin_flow, resume_flow, unpin_flow
from qstash_rq.lanes import Lane
from qstash_rq.queues import pause_queue, resume_queue, upsert_queue
from qstash_rq.store import keys
from qstash_rq.users import FIRST_USER
from tests.clock import FakeClock
from tests.factories import NOW_MS

ALICE, BOB = "192.0.2.1", "192.0.2.2"

Pause = Callable[[Core, str | None], None]


def _pause_queue(core: Core, caller_ip: str | None) -> None:
    pause_queue(core, FIRST_USER, "q", caller_ip=caller_ip)


def _upsert_queue(core: Core, caller_ip: str | None) -> None:
    upsert_queue(core, FIRST_USER, "q", paused=True, caller_ip=caller_ip)


def _pause_flow(core: Core, caller_ip: str | None) -> None:
    pause_flow(core, FIRST_USER, "k", caller_ip=caller_ip)


def _change_something_else(core: Core) -> None:
    upsert_queue(core, FIRST_USER, "q", parallelism=2)
    pin_flow(core, FIRST_USER, "k", parallelism=2)


def _resume(core: Core) -> None:
    resume_queue(core, FIRST_USER, "q")
    resume_flow(core, FIRST_USER, "k")


def _noted(core: Core, pause: Pause) -> tuple[int | None, str | None]:
    lane = Lane(FIRST_USER, flow_key="k") if pause is _pause_flow else Lane(FIRST_USER, "q")
    gate = keys.FLOW(lane.name) if pause is _pause_flow else keys.LANE(lane.name)
    paused_ms, paused_ip = core.store.command("HMGET", gate, "paused_ms", "paused_ip")
    return int(paused_ms) if paused_ms else None, paused_ip.decode() if paused_ip else None


@pytest.fixture(autouse=True)
def _gates(core: Core) -> None:
    upsert_queue(core, FIRST_USER, "q")


@pytest.mark.parametrize("pause", [_pause_queue, _upsert_queue, _pause_flow])
def test_a_pause_is_noted(core: Core, clock: FakeClock, pause: Pause) -> None:
    """Time and caller of the first pause stay until the gate is resumed, whatever else is changed."""
    pause(core, ALICE)
    clock.advance(5)
    pause(core, BOB)
    _change_something_else(core)
    assert _noted(core, pause) == (NOW_MS, ALICE)

    _resume(core)
    assert _noted(core, pause) == (None, None)
    pause(core, BOB)
    assert _noted(core, pause) == (NOW_MS + 5, BOB)
    _resume(core)
    pause(core, None)
    assert _noted(core, pause) == (NOW_MS + 5, None)
    _resume(core)
    unpin_flow(core, FIRST_USER, "k", parallelism=True, rate=True)
