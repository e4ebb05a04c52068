"""Every way a URL can come in is guarded twice: when it comes in, and when it is called (promise 8)."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import quote

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from api.app import create_app
from qstash_rq.allowed_hosts import parse_allowed_hosts
from qstash_rq.core import Core
from qstash_rq.filters import Filter
from qstash_rq.logs import list_log
from qstash_rq.ticking import tick_due
from qstash_rq.upkeep import promote_due
from qstash_rq.users import FIRST_USER
from qstash_rq.waiting import open_async_store
from tests.api.asgi_caller import asgi_caller
from tests.api.serving import BEARER, Caller, contents, error, kill
from tests.clock import FakeClock
from tests.security.canary import Canary, running_canary
from tests.security.corpus import PUBLIC
from workers.deliverer import Deliverers
from workers.delivery_loop import DeliveryLoop, LoopOptions

ELSEWHERE = f"http://{PUBLIC}:9/x"
"""A destination that the guard lets through, and that nobody answers."""

_HOSTS = ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433", "user@127.0.0.1", "[::1]")
_CRON = {"Upstash-Cron": "* * * * *"}

Send = Callable[[Caller, str], TestResponse]


def _to(target: str, **headers: str) -> Send:
    """Return a call of `target` in which `{url}` stands for the destination under test."""

    def send(caller: Caller, url: str) -> TestResponse:
        given = {f"Upstash-{name.replace('_', '-')}": text.format(url=url) for name, text in headers.items()}
        words = {"url": url, "encoded": quote(url, safe=""), "dead": _dead_letter(caller)}
        return caller.post(target.format_map(words), headers={"Upstash-Retries": "0"} | given)

    return send


def _dead_letter(caller: Caller) -> str:
    return caller.get("/v2/dlq").get_json()["messages"][0]["dlqId"]


def _batch(*items: str, **headers: str) -> Send:
    def send(caller: Caller, url: str) -> TestResponse:
        given = {f"Upstash-{name.replace('_', '-')}": text.format(url=url) for name, text in headers.items()}
        return caller.post(
            "/v2/batch", json=[{"destination": item.format(url=url), "headers": given} for item in items]
        )

    return send


def _endpoints(*urls: str) -> Send:
    def send(caller: Caller, url: str) -> TestResponse:
        endpoints = [{"url": one.format(url=url)} for one in urls]
        return caller.post("/v2/topics/group/endpoints", json={"endpoints": endpoints})

    return send


def _group_headers(name: str) -> Send:
    def send(caller: Caller, url: str) -> TestResponse:
        return caller.call("PATCH", "/v2/topics/group", json={"headers": {name: url}})

    return send


ENTRIES: dict[str, Send] = {
    "publish": _to("/v2/publish/{url}"),
    "publish, encoded": _to("/v2/publish/{encoded}"),
    "enqueue": _to("/v2/enqueue/q/{url}"),
    "delayed": _to("/v2/publish/{url}", Delay="5s"),
    "flow control": _to("/v2/publish/{url}", Flow_Control_Key="k", Flow_Control_Value="rate=9"),
    "batch": _batch("{url}"),
    "batch, not the first": _batch(ELSEWHERE, "{url}"),
    "batch, its callback": _batch(ELSEWHERE, Callback="{url}"),
    "schedule": _to("/v2/schedules/{url}", Cron="* * * * *"),
    "schedule by publish": _to("/v2/publish/{url}", Cron="* * * * *"),
    "schedule, its callback": _to(f"/v2/schedules/{ELSEWHERE}", Cron="* * * * *", Callback="{url}"),
    "schedule of a group, its callback": _to("/v2/schedules/group", Cron="* * * * *", Callback="{url}"),
    "callback": _to(f"/v2/publish/{ELSEWHERE}", Callback="{url}"),
    "callback in the query": _to(f"/v2/publish/{ELSEWHERE}?upstash-callback={{encoded}}"),
    "failure callback": _to(f"/v2/publish/{ELSEWHERE}", Failure_Callback="{url}"),
    "callback of a callback": _to(
        f"/v2/publish/{ELSEWHERE}", Callback=ELSEWHERE, Callback_Retries="0", Callback_Callback="{url}"
    ),
    "failure callback of a callback": _to(
        f"/v2/publish/{ELSEWHERE}",
        Callback=ELSEWHERE,
        Callback_Retries="0",
        Callback_Failure_Callback="{url}",
    ),
    "callback of a failure callback": _to(
        f"/v2/publish/{ELSEWHERE}",
        Failure_Callback=ELSEWHERE,
        Failure_Callback_Retries="0",
        Failure_Callback_Callback="{url}",
    ),
    "callback of a group's messages": _to("/v2/publish/group", Callback="{url}"),
    "endpoint": _endpoints("{url}"),
    "endpoint, not the first": _endpoints(ELSEWHERE, "{url}"),
    "default header of a group": _group_headers("Upstash-Callback"),
    "default header of a group, failing": _group_headers("Upstash-Failure-Callback"),
    "retry of a dead letter": _to("/v2/dlq/retry/{dead}", Callback="{url}"),
    "retry of a dead letter, failing": _to("/v2/dlq/retry/{dead}", Failure_Callback="{url}"),
    "retry of dead letters": _to("/v2/dlq/retry?dlqIds={dead}", Callback="{url}"),
}

every_entry = pytest.mark.parametrize("entry", ENTRIES)


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    """Give the service that must not be reached."""
    with running_canary() as running:
        yield running


@pytest.fixture
def caller(app: Flask, core: Core) -> Iterator[Caller]:
    """Give a caller whom nobody guards, with a group and a dead letter, and clear away what it makes."""
    caller = Caller(app.test_client())
    assert _endpoints(ELSEWHERE)(caller, "").status_code == 200
    kill(caller, core, ELSEWHERE)
    yield caller
    core.store.command("FLUSHALL")


@pytest.fixture
def guarded(core: Core) -> Core:
    """Give the same core with the guard on."""
    allowed = parse_allowed_hosts(PUBLIC)
    return replace(
        core, settings=replace(core.settings, allow_private_networks=False, allowed_private_hosts=allowed)
    )


def _pass_time(core: Core, caller: Caller, clock: FakeClock) -> None:
    """Let schedules tick and delayed messages be due, and publish to the group, whatever it has become."""
    caller.post("/v2/publish/group", headers={"Upstash-Retries": "0"})
    clock.advance(60_000)
    tick_due(core)
    promote_due(core)


def _deliver_all(core: Core) -> None:
    async def run() -> None:
        store, deliverers = open_async_store(core.settings), Deliverers(core.settings)
        options = LoopOptions(worker="w", concurrency=10, burst=True)
        try:
            async with asyncio.timeout(20):
                await DeliveryLoop(core, store, deliverers, options).run()
        finally:
            await deliverers.aclose()
            await store.aclose()

    asyncio.run(run())


def _errors(core: Core) -> list[str]:
    return [record.error for record in list_log(core, FIRST_USER, Filter()).items if record.error]


@pytest.mark.parametrize("host", _HOSTS)
@every_entry
@pytest.mark.usefixtures("caller")
def test_no_way_leads_in(guarded: Core, canary: Canary, entry: str, host: str) -> None:
    """The call is refused with the known text, and nothing of it is stored."""
    intruder = Caller(create_app(guarded).test_client())
    before = contents(guarded.settings.redis_url)

    text = error(ENTRIES[entry](intruder, f"http://{host}:{canary.port}/"), 400)

    assert "invalid destination url: endpoint resolves to a loopback address: " in text
    assert contents(guarded.settings.redis_url) == before


@pytest.mark.parametrize("host", _HOSTS)
@pytest.mark.parametrize(
    ("target", "header"),
    [
        ("/v2/publish/{url}", "X-None"),
        ("/v2/enqueue/q/{url}", "X-None"),
        (f"/v2/publish/{ELSEWHERE}", "Upstash-Callback"),
        (f"/v2/publish/{ELSEWHERE}?upstash-callback={{url}}", "X-None"),
        (f"/v2/enqueue/q/{ELSEWHERE}", "Upstash-Failure-Callback"),
    ],
)
def test_the_short_way_is_guarded_as_well(
    guarded: Core, canary: Canary, target: str, header: str, host: str
) -> None:
    """What is answered on the event loop, for a token that is known already, is asked the same question."""
    url = f"http://{host}:{canary.port}/"
    token = {"Authorization": BEARER}
    with asgi_caller(guarded) as front:
        assert front.front(f"/v2/publish/{ELSEWHERE}", token).status == 200
        before = contents(guarded.settings.redis_url)

        answer = front.front(target.format(url=url), token | {header: url})

    assert answer.status == 400
    assert "endpoint resolves to a loopback address: " in answer.body
    assert contents(guarded.settings.redis_url) == before
    guarded.store.command("FLUSHALL")


@every_entry
def test_what_got_in_is_not_called(
    core: Core, guarded: Core, caller: Caller, canary: Canary, clock: FakeClock, entry: str
) -> None:
    """A worker that is guarded calls none of what was let in unguarded; one that is not calls it."""
    reached = canary.reached
    url = f"http://127.0.0.1:{canary.port}/"

    assert ENTRIES[entry](caller, url).status_code < 300
    _pass_time(core, caller, clock)
    _deliver_all(guarded)

    assert canary.reached == reached
    assert any(one.startswith("blocked: 127.0.0.1 ") for one in _errors(core))

    assert ENTRIES[entry](caller, url).status_code < 300
    _pass_time(core, caller, clock)
    _deliver_all(core)
    assert canary.reached > reached
