"""/v2/schedules, and publish with Upstash-Cron (contract 2.4, 3.5)."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from api.app import create_app
from qstash_rq.core import Core
from qstash_rq.settings import Settings
from qstash_rq.ticking import tick_due
from tests.api.conftest import OpenCore
from tests.api.serving import NOT_FOUND, OK, Caller, claim, contents, error, settle
from tests.clock import FakeClock

URL = "https://example.com/hook"
EVERY_MINUTE = {"Upstash-Cron": "* * * * *"}
EVERY_OPTION = {
    "Upstash-Cron": " CRON_TZ=Europe/Berlin 0 8 * * 1 ",
    "Upstash-Schedule-Id": "weekly",
    "Content-Type": "text/plain",
    "Upstash-Forward-X-Api-Key": "k",
    "Upstash-Method": "patch",
    "Upstash-Delay": "1m30s",
    "Upstash-Timeout": "2m",
    "Upstash-Retry-Delay": "1000 * retried",
    "Upstash-Queue-Name": "orders",
    "Upstash-Label": "a, b",
    "Upstash-Flow-Control-Key": "k/1",
    "Upstash-Flow-Control-Value": "parallelism=2, period=1m",
    "Upstash-Callback": "https://cb.io/a",
    "Upstash-Callback-Forward-X-C": "1",
    "Upstash-Failure-Callback": "https://cb.io/f",
}


def create(caller: Caller, destination: str = URL, *, status: int = 200, **options: Any) -> str:
    """Create a schedule and return its id."""
    headers = EVERY_MINUTE | options.pop("headers", {})
    response = caller.post(f"/v2/schedules/{destination}", headers=headers, **options)
    assert response.status_code == status, response.text
    assert list(response.get_json()) == ["scheduleId"]
    return response.get_json()["scheduleId"]


def shown(caller: Caller, schedule_id: str) -> Any:
    """Return a schedule as the API shows it."""
    response = caller.get(f"/v2/schedules/{schedule_id}")
    assert response.status_code == 200, response.text
    return response.get_json()


def tick(core: Core, clock: FakeClock) -> None:
    """Let the clock go to the next tick, and tick."""
    next_ms = tick_due(core)
    assert next_ms is not None
    clock.advance(next_ms - clock.now_ms())
    tick_due(core)


def test_shows_a_plain_schedule(caller: Caller, clock: FakeClock) -> None:
    """A schedule without options has the fields that are always there, its next tick and its creator."""
    schedule_id = create(caller)

    assert schedule_id.startswith("scd_")
    expected = {
        "scheduleId": schedule_id,
        "cron": "* * * * *",
        "destination": URL,
        "createdAt": clock.now_ms(),
        "method": "POST",
        "retries": 3,
        "isPaused": False,
        "nextScheduleTime": 1_700_000_040_000,
        "callerIP": "127.0.0.1",
        "callerIp": "127.0.0.1",
    }
    assert shown(caller, schedule_id) == expected
    assert caller.get("/v2/Schedules/").get_json() == [expected]


def test_shows_every_option(caller: Caller) -> None:
    """Options come back under the contract's names, delay and time-out in seconds."""
    create(
        caller,
        "https://example.com//a?b=1&upstash-retries=5",
        data=b"text",
        headers=EVERY_OPTION,
    )

    schedule = shown(caller, "weekly")

    assert {name: schedule[name] for name in sorted(schedule) if not name.startswith("caller")} == {
        "body": "text",
        "callback": "https://cb.io/a",
        "callbackHeader": {"X-C": ["1"]},
        "createdAt": 1_700_000_000_000,
        "cron": "CRON_TZ=Europe/Berlin 0 8 * * 1",
        "delay": 90,
        "destination": "https://example.com//a?b=1",
        "failureCallback": "https://cb.io/f",
        "flowControlKey": "k/1",
        "header": {"Content-Type": ["text/plain"], "X-Api-Key": ["k"]},
        "isPaused": False,
        "label": "a",
        "labels": ["a", "b"],
        "method": "PATCH",
        "nextScheduleTime": 1_700_463_600_000,
        "parallelism": 2,
        "period": 60,
        "queueName": "orders",
        "retries": 5,
        "retryDelayExpression": "1000 * retried",
        "scheduleId": "weekly",
        "timeout": 120,
    }


@pytest.mark.parametrize(
    ("body", "fields"),
    [(b"", {}), ("é".encode(), {"body": "é"}), (b"\xff\xfe", {"bodyBase64": "//4="})],
)
def test_shows_the_body_as_text_or_base64(caller: Caller, body: bytes, fields: dict[str, str]) -> None:
    """A body is text when it is UTF-8, else base64, and neither key is there when it is empty."""
    schedule = shown(caller, create(caller, data=body))

    assert {name: schedule[name] for name in ("body", "bodyBase64") if name in schedule} == fields


def test_hides_what_is_redacted(caller: Caller, core: Core, clock: FakeClock) -> None:
    """Body and headers of a schedule show markers, and those of its messages too."""
    marker = f"REDACTED:{sha256(b'secret').hexdigest()}"
    headers = {"Upstash-Redact-Fields": "body, header[x-key]", "Upstash-Forward-X-Key": "secret"}
    create(caller, data=b"secret", headers=headers | {"Upstash-Schedule-Id": "s", "Upstash-Forward-X": "y"})
    tick(core, clock)

    schedule = shown(caller, "s")

    (message_id,) = schedule["lastScheduleStates"]
    message = caller.get(f"/v2/messages/{message_id}").get_json()
    for one in (schedule, message):
        assert (one["body"], one["header"]) == (marker, {"X-Key": [marker], "X": ["y"]})
    assert claim(core)[0].message.body == b"secret"


def test_replaces_every_setting(caller: Caller, clock: FakeClock) -> None:
    """An upsert replaces all settings, also those it does not give; creation time and pause stay."""
    create(caller, data=b"x", headers={"Upstash-Schedule-Id": "s", "Upstash-Retries": "1"})
    caller.call("PATCH", "/v2/schedules/s/pause")
    clock.advance(1_000)

    assert create(caller, "https://b.io", headers={"Upstash-Schedule-Id": "s"}) == "s"

    schedule = shown(caller, "s")
    assert (schedule["destination"], schedule["retries"], schedule["isPaused"]) == ("https://b.io", 3, True)
    assert schedule["createdAt"] == clock.now_ms() - 1_000
    assert "body" not in schedule
    assert len(caller.get("/v2/schedules").get_json()) == 1


@pytest.mark.parametrize("method", ["PATCH", "POST", "PUT"])
@pytest.mark.parametrize("form", ["/v2/schedules/s/{}", "/V2/Schedules/s/{}/"])
def test_pauses_and_resumes(caller: Caller, method: str, form: str) -> None:
    """Each of three methods pauses and resumes, as often as one likes, and it shows at once."""
    create(caller, headers={"Upstash-Schedule-Id": "s"})

    for action, paused in (("pause", True), ("PAUSE", True), ("resume", False), ("resume", False)):
        response = caller.call(method, form.format(action))
        assert (response.status_code, response.get_json()) == (200, {})
        assert shown(caller, "s")["isPaused"] is paused


@pytest.mark.parametrize(
    "destination",
    [
        "https://example.com/pause",
        "https://example.com/a/resume?x=/pause",
        "http://pause/resume",
        "https://example.com//pause/",
    ],
)
def test_a_url_may_end_like_a_call(caller: Caller, destination: str) -> None:
    """Only one segment before the word makes it a call: a URL is a destination, whatever its end."""
    assert shown(caller, create(caller, destination))["destination"] == destination


@pytest.mark.parametrize("destination", ["pause", "g", "g/"])
def test_a_group_may_be_called_anything(
    caller: Caller, core: Core, clock: FakeClock, destination: str
) -> None:
    """A single segment is the name of a group, whose endpoints are looked up at each tick."""
    name = destination.rstrip("/")
    given = {"endpoints": [{"url": "https://a.io/1"}, {"url": "https://a.io/2", "name": "two"}]}
    caller.post(f"/v2/topics/{name}/endpoints", json=given)
    schedule_id = create(caller, destination)
    tick(core, clock)

    schedule = shown(caller, schedule_id)

    assert schedule["destination"] == name
    messages = [caller.get(f"/v2/messages/{one}").get_json() for one in schedule["lastScheduleStates"]]
    assert sorted((one["url"], one["topicName"], one["scheduleId"]) for one in messages) == [
        ("https://a.io/1", name, schedule_id),
        ("https://a.io/2", name, schedule_id),
    ]


@pytest.mark.parametrize(("attempt", "state"), [(OK, "SUCCESS"), (NOT_FOUND, "FAIL")])
def test_shows_the_last_tick(caller: Caller, core: Core, clock: FakeClock, attempt: Any, state: str) -> None:
    """After a tick a schedule tells its time and what became of its message; before, neither is there."""
    schedule_id = create(caller, headers={"Upstash-Retries": "0"})
    assert not {"lastScheduleTime", "lastScheduleStates", "error"} & shown(caller, schedule_id).keys()

    tick(core, clock)

    schedule = shown(caller, schedule_id)
    assert schedule["lastScheduleTime"] == 1_700_000_040_000
    assert schedule["nextScheduleTime"] == 1_700_000_100_000
    (message_id,) = schedule["lastScheduleStates"]
    assert schedule["lastScheduleStates"] == {message_id: "IN_PROGRESS"}
    settle(core, claim(core), attempt)
    assert shown(caller, schedule_id)["lastScheduleStates"] == {message_id: state}


def test_shows_why_a_tick_made_nothing(caller: Caller, core: Core, clock: FakeClock) -> None:
    """A schedule whose group is gone says so and has no messages of its last tick."""
    caller.post("/v2/topics/g/endpoints", json={"endpoints": [{"url": "https://a.io"}]})
    schedule_id = create(caller, "g")
    caller.delete("/v2/topics/g")

    tick(core, clock)

    schedule = shown(caller, schedule_id)
    assert schedule["error"] == "topic g not found"
    assert schedule["lastScheduleStates"] == {}


def test_deletes(caller: Caller, core: Core, clock: FakeClock) -> None:
    """Deleting answers 200 whether the schedule is there or not; messages it made stay."""
    schedule_id = create(caller)
    tick(core, clock)
    (message_id,) = shown(caller, schedule_id)["lastScheduleStates"]

    assert caller.delete(f"/v2/schedules/{schedule_id}").get_json() == {}
    assert caller.delete(f"/v2/schedules/{schedule_id}").status_code == 200

    assert error(caller.get(f"/v2/schedules/{schedule_id}"), 404) == f"schedule {schedule_id} not found"
    assert caller.get("/v2/schedules").get_json() == []
    assert caller.get(f"/v2/messages/{message_id}").get_json()["scheduleId"] == schedule_id


@pytest.mark.parametrize(
    ("target", "queue"), [(f"/v2/publish/{URL}", None), (f"/v2/enqueue/orders/{URL}", "orders")]
)
def test_a_publish_with_cron_makes_a_schedule(caller: Caller, target: str, queue: str | None) -> None:
    """The older way to make a schedule answers its id and sends nothing now."""
    answer = caller.post(target, headers=EVERY_MINUTE | {"Upstash-Schedule-Id": "s"}).get_json()

    assert answer == {"scheduleId": "s"}
    assert shown(caller, "s").get("queueName") == queue
    assert caller.delete("/v2/messages").get_json() == {"cancelled": 0}
    assert caller.get("/v2/queues").get_json() == []


def test_hides_schedules_of_other_users(caller: Caller, other: Caller) -> None:
    """A schedule belongs to its user, and so does its id."""
    create(caller, headers={"Upstash-Schedule-Id": "s"})

    assert other.get("/v2/schedules").get_json() == []
    error(other.get("/v2/schedules/s"), 404)
    error(other.call("PATCH", "/v2/schedules/s/pause"), 404)
    other.delete("/v2/schedules/s")
    create(other, "https://other.io", headers={"Upstash-Schedule-Id": "s"})
    assert shown(caller, "s")["destination"] == URL


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({}, "Upstash-Cron: "),
        ({"Upstash-Cron": ""}, "Invalid cron expression empty spec string"),
        ({"Upstash-Cron": "  "}, "Invalid cron expression empty spec string"),
        ({"Upstash-Cron": "* * * *"}, "Invalid cron expression "),
        ({"Upstash-Cron": "* * * * * *"}, "Invalid cron expression "),
        ({"Upstash-Cron": "61 * * * *"}, "Invalid cron expression "),
        ({"Upstash-Cron": "CRON_TZ=Mars/Base * * * * *"}, "Invalid cron expression "),
        ({"Upstash-Cron": "@sometimes"}, "Invalid cron expression "),
        (EVERY_MINUTE | {"Upstash-Schedule-Id": "a b"}, "Upstash-Schedule-Id: "),
        (EVERY_MINUTE | {"Upstash-Schedule-Id": ""}, "Upstash-Schedule-Id: "),
        (EVERY_MINUTE | {"Upstash-Queue-Name": "a/b"}, "Upstash-Queue-Name: "),
        (EVERY_MINUTE | {"Upstash-Delay": "soon"}, "Upstash-Delay: "),
        (EVERY_MINUTE | {"Upstash-Callback": "nope"}, "Upstash-Callback: "),
    ],
)
def test_refuses_bad_headers(caller: Caller, redis_url: str, headers: dict[str, str], text: str) -> None:
    """A schedule needs a good expression and good options: else a 400, and nothing is stored."""
    before = contents(redis_url)

    assert error(caller.post(f"/v2/schedules/{URL}", headers=headers), 400).startswith(text)
    assert contents(redis_url) == before


@pytest.mark.parametrize(
    ("destination", "status", "text"),
    [
        ("", 400, "a non-empty destination must be provided"),
        ("?upstash-cron=*%20*%20*%20*%20*", 400, "a non-empty destination must be provided"),
        ("/pause", 400, "invalid destination url: "),
        ("ftp://a.io", 400, "invalid destination url: "),
        ("https://", 400, "invalid destination url: "),
        ("nobody", 404, "topic nobody not found"),
    ],
)
def test_refuses_bad_destinations(
    caller: Caller, redis_url: str, destination: str, status: int, text: str
) -> None:
    """A destination that cannot be delivered to is refused as in a publish."""
    before = contents(redis_url)

    response = caller.post(f"/v2/schedules/{destination}", headers=EVERY_MINUTE)

    assert error(response, status).startswith(text)
    assert contents(redis_url) == before


@pytest.mark.parametrize("action", ["pause", "resume"])
@pytest.mark.parametrize("method", ["PATCH", "POST", "PUT"])
@pytest.mark.parametrize(
    ("schedule_id", "status", "text"),
    [
        ("nope", 404, "schedule nope not found"),
        ("a%20b", 400, "scheduleId: "),
        ("%zz", 400, "path: invalid percent-encoding"),
    ],
)
def test_refuses_to_change_what_is_not_there(
    caller: Caller, redis_url: str, action: str, method: str, schedule_id: str, status: int, text: str
) -> None:
    """Pause and resume of an unknown schedule are a 404, of no schedule's id a 400."""
    before = contents(redis_url)

    response = caller.call(method, f"/v2/schedules/{schedule_id}/{action}")

    assert error(response, status).startswith(text)
    assert contents(redis_url) == before


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_refuses_bad_ids(caller: Caller, method: str) -> None:
    """An id outside the grammar is a 400."""
    assert error(caller.call(method, "/v2/schedules/a%20b"), 400).startswith("scheduleId: ")


@pytest.mark.parametrize(
    ("method", "target", "allowed"),
    [
        ("PUT", "/v2/schedules", "GET, HEAD, POST"),
        ("PATCH", "/v2/schedules/s", "DELETE, GET, HEAD, POST"),
        ("GET", "/v2/schedules/s/pause", "PATCH, POST, PUT"),
    ],
)
def test_wrong_methods(caller: Caller, method: str, target: str, allowed: str) -> None:
    """A method that a path does not have is a 405 that says which it has."""
    response = caller.call(method, target)

    error(response, 405)
    assert response.headers["Allow"] == allowed


def test_limits(core_with: OpenCore, settings: Settings, redis_url: str) -> None:
    """One schedule too many is a 412; those there are can still be replaced."""
    caller = Caller(
        create_app(core_with(replace(settings, max_schedules=1, max_body_bytes=10))).test_client()
    )
    create(caller, headers={"Upstash-Schedule-Id": "s"})
    before = contents(redis_url)

    response = caller.post(f"/v2/schedules/{URL}", headers=EVERY_MINUTE)
    assert error(response, 412) == "Upstash-Schedule-Id: the maximum of 1 schedules is reached"
    response = caller.post(f"/v2/schedules/{URL}", headers=EVERY_MINUTE, data=b"x" * 11)
    assert error(response, 413) == "body: larger than 10 bytes"
    assert contents(redis_url) == before
    create(caller, headers={"Upstash-Schedule-Id": "s", "Upstash-Retries": "9"})
