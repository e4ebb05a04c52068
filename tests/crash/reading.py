"""Scenarios of looking: nothing may come of them, whenever they are cut short."""

from qstash_rq.core import Core
from qstash_rq.flow_control import pin_flow
from qstash_rq.store import keys
from qstash_rq.users import FIRST_USER
from tests import seed
from tests.crash.accepting import call, group, letters
from tests.crash.changing import keyed, scheduled
from tests.crash.scenario import Known, Scenario
from tests.crash.stage import Stage
from workers.scheduler import DeliveryScheduler


def everything(core: Core, url: str) -> Known:
    """Have something of each kind, and the name of a key that has expired."""
    known = letters(core, url)
    group(core, url)
    keyed(core, url)
    scheduled(core, url)
    seed.seed(core, 1, url=f"{url}ok", delay_ms=5_000)
    pin_flow(core, FIRST_USER, "gone", parallelism=1)
    core.store.command("DEL", keys.FLOW(f"{FIRST_USER}:~gone"))
    (message, *_) = (word.decode() for word in core.store.command("ZRANGE", keys.LIVE(FIRST_USER), 0, -1))
    return known | {"message": message}


def _list_jobs(stage: Stage) -> None:
    stage.clock.advance(10_000)
    list(DeliveryScheduler(stage.core).get_jobs(with_times=True))


_TARGETS = (
    *("/health", "/openapi.json", "/v2/readiness", "/v2/keys", "/v2/globalparallelism"),
    *(
        "/v2/messages/{message}",
        "/v2/messages/{message}/explain",
        "/v2/events",
        "/v2/logs?messageId={message}",
        "/v2/logs?order=earliestFirst",
        "/v2/dlq",
        "/v2/dlq/{letter}",
    ),
    *("/v2/queues", "/v2/queues/q", "/v2/flowcontrol", "/v2/flowcontrol/k", "/v2/topics", "/v2/topics/g"),
    *("/v2/schedules", "/v2/schedules/s"),
)

SCENARIOS = (
    *(Scenario(name=f"read {target}", prepare=everything, act=call("GET", target)) for target in _TARGETS),
    Scenario(
        name="read, with a burst limit",
        prepare=everything,
        act=call("GET", "/v2/keys"),
        settings={"burst_limit": 10},
    ),
    Scenario(name="list due jobs", prepare=everything, act=_list_jobs),
)
