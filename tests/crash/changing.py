"""Scenarios of whatever changes what is there: cancel, delete, pause, pin, rotate; groups, users."""

from dataclasses import replace

from qstash_rq.core import Core
from qstash_rq.flow_control import pause_flow, pin_flow
from qstash_rq.message import Flow
from qstash_rq.publish import PublishRequest, schedule
from qstash_rq.queues import pause_queue
from qstash_rq.store import keys
from qstash_rq.upkeep import forget_scheduler
from qstash_rq.users import FIRST_USER, add_user, ensure_first_user, replace_token
from tests import seed
from tests.crash.accepting import call, group, letters, queue
from tests.crash.scenario import Known, Scenario
from tests.crash.stage import Stage


def busy(core: Core, url: str) -> Known:
    """Have a message in every state: one in flight with a dead worker, two behind it, one due, one plain."""
    active, behind, last = seed.seed(core, 3, "q", url=f"{url}ok")
    seed.claim(core, 1)
    (due,) = seed.seed(core, 1, "q", delay_ms=20_000, url=f"{url}ok")
    (plain,) = seed.seed(core, 1, url=f"{url}ok", labels=("mine",))
    return {"active": active, "behind": behind, "last": last, "due": due, "plain": plain}


def paused(core: Core, url: str) -> Known:
    """Have a paused queue with messages."""
    seed.seed(core, 2, "q", url=f"{url}ok")
    pause_queue(core, FIRST_USER, "q")
    return {}


def keyed(core: Core, url: str) -> Known:
    """Have messages wait at the gate of a key: in its own line, and in a queue."""
    flow = Flow(key="k", parallelism=1, rate=2, period_ms=5_000)
    seed.seed(core, 2, url=f"{url}ok", flow=flow)
    seed.seed(core, 2, "q", url=f"{url}ok", flow=flow)
    seed.claim(core, 1)
    return {}


def shut(core: Core, url: str) -> Known:
    """Have a key that is paused and pinned, with messages."""
    keyed(core, url)
    pause_flow(core, FIRST_USER, "k")
    pin_flow(core, FIRST_USER, "k", parallelism=2, rate=3, period_s=4)
    return {}


def scheduled(core: Core, url: str) -> Known:
    """Have a schedule for every minute."""
    headers = (("Upstash-Cron", "* * * * *"), ("Upstash-Schedule-Id", "s"))
    schedule(core, FIRST_USER, PublishRequest(destination=f"{url}ok", headers=headers, body=b""))
    return {}


def many(core: Core, url: str) -> Known:
    """Have a queue with more messages than one step cancels."""
    busy(core, url)
    message = seed.make_message(queue_name="q", url=f"{url}ok")
    seed.accept(core, [replace(message, message_id=f"msg_{number}") for number in range(201)])
    return {}


def _add_user(stage: Stage) -> None:
    add_user(stage.core, "alice")


def _replace_token(stage: Stage) -> None:
    replace_token(stage.core, FIRST_USER, read_only=True)


def _ensure_first_user(stage: Stage) -> None:
    settings = replace(stage.core.settings, token="another")
    ensure_first_user(replace(stage.core, settings=settings))


def _suspend(core: Core, url: str) -> Known:
    core.store.command("SET", keys.SUSPENDED(), 1)
    return busy(core, url)


def _forget(stage: Stage) -> None:
    forget_scheduler(stage.core, "late")


_MESSAGE, _FLOW, _SCHEDULE, _GROUP = "/v2/messages/", "/v2/flowcontrol/k/", "/v2/schedules/s", "/v2/topics/g"
_ENDPOINTS = {"endpoints": [{"url": "<url>never"}]}
_CANCELED = tuple(
    Scenario(
        name=f"cancel, {state}",
        prepare=busy,
        act=call("DELETE", f"{_MESSAGE}{{{state}}}"),
        again=True,
        cancels=True,
    )
    for state in ("active", "behind", "due", "plain")
)
_BULK = tuple(
    Scenario(
        name=f"cancel, {name}",
        prepare=busy,
        act=call("DELETE", f"/v2/messages{query}"),
        again=True,
        cancels=True,
    )
    for name, query in (
        ("given ids", "?messageIds={active}&messageIds={behind}&messageIds={due}"),
        ("by a filter", "?label=mine"),
        ("everything", ""),
    )
)
_LETTERS = tuple(
    Scenario(name=f"delete {name}", prepare=letters, act=call("DELETE", target), again=True)
    for name, target in (
        ("letter", "/v2/dlq/{letter}"),
        ("letters", "/v2/dlq?dlqIds={letter}&dlqIds={other}"),
        ("all letters", "/v2/dlq"),
    )
)
_FLOWS = tuple(
    Scenario(name=f"{change} flow", prepare=prepare, act=call("POST", f"{_FLOW}{change}{query}"), again=True)
    for change, prepare, query in (
        ("pause", keyed, ""),
        ("resume", shut, ""),
        ("pin", keyed, "?parallelism=1&rate=1&period=3"),
        ("unpin", shut, "?parallelism=true&rate=true"),
        ("reset", keyed, ""),
        ("resetrate", keyed, ""),
    )
)
_SCHEDULES = tuple(
    Scenario(name=f"{change} schedule", prepare=scheduled, act=call(method, f"{_SCHEDULE}{path}"), again=True)
    for change, method, path in (
        ("pause", "POST", "/pause"),
        ("resume", "POST", "/resume"),
        ("delete", "DELETE", ""),
    )
)
_GROUPS = tuple(
    Scenario(
        name=f"{change} group", prepare=group, act=call(method, f"{_GROUP}{path}", body=body), again=True
    )
    for change, method, path, body in (
        ("add endpoints to", "POST", "/endpoints", _ENDPOINTS),
        ("remove endpoints from", "DELETE", "/endpoints", {"endpoints": [{"name": "one"}]}),
        ("set headers of", "PATCH", "", {"headers": {"Upstash-Retries": ["1"]}}),
        ("delete", "DELETE", "", None),
    )
)

SCENARIOS = (
    *_CANCELED,
    *_BULK,
    *_LETTERS,
    *_FLOWS,
    *_SCHEDULES,
    *_GROUPS,
    Scenario(
        name="upsert queue",
        prepare=busy,
        act=call("POST", "/v2/queues", body={"queueName": "q", "parallelism": 2}),
        again=True,
    ),
    Scenario(name="pause queue", prepare=queue, act=call("POST", "/v2/queues/q/pause"), again=True),
    Scenario(name="resume queue", prepare=paused, act=call("POST", "/v2/queues/q/resume"), again=True),
    Scenario(name="delete queue", prepare=busy, act=call("DELETE", "/v2/queues/q"), cancels=True),
    Scenario(
        name="delete queue, in two steps",
        prepare=many,
        act=call("DELETE", "/v2/queues/q"),
        cancels=True,
    ),
    Scenario(name="rotate keys", prepare=busy, act=call("POST", "/v2/keys/rotate")),
    Scenario(name="add user", act=_add_user),
    Scenario(name="replace token", act=_replace_token, again=True),
    Scenario(name="configure first user", act=_ensure_first_user, again=True),
    Scenario(name="forget scheduler", act=_forget, again=True),
)
