"""Scenarios of workers: claim, send, judge, settle, renew, wait; ours, RQ's own, and their whole lives."""

from rq import SimpleWorker
from rq.defaults import RQ_KEY_PREFIX
from rq.serializers import JSONSerializer

from qstash_rq.claim import claim_messages, put_back_message, renew_leases
from qstash_rq.core import Core
from qstash_rq.delivery import Attempt, Claim
from qstash_rq.message import Callback, Flow
from qstash_rq.messages import cancel_message
from qstash_rq.settle import judge_attempt, settle_outcomes
from qstash_rq.store import keys
from qstash_rq.upkeep import recover_lost
from qstash_rq.users import FIRST_USER
from qstash_rq.waiting import watch_lanes
from tests import seed
from tests.crash.changing import busy
from tests.crash.scenario import Known, Scenario
from tests.crash.stage import Stage
from workers.delivery_loop import DeliveryLoop
from workers.worker import DeliveryWorker

_LANE = seed.lane("q")
_ONE_RETRY = {"max_retries": 1, "retry_delay": "1000"}


def plain(core: Core, url: str) -> Known:
    """Have three messages in the plain lane."""
    seed.seed(core, 3, url=f"{url}ok")
    return {}


def failing(core: Core, url: str) -> Known:
    """Have a queue whose first message fails for ever, with a callback of each kind, and two behind it."""
    told = {"callback": Callback(url=f"{url}ok"), "failure_callback": Callback(url=f"{url}again")}
    seed.seed(core, 1, "q", url=f"{url}never", **told)
    seed.seed(core, 2, "q", url=f"{url}ok", **_ONE_RETRY)
    return {}


def retried(core: Core, url: str) -> Known:
    """Have a queue whose messages take two attempts each, every attempt with a callback."""
    seed.seed(core, 3, "q", url=f"{url}again", callback=Callback(url=f"{url}ok"), **_ONE_RETRY)
    return {}


def wide(core: Core, url: str) -> Known:
    """Have a queue that takes two at a time."""
    seed.upsert(core, "q", parallelism=2)
    seed.seed(core, 4, "q", url=f"{url}again", **_ONE_RETRY)
    return {}


def keyed(core: Core, url: str) -> Known:
    """Have messages of one key in its own line and in two queues."""
    flow = Flow(key="k", parallelism=2, rate=3, period_ms=5_000)
    for lane in (None, "q", "r"):
        seed.seed(core, 2, lane, url=f"{url}again", flow=flow, **_ONE_RETRY)
    return {}


def _suspended(core: Core, url: str) -> Known:
    core.store.command("SET", keys.SUSPENDED(), 1)
    return plain(core, url)


def _popped(core: Core, url: str) -> Known:
    plain(core, url)
    (first, *_) = seed.line(core)
    core.store.command("LPOP", keys.QUEUE(seed.lane()))
    return {"popped": first}


def _work(stage: Stage) -> None:
    stage.work()


def _work_one_by_one(stage: Stage) -> None:
    stage.work(concurrency=1)


def _work_slowly(stage: Stage) -> None:
    async def renewed() -> None:
        await stage.until_called("renew")

    stage.work(before_answer=renewed)


def _work_too_late(stage: Stage) -> None:
    late = iter([10_000])

    def hold_up() -> None:
        stage.clock.advance(next(late, 0))

    stage.work(concurrency=1, before_leaving=hold_up)


def _idle(stage: Stage) -> None:
    async def story(_: DeliveryLoop) -> None:
        await stage.until_called("BLMOVE RING")
        seed.seed(stage.core, 1, url=f"{stage.known['url']}ok")
        await stage.until_called("settle")

    stage.work(story=story, most=1)


def _idle_at_its_bell(stage: Stage) -> None:
    async def story(_: DeliveryLoop) -> None:
        await stage.until_called("BLPOP BELL")
        seed.seed(stage.core, 1, "q", url=f"{stage.known['url']}ok")
        await stage.until_called("settle")

    watch_lanes(stage.core, [_LANE])
    stage.work(story=story, most=1, lanes=(_LANE,))


def _claim(stage: Stage, worker: str = "victim") -> tuple[Claim, ...]:
    claims = stage.core.store.run(claim_messages(stage.core, worker=worker, most=10))
    assert isinstance(claims, tuple)
    return claims


def _settle(stage: Stage, claims: tuple[Claim, ...], status: int) -> None:
    outcomes = [judge_attempt(stage.core, one, Attempt(status=status)) for one in claims]
    stage.core.store.run(settle_outcomes(stage.core, worker="victim", outcomes=outcomes))


def _cancel_in_flight(stage: Stage) -> None:
    claims = _claim(stage)
    for one in claims:
        cancel_message(stage.core, FIRST_USER, one.message.message_id)
    _settle(stage, claims, 500)


def _come_late(stage: Stage) -> None:
    claims = _claim(stage)
    stage.clock.advance(stage.settings.lease_ms + 1)
    recover_lost(stage.core)
    taken_over = _claim(stage, "another")
    until_ms = stage.clock.now_ms() + stage.settings.lease_ms
    stage.core.store.run(renew_leases(claims, lease_until_ms=until_ms))
    _settle(stage, claims, 500)
    stage.sent(taken_over, 500)
    stage.core.store.run(renew_leases(taken_over, lease_until_ms=until_ms))
    _settle(stage, taken_over, 500)


def _put_back(stage: Stage) -> None:
    put_back_message(stage.core, stage.known["popped"])


def _live(stage: Stage) -> None:
    stage.export_settings(QSTASH_WORKER_CONCURRENCY="1")
    DeliveryWorker(["default"], connection=stage.rq_client(), name="victim").work(burst=True)


def _live_as_stock(stage: Stage) -> None:
    stage.export_settings()
    lanes = [_LANE, seed.lane()]
    worker = SimpleWorker(lanes, connection=stage.rq_client(), serializer=JSONSerializer, name="victim")
    worker.work(burst=True)


def _both(core: Core, url: str) -> Known:
    for lane in (None, "q"):
        seed.seed(core, 1, lane, url=f"{url}ok")
    return {}


SCENARIOS = (
    Scenario(name="deliver", prepare=plain, act=_work),
    Scenario(name="deliver, one by one", prepare=plain, act=_work_one_by_one),
    Scenario(name="deliver, unknown to Redis", prepare=plain, act=_work, knows_no_scripts=True),
    Scenario(name="deliver, failing in a queue", prepare=failing, act=_work, made=None),
    Scenario(name="deliver, retried in a queue", prepare=retried, act=_work, made=None),
    Scenario(name="deliver, two at a time", prepare=wide, act=_work),
    Scenario(name="deliver, with a key", prepare=keyed, act=_work),
    Scenario(name="deliver, with a key, one by one", prepare=keyed, act=_work_one_by_one),
    Scenario(name="deliver, suspended", prepare=_suspended, act=_work),
    Scenario(name="deliver, full", prepare=busy, act=_work, settings={"max_global_parallelism": 1}),
    Scenario(name="deliver, slowly", prepare=plain, act=_work_slowly, settings={"lease_ms": 300}),
    Scenario(name="deliver, too late for the window", prepare=keyed, act=_work_too_late),
    Scenario(name="wait for work", act=_idle, made=(0, 1)),
    Scenario(name="wait for the bell", act=_idle_at_its_bell, made=(0, 1)),
    Scenario(name="cancelled in flight", prepare=retried, act=_cancel_in_flight, cancels=True),
    Scenario(name="settle late", prepare=wide, act=_come_late),
    Scenario(name="put back", prepare=_popped, act=_put_back, tampers=True),
    Scenario(name="life of a worker", prepare=_both, act=_live, real=True),
    Scenario(
        name="life of a stock worker",
        prepare=_both,
        act=_live_as_stock,
        real=True,
        tampers=True,
        leaves=tuple(f"{RQ_KEY_PREFIX}:{name}*" for name in ("clean_", "execution", "wip:")),
    ),
)
