"""Schedules tick: one real minute, waited for once, and all that happens at its end (contract 2.4, 3.5)."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.life.caller import Caller, Json
from tests.receiver import Receiver, Reply
from tests.running import Product
from tests.waiting import wait_until

MINUTE_MS = 60_000
# Enough to create all the schedules before the minute ends.
ROOM_S = 4


@pytest.fixture
def api(product: Product) -> Caller:
    """Give a caller who owns nothing yet."""
    return Caller(product.port, product.add_user("keeper-of-schedules").token)


class Keeper:
    """Makes schedules for every minute, and looks at them."""

    def __init__(self, api: Caller, receiver: Receiver) -> None:
        self._api = api
        self._receiver = receiver

    def every_minute(self, name: str, *, destination: str = "", body: bytes = b"", **options: str) -> None:
        """Make the schedule `name`, whose messages go to the path of that name."""
        headers = {f"Upstash-{option.replace('_', '-')}": value for option, value in options.items()}
        headers |= {"Upstash-Cron": "* * * * *", "Upstash-Schedule-Id": name}
        target = f"/v2/schedules/{destination or self._receiver.url(f'/{name}')}"
        answer = self._api.call("POST", target, headers=headers, body=body)
        assert (answer.status, answer.json()) == (200, {"scheduleId": name})

    def get(self, name: str) -> Json:
        """Return the schedule `name`."""
        return self._api.get(f"/v2/schedules/{name}")

    def change(self, name: str, action: str) -> None:
        """Pause or resume the schedule `name`."""
        assert self._api.call("POST", f"/v2/schedules/{name}/{action}").status == 200

    def wait_for_states(self, name: str, *states: str) -> dict[str, str]:
        """Return the states of the last tick's messages once they are `states`."""

        def found() -> dict[str, str]:
            return self.get(name).get("lastScheduleStates", {})

        wait_until(lambda: sorted(found().values()) == sorted(states), f"{name} is {states}")
        return found()


@pytest.fixture
def keeper(api: Caller, receiver: Receiver) -> Keeper:
    """Give what makes schedules and looks at them."""
    return Keeper(api, receiver)


def _make_group(api: Caller, name: str, *urls: str, headers: dict[str, str] | None = None) -> None:
    body = json.dumps({"endpoints": [{"url": url} for url in urls]}).encode()
    assert api.call("POST", f"/v2/topics/{name}/endpoints", body=body).status == 200
    defaults = json.dumps({"headers": headers or {}}).encode()
    assert api.call("PATCH", f"/v2/topics/{name}", body=defaults).status == 200


def _make_schedules(api: Caller, keeper: Keeper, receiver: Receiver) -> None:
    keeper.every_minute(
        "plain", body=b"tick", Method="PUT", Forward_X_Key="k", Label="a,b", Retries="1", Redact_Fields="body"
    )
    _make_group(api, "pair", receiver.url("/left"))
    keeper.every_minute("grouped", destination="pair", body=b"both", Label="own")
    _make_group(
        api, "pair", receiver.url("/right"), headers={"Upstash-Label": "group", "Upstash-Retries": "9"}
    )
    _make_group(api, "gone", receiver.url("/gone"))
    keeper.every_minute("orphaned", destination="gone")
    assert api.call("DELETE", "/v2/topics/gone").status == 200
    keeper.every_minute("queued", Queue_Name="line-of-ticks")
    keeper.every_minute("delayed", Delay="1h")
    keeper.every_minute("failing", Retries="0", Callback=receiver.url("/told"))
    keeper.every_minute("limited", Flow_Control_Key="tick", Flow_Control_Value="rate=10")
    keeper.every_minute("deduplicated", Deduplication_Id="once", Not_Before=str(int(time.time()) + 3600))
    keeper.every_minute("paused")
    keeper.change("paused", "pause")
    keeper.every_minute("resumed")
    keeper.change("resumed", "pause")
    keeper.change("resumed", "resume")
    keeper.every_minute("replaced", body=b"old", Label="old")
    keeper.every_minute("replaced", body=b"new")
    keeper.every_minute("deleted")
    assert api.call("DELETE", "/v2/schedules/deleted").status == 200


DELIVERED = {
    *("/plain", "/left", "/right", "/queued", "/failing", "/told"),
    *("/limited", "/deduplicated", "/resumed", "/replaced"),
}

Check = Callable[[Caller, Keeper, Receiver], None]


def _only(receiver: Receiver, path: str) -> Any:
    (request,) = receiver.requests_to(path)
    return request


def _plain(api: Caller, keeper: Keeper, receiver: Receiver) -> None:
    """A message like any other, with the schedule's settings, that names its schedule."""
    request = _only(receiver, "/plain")
    message_id = request.header("upstash-message-id")
    assert (request.method, request.body, request.header("x-key")) == ("PUT", b"tick", "k")
    assert request.header("upstash-schedule-id") == "plain"
    assert keeper.wait_for_states("plain", "SUCCESS") == {message_id: "SUCCESS"}
    message = api.get(f"/v2/messages/{message_id}")
    assert (message["scheduleId"], message["callerIP"], message["maxRetries"]) == ("plain", "127.0.0.1", 1)
    assert (message["labels"], message["body"][:9]) == (["a", "b"], "REDACTED:")
    assert {event["messageId"] for event in api.get("/v2/events", scheduleId="plain")["events"]} == {
        message_id
    }


def _grouped(api: Caller, keeper: Keeper, receiver: Receiver) -> None:
    """Endpoints and default headers are those of the tick; the schedule's own settings are stronger."""
    requests = [_only(receiver, path) for path in ("/left", "/right")]
    ids = [request.header("upstash-message-id") for request in requests]
    assert keeper.wait_for_states("grouped", "SUCCESS", "SUCCESS").keys() == {*ids}
    message = api.get(f"/v2/messages/{ids[1]}")
    assert (message["topicName"], message["label"], message["maxRetries"]) == ("pair", "own", 9)


def _orphaned(_api: Caller, keeper: Keeper, _receiver: Receiver) -> None:
    """A group that is gone is an error of the schedule, which goes on ticking."""
    wait_until(lambda: "error" in keeper.get("orphaned"), "the error is known")
    shown = keeper.get("orphaned")
    assert shown["error"] == "topic gone not found"
    assert shown["lastScheduleTime"] < shown["nextScheduleTime"]


def _queued(api: Caller, _keeper: Keeper, receiver: Receiver) -> None:
    """The queue is made by the tick."""
    message = api.get(f"/v2/messages/{_only(receiver, '/queued').header('upstash-message-id')}")
    assert message["queueName"] == "line-of-ticks"
    assert [queue["name"] for queue in api.get("/v2/queues")] == ["line-of-ticks"]


def _delayed(api: Caller, keeper: Keeper, _receiver: Receiver) -> None:
    """The delay is that of the message, which can be cancelled by its schedule; then the tick has failed."""
    (message_id,) = keeper.wait_for_states("delayed", "IN_PROGRESS")
    message = api.get(f"/v2/messages/{message_id}")
    assert message["notBefore"] - message["createdAt"] == 3_600_000
    assert api.call("DELETE", "/v2/messages?scheduleId=delayed").json() == {"cancelled": 1}
    assert keeper.wait_for_states("delayed", "FAIL") == {message_id: "FAIL"}


def _failing(api: Caller, keeper: Keeper, receiver: Receiver) -> None:
    """A failed message is a failed tick, a dead letter that names the schedule, and told to the callback."""
    (message_id,) = keeper.wait_for_states("failing", "FAIL")
    (letter,) = api.dead_letters(scheduleId="failing")
    assert letter["messageId"] == message_id
    payload = json.loads(_only(receiver, "/told").body)
    assert (payload["sourceMessageId"], payload["scheduleId"]) == (message_id, "failing")


def _ignored(api: Caller, keeper: Keeper, receiver: Receiver) -> None:
    """Deduplication and a certain time make no sense for something that comes back."""
    (message_id,) = keeper.wait_for_states("deduplicated", "SUCCESS")
    message = api.get(f"/v2/messages/{message_id}")
    assert message["notBefore"] == message["createdAt"]
    api.publish(receiver.url("/x"), headers={"Upstash-Deduplication-Id": "once", "Upstash-Delay": "1h"})


def _paused(_api: Caller, keeper: Keeper, _receiver: Receiver) -> None:
    """A paused schedule drops its tick and knows its next one."""
    wait_until(
        lambda: keeper.get("paused")["nextScheduleTime"] > time.time() * 1000, "the tick has been dropped"
    )
    shown = keeper.get("paused")
    assert (shown["isPaused"], "lastScheduleTime" in shown, "error" in shown) == (True, False, False)


def _replaced(_api: Caller, _keeper: Keeper, receiver: Receiver) -> None:
    """What was created last is what is sent."""
    assert _only(receiver, "/replaced").body == b"new"


@pytest.mark.timeout(120)
def test_a_minute_of_schedules(api: Caller, keeper: Keeper, receiver: Receiver) -> None:
    """At the end of the minute each schedule does what it should, once, and says what it did."""
    receiver.script("/failing", Reply(status=500))
    wait_until(lambda: time.time() % 60 < 60 - ROOM_S, "the minute has room")
    _make_schedules(api, keeper, receiver)
    tick_ms = (int(time.time()) // 60 + 1) * MINUTE_MS
    assert {schedule["nextScheduleTime"] for schedule in api.get("/v2/schedules")} == {tick_ms}
    assert receiver.requests == ()

    requests = receiver.wait_for(len(DELIVERED), timeout_s=65)
    late_ms = time.time() * 1000 - tick_ms
    assert 0 <= late_ms < 3_000
    assert {request.path for request in requests} == DELIVERED
    for check in (_plain, _grouped, _orphaned, _queued, _delayed, _failing, _ignored, _paused, _replaced):
        check(api, keeper, receiver)
    schedules = {one["scheduleId"]: one for one in api.get("/v2/schedules")}
    assert {one["nextScheduleTime"] for one in schedules.values()} == {tick_ms + MINUTE_MS}
    ticked = {name: one["lastScheduleTime"] for name, one in schedules.items() if name != "paused"}
    assert ticked == dict.fromkeys(ticked, tick_ms)
    assert len(receiver.requests) == len(DELIVERED)
    for name in schedules:
        assert api.call("DELETE", f"/v2/schedules/{name}").status == 200
