"""Scenarios of whatever makes messages or schedules: publish, enqueue, batch, fan-out, schedule, revive."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from qstash_rq.core import Core
from qstash_rq.errors import StoreUnavailable
from qstash_rq.group_commit import GroupCommit
from qstash_rq.publish import PublishRequest, plain_item
from qstash_rq.settings import DEVELOPMENT_TOKEN
from qstash_rq.url_group import Endpoint
from qstash_rq.url_groups import upsert_endpoints
from qstash_rq.users import FIRST_USER
from qstash_rq.waiting import open_async_store
from tests import seed
from tests.api.asgi_caller import asgi_caller
from tests.crash.scenario import Act, Known, Scenario
from tests.crash.stage import Stage

_FLOW = {"Upstash-Flow-Control-Key": "k", "Upstash-Flow-Control-Value": "parallelism=1, rate=2, period=5s"}
_TOLD = {"Upstash-Callback": "{url}ok", "Upstash-Failure-Callback": "{url}again"}
_ONCE = {"Upstash-Deduplication-Id": "once"}
_SOON = {"Upstash-Delay": "20s"}
_QUICK = {"Upstash-Retries": "1", "Upstash-Retry-Delay": "1000"}


def call(
    method: str,
    target: str,
    headers: Mapping[str, str] | None = None,
    body: Any = None,
    *,
    status: int = 200,
) -> Act:
    """Return the act of sending one request; `{words}` in it are what is known."""

    def act(stage: Stage) -> None:
        words = {name: value.format(**stage.known) for name, value in (headers or {}).items()}
        text = "" if body is None else json.dumps(body).replace("<url>", stage.known["url"])
        for name, value in stage.known.items():
            text = text.replace(f"<{name}>", value)
        more = {"Content-Type": "application/json"} if body is not None else {}
        stage.call(method, target, status=status, headers=words | more, data=text.encode())

    return act


def group(core: Core, url: str) -> Known:
    """Make a URL group of two endpoints."""
    endpoints = (Endpoint(url=f"{url}ok", name="one"), Endpoint(url=f"{url}again", name="two"))
    upsert_endpoints(core, FIRST_USER, "g", endpoints)
    return {}


def queue(core: Core, url: str) -> Known:
    """Make a queue whose first message waits for its next attempt while another stands behind it."""
    seed.seed(core, 1, "q", url=f"{url}ok", max_retries=1)
    seed.retry(core, seed.claim(core))
    seed.seed(core, 1, "q", url=f"{url}ok")
    return {}


def letters(core: Core, url: str) -> Known:
    """Make two dead letters, one of a queue, and a message behind it."""
    dead = [*seed.seed_dead(core, 1, url=f"{url}ok"), *seed.seed_dead(core, 1, "q", url=f"{url}ok")]
    seed.seed(core, 1, "q", url=f"{url}ok")
    return {"letter": dead[0], "other": dead[1]}


def _batch(number: int) -> list[dict[str, Any]]:
    """Return items with deduplication ids of their own."""
    return [
        {"destination": "<url>ok", "headers": {"Upstash-Deduplication-Id": f"n{one}"}}
        for one in range(number)
    ]


_MIXED = [
    {"destination": "<url>ok", "headers": {"Upstash-Deduplication-Id": "a"}},
    {"destination": "<url>again", "queue": "q", "headers": {"Upstash-Deduplication-Id": "b", **_QUICK}},
    {"destination": "g", "headers": {"Upstash-Deduplication-Id": "c", **_QUICK}},
    {"destination": "<url>ok", "headers": {"Upstash-Deduplication-Id": "d", **_FLOW}},
    {"destination": "<url>ok", "headers": {"Upstash-Deduplication-Id": "e", **_SOON}},
]


def _publish_at_once(stage: Stage) -> None:
    """Publish five messages at the same time: they are stored together."""

    async def go() -> None:
        store = open_async_store(stage.settings)
        commit = GroupCommit(stage.core, store)
        request = PublishRequest(destination=f"{stage.known['url']}ok", headers=(), body=b"")
        items = [plain_item(stage.core, FIRST_USER, request) for _ in range(5)]
        storing = (commit.store(FIRST_USER, item) for item in items if item is not None)
        answers = await asyncio.gather(*storing, return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, StoreUnavailable)]
        assert len(refused) == (len(items) if stage.settings.wait_replicas else 0), answers
        await store.aclose()

    asyncio.run(go())


def _publish_on_the_loop(stage: Stage) -> None:
    """Publish as the web process does: what comes from a known caller is answered on its event loop."""
    with asgi_caller(stage.core) as caller:
        for _ in range(2):
            target = _PUBLISH.format(**stage.known)
            answer = caller.front(target, {"Authorization": f"Bearer {DEVELOPMENT_TOKEN}"})
            assert answer.status < 300, answer.body


_PUBLISH, _ENQUEUE = "/v2/publish/{url}ok", "/v2/enqueue/q/{url}ok"
_TO_GROUP = _ONCE | _QUICK
_CRON = {"Upstash-Cron": "* * * * *", "Upstash-Schedule-Id": "s"}

SCENARIOS = (
    Scenario(name="publish", act=call("POST", _PUBLISH), made=(0, 1)),
    Scenario(name="publish, delayed", act=call("POST", _PUBLISH, _SOON), made=(0, 1)),
    Scenario(
        name="publish, with a key and callbacks", act=call("POST", _PUBLISH, _FLOW | _TOLD), made=(0, 1)
    ),
    Scenario(name="publish, deduplicated", act=call("POST", _PUBLISH, _ONCE), made=(0, 1), again=True),
    Scenario(
        name="publish, to a group",
        prepare=group,
        act=call("POST", "/v2/publish/g", _TO_GROUP),
        made=(0, 2),
        again=True,
    ),
    Scenario(
        name="publish, unknown to Redis", act=call("POST", _PUBLISH), made=(0, 1), knows_no_scripts=True
    ),
    Scenario(name="publish, many at once", act=_publish_at_once, made=(0, 5)),
    Scenario(
        name="publish, many at once without their replica",
        act=_publish_at_once,
        made=(0, 5),
        settings={"wait_replicas": 1},
    ),
    Scenario(name="publish, on the event loop", act=_publish_on_the_loop, made=(0, 1, 2)),
    Scenario(
        name="publish, without its replica",
        act=call("POST", _PUBLISH, status=503),
        made=(0, 1),
        settings={"wait_replicas": 1},
    ),
    Scenario(name="publish, a schedule", act=call("POST", _PUBLISH, _CRON)),
    Scenario(name="enqueue, the first", act=call("POST", _ENQUEUE), made=(0, 1)),
    Scenario(name="enqueue, behind others", prepare=queue, act=call("POST", _ENQUEUE, _TOLD), made=(0, 1)),
    Scenario(
        name="batch",
        prepare=group,
        act=call("POST", "/v2/batch", body=_MIXED),
        made=(0, 6),
        again=True,
    ),
    Scenario(
        name="batch, in two steps",
        act=call("POST", "/v2/batch", body=[{**one, "queue": "q"} for one in _batch(301)]),
        made=(0, 300, 301),
        again=True,
        settings={"max_queues": 1},
    ),
    Scenario(name="create schedule", act=call("POST", "/v2/schedules/{url}ok", _CRON)),
    Scenario(
        name="retry letter",
        prepare=letters,
        act=call("POST", "/v2/dlq/retry/{other}"),
        made=(0, 1),
        again=True,
    ),
    Scenario(
        name="retry letters",
        prepare=letters,
        act=call("POST", "/v2/dlq/retry?dlqIds={letter}&dlqIds={other}"),
        made=(0, 2),
        again=True,
    ),
    Scenario(
        name="retry all letters", prepare=letters, act=call("POST", "/v2/dlq/retry"), made=(0, 2), again=True
    ),
)
