"""change_flow.lua: the gate of a key is paused, resumed, pinned, unpinned or given a new window."""

import pytest

from qstash_rq.core import Core
from qstash_rq.flow_control import list_flows
from qstash_rq.lanes import Lane
from qstash_rq.message import Flow
from qstash_rq.store import keys
from qstash_rq.store.flow_scripts import forget_flow
from qstash_rq.upkeep import expire_old
from qstash_rq.users import FIRST_USER
from tests import seed
from tests.clock import FakeClock
from tests.factories import NOW_MS
from tests.store import gates

_NEW = {"parallelism": 0, "rate": 0, "period_ms": 1000}
_WINDOW = {"window_ms": NOW_MS, "arrived_ms": 0, "count": 1}
_OLD = {"parallelism": 3, "rate": 2, "period_ms": 5000} | _WINDOW
_RESTART = {"window_ms": NOW_MS + 700, "arrived_ms": 0, "count": 0}
_CHANGES: list[tuple[dict[str, int], bool]] = [
    ({"paused": 1}, False),
    ({"paused": 0}, False),
    ({"parallelism": 9, "pin_parallelism": 1}, True),
    ({"rate": 9, "pin_rate": 1}, True),
    ({"rate": 9, "period_ms": 60_000, "pin_rate": 1}, True),
    ({"parallelism": 9, "pin_parallelism": 1, "rate": 9, "pin_rate": 1}, True),
    ({"pin_parallelism": 0, "pin_rate": 0}, False),
    ({}, True),
    ({}, False),
]


def _shown(core: Core) -> dict[str, int]:
    return gates.fields(core, "k")


def _since(changes: dict[str, int], later_ms: int = 0) -> dict[str, int]:
    return {"paused_ms": NOW_MS + later_ms} if changes.get("paused") else {}


@pytest.mark.parametrize(("changes", "new_window"), _CHANGES)
def test_an_unknown_key_is_made(core: Core, changes: dict[str, int], new_window: bool) -> None:
    """A key that no message has used has no limits but those given, and is listed at once."""
    gates.change(core, "k", new_window=new_window, **changes)

    window = _WINDOW | {"count": 0} if new_window else {}
    assert _shown(core) == _NEW | window | changes | _since(changes)
    assert core.store.command("SMEMBERS", keys.FLOW_KEYS(FIRST_USER)) == {b"k"}
    assert seed.ring(core) == []
    gates.change(core, "k", paused=0, pin_parallelism=0, pin_rate=0)


@pytest.mark.parametrize(("changes", "new_window"), _CHANGES)
def test_a_key_in_use_keeps_what_is_not_said(
    core: Core, clock: FakeClock, changes: dict[str, int], new_window: bool
) -> None:
    """Fields that are not given stay, the count of the window too unless a new one starts."""
    (running,) = seed.seed(core, flow=Flow(key="k", parallelism=3, rate=2, period_ms=5000))
    seed.claim(core)
    assert _shown(core) == _OLD
    clock.advance(700)

    gates.change(core, "k", new_window=new_window, **changes)

    assert _shown(core) == _OLD | (_RESTART if new_window else {}) | changes | _since(changes, 700)
    assert gates.in_flight(core, "k") == {running}


@pytest.mark.parametrize(
    ("changes", "stays"),
    [
        ({"paused": 1}, True),
        ({"pin_parallelism": 1}, True),
        ({"pin_rate": 1}, True),
        ({"paused": 0}, False),
        ({"pin_parallelism": 0, "pin_rate": 0}, False),
    ],
)
def test_an_unused_key_stays_while_it_is_paused_or_pinned(
    core: Core, changes: dict[str, int], stays: bool
) -> None:
    """Without messages, pause and pins a key is kept for a day; any of them keeps it for good."""
    gates.change(core, "k", **changes)
    assert (gates.ttl_ms(core, "k") == -1) == stays

    seed.seed(core, flow=Flow(key="k", rate=1))
    assert gates.ttl_ms(core, "k") == -1
    seed.deliver(core, seed.claim(core))
    seed.cancel(core, *seed.live(core))
    assert (gates.ttl_ms(core, "k") == -1) == stays

    gates.change(core, "k", paused=0, pin_parallelism=0, pin_rate=0)
    assert 86_000_000 < gates.ttl_ms(core, "k") <= 86_400_000


@pytest.mark.parametrize("queue", [None, "q"])
@pytest.mark.parametrize(
    ("shut_by", "opens"),
    [
        (Flow(key="k", parallelism=1), {"parallelism": 2, "pin_parallelism": 1}),
        (Flow(key="k", rate=1, period_ms=60_000), {"rate": 2, "pin_rate": 1}),
        (Flow(key="k", rate=1, period_ms=60_000), {"period_ms": 1, "pin_rate": 1}),
        (Flow(key="k", rate=1, period_ms=60_000), {}),
    ],
)
def test_a_change_wakes_what_waits(
    core: Core, clock: FakeClock, queue: str | None, shut_by: Flow, opens: dict[str, int]
) -> None:
    """A wider limit, a shorter period or a new window lets the next message start at once."""
    seed.seed(core, flow=shut_by)
    seed.claim(core)
    waiting = seed.seed(core, 1, queue, flow=shut_by)
    assert seed.claim(core) == ()
    assert seed.ring(core) == []
    clock.advance(30)

    gates.change(core, "k", new_window=not opens, **opens)

    assert seed.ring(core) == [gates.gate("k")]
    assert seed.ids(seed.claim(core)) == waiting
    gates.change(core, "k", pin_parallelism=0, pin_rate=0)


def test_a_change_that_opens_nothing_wakes_for_one_look(core: Core) -> None:
    """A lane woken in vain is looked at once and leaves the ring again."""
    gates.change(core, "k", paused=1)
    seed.seed(core, 2, flow=Flow(key="k", parallelism=1))
    seed.seed(core, 2, "q", flow=Flow(key="k", parallelism=1))
    assert seed.claim(core) == ()

    gates.change(core, "k", rate=5, pin_rate=1)

    assert seed.ring(core) == [gates.gate("k")]
    assert seed.claim(core) == ()
    assert seed.ring(core) == []
    gates.change(core, "k", paused=0, pin_rate=0)


def test_what_comes_while_a_key_is_paused_waits_in_order(core: Core, clock: FakeClock) -> None:
    """Pausing stops nothing in flight and keeps the count of the window; resuming goes on in order."""
    flow = Flow(key="k", parallelism=2, rate=3, period_ms=60_000)
    ids = seed.seed(core, 2, flow=flow)
    running = seed.claim(core)
    gates.change(core, "k", paused=1)
    ids += seed.seed(core, 2, flow=flow)
    seed.deliver(core, running)
    clock.advance(1000)
    assert seed.claim(core) == ()
    assert (_shown(core)["count"], _shown(core)["window_ms"]) == (2, NOW_MS)

    gates.change(core, "k", paused=0)

    assert seed.ids(seed.claim(core)) == ids[2:3]
    assert gates.wakes(core) == {gates.gate("k"): NOW_MS + 60_500}


def _expire(core: Core, key: str) -> None:
    """Let the day after the last use of a key go by."""
    core.store.command("PEXPIRE", keys.FLOW(gates.gate(key)), 0)


def _known(core: Core) -> set[str]:
    """Return the names of the keys; RQ's index has a lane for each."""
    names = {word.decode() for word in core.store.command("SMEMBERS", keys.FLOW_KEYS(FIRST_USER))}
    lanes = {word.decode() for word in core.store.command("SMEMBERS", keys.QUEUES())}
    assert {one for one in lanes if ":~" in one} == {keys.QUEUE(gates.gate(name)) for name in names}
    return names


def test_the_names_of_expired_keys_go_without_being_asked_for(core: Core) -> None:
    """The scheduler forgets them, so that a key for each of many customers is no key for ever."""
    for key in ("a", "b", "c"):
        seed.seed(core, flow=Flow(key=key, parallelism=1))
    seed.deliver(core, [one for one in seed.claim(core) if one.message.flow != Flow(key="c", parallelism=1)])
    _expire(core, "a")
    assert _known(core) == {"a", "b", "c"}

    expire_old(core)

    assert _known(core) == {"b", "c"}
    assert [flow.key for flow in list_flows(core, FIRST_USER)] == ["b", "c"]


def test_a_key_made_anew_is_not_forgotten(core: Core) -> None:
    """A message that uses a key again before its name is taken off keeps the name."""
    flow = Flow(key="k", parallelism=1)
    seed.seed(core, flow=flow)
    seed.deliver(core, seed.claim(core))
    _expire(core, "k")
    seed.seed(core, flow=flow)

    core.store.run(forget_flow(lane=Lane(FIRST_USER, flow_key="k")))

    assert _known(core) == {"k"}


def test_keys_of_the_same_name_belong_to_their_users(core: Core) -> None:
    """Pausing one user's key leaves another user's messages alone."""
    gates.change(core, "k", paused=1)
    flow = Flow(key="k", parallelism=1)
    seed.seed(core, flow=flow)
    theirs = seed.seed(core, flow=flow, user_id="other")

    assert seed.ids(seed.claim(core)) == theirs
    gates.change(core, "k", paused=0)
