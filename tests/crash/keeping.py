"""Scenarios of the scheduler: promote, recover, tick, drain, expire, sweep; each alone and all at once."""

from typing import cast

from qstash_rq.core import Core
from qstash_rq.flow_control import pin_flow
from qstash_rq.lanes import Lane
from qstash_rq.message import Callback, Flow
from qstash_rq.publish import PublishRequest, schedule
from qstash_rq.schedules import pause_schedule
from qstash_rq.store import keys
from qstash_rq.upkeep import recover_lost
from qstash_rq.url_groups import delete_group
from qstash_rq.users import FIRST_USER
from qstash_rq.waiting import wait_for_alarm
from tests import seed
from tests.clock import FakeClock
from tests.crash.accepting import group
from tests.crash.changing import busy, many
from tests.crash.scenario import Known, Scenario
from tests.crash.stage import Stage
from workers.scheduler import DeliveryScheduler

_DAY_MS = 86_400_000


def _pass(core: Core, ms: int) -> None:
    cast("FakeClock", core.clock).advance(ms)


def due(core: Core, url: str) -> Known:
    """Have messages whose time has come: plain, of queues, between two attempts, behind a rate window."""
    seed.seed(core, 1, "q", url=f"{url}ok", max_retries=1)
    seed.retry(core, seed.claim(core), in_ms=500)
    seed.seed(core, 2, "q", url=f"{url}ok")
    seed.seed(core, 3, url=f"{url}ok", flow=Flow(key="k", rate=1, period_ms=400))
    seed.deliver(core, seed.claim(core))
    seed.seed(core, 2, url=f"{url}ok", delay_ms=600)
    seed.seed(core, 1, "r", url=f"{url}ok", delay_ms=700)
    seed.seed(core, 1, "r", url=f"{url}ok", delay_ms=710)
    _pass(core, 1_000)
    return {}


def flood(core: Core, url: str) -> Known:
    """Have more messages due than one step moves."""
    soon_ms = core.clock.now_ms() + 100
    seed.accept(core, [seed.make_message(url=f"{url}ok", not_before_ms=soon_ms) for _ in range(501)])
    _pass(core, 200)
    return {}


def lost(core: Core, url: str) -> Known:
    """Have messages that a dead worker held: of a wide queue, of keys, plain; some of them were cancelled."""
    seed.upsert(core, "q", parallelism=2)
    seed.seed(core, 4, "q", url=f"{url}ok")
    seed.seed(core, 3, url=f"{url}ok", flow=Flow(key="k", parallelism=1))
    # The only one of its key: a key that it does not leave would stay for ever.
    (last,) = seed.seed(core, 1, url=f"{url}ok", flow=Flow(key="l", parallelism=1))
    plain, _ = seed.seed(core, 2, url=f"{url}ok")
    seed.claim(core)
    seed.cancel(core, plain, last)
    _pass(core, seed.LEASE_MS + 1)
    return {}


def deadly(core: Core, url: str) -> Known:
    """Have a message of a queue that has killed its third worker, and one that stands behind it."""
    told = {"failure_callback": Callback(url=f"{url}again"), "retry_delay": "1000"}
    (killer,) = seed.seed(core, 1, "q", url=f"{url}ok", **told)
    seed.seed(core, 1, "q", url=f"{url}ok")
    for _ in range(2):
        seed.claim(core)
        _pass(core, seed.LEASE_MS + 1)
        recover_lost(core)
    seed.claim(core)
    _pass(core, seed.LEASE_MS + 1)
    return {"condemned": killer}


def ticking(core: Core, url: str) -> Known:
    """Have schedules whose minute has come: to a URL, a queue, a group; one paused, one that cannot."""
    group(core, url)
    targets = {"plain": f"{url}ok", "queued": f"{url}ok", "fanned": "g", "paused": f"{url}ok"}
    for name, target in targets.items():
        headers = [
            ("Upstash-Cron", "* * * * *"),
            ("Upstash-Schedule-Id", name),
            ("Upstash-Retry-Delay", "1000"),
        ]
        headers += [("Upstash-Queue-Name", "q")] if name == "queued" else []
        schedule(core, FIRST_USER, PublishRequest(destination=target, headers=tuple(headers), body=b"tick"))
    pause_schedule(core, FIRST_USER, "paused")
    _pass(core, 60_000)
    return {"ticking": " ".join(f"{FIRST_USER}:{name}" for name in ("plain", "queued", "fanned"))}


def ticking_at_nothing(core: Core, url: str) -> Known:
    """Have a schedule to a group that is gone, and a tick whose schedule somebody has deleted by hand."""
    group(core, url)
    headers = (("Upstash-Cron", "* * * * *"), ("Upstash-Schedule-Id", "s"))
    schedule(core, FIRST_USER, PublishRequest(destination="g", headers=headers, body=b""))
    delete_group(core, FIRST_USER, "g")
    core.store.command("ZADD", keys.TICKS(), core.clock.now_ms(), f"{FIRST_USER}:gone")
    _pass(core, 60_000)
    return {}


def closing(core: Core, url: str) -> Known:
    """Have a deleted queue whose caller died before its messages were cancelled."""
    many(core, url)
    seed.close(core, "q")
    return {}


def old(core: Core, url: str) -> Known:
    """Have logs and dead letters that are older than they are kept, and a key that has expired."""
    seed.seed_dead(core, 2, "q", url=f"{url}ok")
    seed.seed(core, 2, url=f"{url}ok")
    seed.deliver(core, seed.claim(core))
    _pass(core, 90 * _DAY_MS)
    pin_flow(core, FIRST_USER, "k", parallelism=1)
    core.store.command("DEL", keys.FLOW(Lane(FIRST_USER, flow_key="k").name))
    seed.seed(core, 1, url=f"{url}ok")
    return {}


def popped(core: Core, url: str) -> Known:
    """Have ids that a stock worker popped before it died, and what it left of one it finished."""
    (held, *_) = seed.seed(core, 3, "q", url=f"{url}ok", max_retries=1)
    seed.retry(core, seed.claim(core, 1), in_ms=1)
    seed.seed(core, 2, url=f"{url}ok")
    _pass(core, 5)
    seed.promote(core)
    for lane in (_QUEUE, seed.lane()):
        core.store.command("LPOP", keys.QUEUE(lane))
    core.store.command("ZADD", keys.FINISHED(_QUEUE), 1, held)
    core.store.command("XADD", keys.RESULTS(held), "*", "type", 1)
    _pass(core, 40_000)
    return {}


def emptied(core: Core, url: str) -> Known:
    """Have a queue of delayed messages, one of whose records somebody deleted."""
    deleted, *_ = seed.seed(core, 2, "q", url=f"{url}ok", delay_ms=60_000)
    core.store.command("DEL", keys.JOB(deleted))
    _pass(core, 40_000)
    return {}


def all_at_once(core: Core, url: str) -> Known:
    """Have some of everything that a scheduler finds to do."""
    old(core, url)
    known = ticking(core, url)
    busy(core, url)
    seed.seed(core, 2, "other", url=f"{url}ok")
    seed.close(core, "other")
    seed.seed(core, 1, url=f"{url}ok", delay_ms=100)
    # Not over the next minute, which would be another tick.
    _pass(core, seed.LEASE_MS + 1)
    return known


_QUEUE = seed.lane("q")


def _tick(stage: Stage) -> None:
    DeliveryScheduler(stage.core, name="victim").tick()


def _live(stage: Stage) -> None:
    DeliveryScheduler(stage.core, name="victim").run(burst=True)


def _sleep(stage: Stage) -> None:
    wait_for_alarm(stage.core, 1_000)
    _tick(stage)


SCENARIOS = (
    Scenario(name="promote", prepare=due, act=_tick),
    Scenario(name="promote, in two steps", prepare=flood, act=_tick),
    Scenario(name="recover", prepare=lost, act=_tick, cancels=True),
    Scenario(name="quarantine", prepare=deadly, act=_tick, made=None),
    Scenario(name="tick", prepare=ticking, act=_tick, made=None),
    Scenario(name="tick at nothing", prepare=ticking_at_nothing, act=_tick),
    Scenario(name="drain", prepare=closing, act=_tick, cancels=True),
    Scenario(name="expire", prepare=old, act=_tick, made=None),
    Scenario(name="sweep", prepare=popped, act=_tick, tampers=True),
    Scenario(name="sweep, emptied", prepare=emptied, act=_tick, deletes=True),
    Scenario(name="life of a scheduler", prepare=all_at_once, act=_live, made=None, cancels=True),
    Scenario(name="wait for the alarm", prepare=due, act=_sleep),
)
