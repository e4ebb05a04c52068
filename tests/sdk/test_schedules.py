"""The official Python client manages schedules.

Proves its calls and every field it parses. That schedules tick is told in tests/life/test_schedule_tick.py,
where the minute has to be waited for.
"""

import inspect
import time
from collections.abc import Callable
from typing import Any

import pytest
from qstash import QStash
from qstash.errors import QStashError
from qstash.message import FlowControlProperties
from qstash.schedule import Schedule, ScheduleApi

URL = "https://example.com/a//b?c=%2F"
YEARLY = "0 0 1 1 *"
HOOK = "http://127.0.0.1:1/hook"

Look = Callable[[Schedule], object]

OPTIONS: dict[str, tuple[dict[str, Any], Look, object]] = {
    "body": ({"body": "text"}, lambda one: (one.body or "").strip('"'), "text"),
    "content_type": ({"content_type": "a/b"}, lambda one: one.headers, {"Content-Type": ["a/b"]}),
    "method": ({"method": "PUT"}, lambda one: one.method, "PUT"),
    "headers": ({"headers": {"X-A": "b"}}, lambda one: (one.headers or {})["X-A"], ["b"]),
    "callback_headers": (
        {"callback": HOOK, "callback_headers": {"Forward-X": "1"}},
        lambda one: one.callback_headers,
        {"X": ["1"]},
    ),
    "failure_callback_headers": (
        {"failure_callback": HOOK, "failure_callback_headers": {"Forward-X": "1"}},
        lambda one: one.failure_callback_headers,
        {"X": ["1"]},
    ),
    "retries": ({"retries": 0}, lambda one: one.retries, 0),
    "retry_delay": ({"retry_delay": "retried * 10"}, lambda one: one.retry_delay_expression, "retried * 10"),
    "callback": ({"callback": HOOK}, lambda one: one.callback, HOOK),
    "failure_callback": ({"failure_callback": HOOK}, lambda one: one.failure_callback, HOOK),
    "delay": ({"delay": "1h30s"}, lambda one: one.delay, 3630),
    "timeout": ({"timeout": 30}, lambda one: one.timeout, 30),
    "schedule_id": ({"schedule_id": "mine"}, lambda one: one.schedule_id, "mine"),
    "queue": ({"queue": "line"}, lambda one: one.queue, "line"),
    "flow_control": (
        {"flow_control": {"key": "k", "rate": 5, "period": 60}},
        lambda one: one.flow_control,
        FlowControlProperties(key="k", parallelism=None, rate=5, period=60),
    ),
    "label": ({"label": "mine"}, lambda one: one.label, "mine"),
    "redact": ({"body": "x", "redact": {"body": True}}, lambda one: (one.body or "")[:9], "REDACTED:"),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_is_kept(client: QStash, name: str) -> None:
    """A schedule shows each option it was created with, with and without JSON."""
    given, look, seen = OPTIONS[name]
    for create in (client.schedule.create, client.schedule.create_json):
        if name in inspect.signature(create).parameters:
            schedule_id = create(destination=URL, cron=YEARLY, **given)
            assert look(client.schedule.get(schedule_id)) == seen


def test_every_option_is_proved() -> None:
    """The table has every option of the two calls that create schedules."""
    taken = {*inspect.signature(ScheduleApi.create).parameters} - {"self", "destination", "cron"}

    assert taken == {*OPTIONS}
    assert {*inspect.signature(ScheduleApi.create_json).parameters} <= {"self", "destination", "cron", *taken}


def test_create_and_get(client: QStash) -> None:
    """A schedule without options has the defaults, and what was not given is not there."""
    before_ms = time.time_ns() // 1_000_000
    schedule_id = client.schedule.create(destination=URL, cron="CRON_TZ=Europe/Prague 30 4 1 1 *")

    schedule = client.schedule.get(schedule_id)
    assert schedule_id.startswith("scd_")
    assert (schedule.schedule_id, schedule.destination) == (schedule_id, URL)
    assert schedule.cron == "CRON_TZ=Europe/Prague 30 4 1 1 *"
    assert (schedule.method, schedule.retries, schedule.paused) == ("POST", 3, False)
    assert schedule.caller_ip == "127.0.0.1"
    assert before_ms <= schedule.created_at <= time.time_ns() // 1_000_000
    next_s = (schedule.next_schedule_time or 0) // 1000
    assert time.gmtime(next_s)[1:5] == (1, 1, 3, 30)
    absent = {name for name, value in vars(schedule).items() if value is None}
    assert absent == {
        *("body", "body_base64", "headers", "callback_headers", "failure_callback_headers"),
        *("retry_delay_expression", "callback", "failure_callback", "queue", "delay", "timeout"),
        *("flow_control", "last_schedule_time", "last_schedule_states", "error", "label"),
    }


def test_create_again_replaces_everything_else(client: QStash) -> None:
    """The same id is the same schedule: settings are those of the last call; its birth and its pause stay."""
    schedule_id = client.schedule.create_json(
        destination=URL, cron=YEARLY, schedule_id="daily.report", body={"a": 1}, label="old", retries=1
    )
    created_at = client.schedule.get(schedule_id).created_at
    client.schedule.pause(schedule_id)
    again = client.schedule.create(destination=HOOK, cron="@daily", schedule_id=schedule_id)

    schedule = client.schedule.get(schedule_id)
    assert again == schedule_id == "daily.report"
    assert (schedule.destination, schedule.cron, schedule.retries) == (HOOK, "@daily", 3)
    assert schedule.body is schedule.label is schedule.headers is None
    assert (schedule.created_at, schedule.paused) == (created_at, True)
    assert len(client.schedule.list()) == 1


def test_pause_and_resume(client: QStash) -> None:
    """Both show at once and may be said twice."""
    schedule_id = client.schedule.create(destination=URL, cron=YEARLY)
    for _ in range(2):
        client.schedule.pause(schedule_id)
        assert client.schedule.get(schedule_id).paused is True
    for _ in range(2):
        client.schedule.resume(schedule_id)
        assert client.schedule.get(schedule_id).paused is False


def test_list_and_delete(client: QStash) -> None:
    """The list has the user's schedules and nothing else; deleting one that is not there is no error."""
    assert client.schedule.list() == []
    ids = {client.schedule.create(destination=URL, cron=YEARLY) for _ in range(3)}
    assert {schedule.schedule_id for schedule in client.schedule.list()} == ids

    for schedule_id in (*ids, "never-there"):
        client.schedule.delete(schedule_id)
    assert client.schedule.list() == []
    with pytest.raises(QStashError, match="status: 404"):
        client.schedule.get(ids.pop())


def test_to_a_group(client: QStash) -> None:
    """The destination may be a URL group, which has to be there."""
    with pytest.raises(QStashError, match=r"status: 404, .*topic g not found"):
        client.schedule.create(destination="g", cron=YEARLY)
    client.url_group.upsert_endpoints("g", [{"url": HOOK}])

    assert client.schedule.get(client.schedule.create(destination="g", cron=YEARLY)).destination == "g"


@pytest.mark.parametrize("cron", ["", "* * * *", "61 * * * *", "CRON_TZ=Nowhere/Town * * * * *"])
def test_a_bad_cron_is_refused(client: QStash, cron: str) -> None:
    """In words that say what is bad, and nothing is created."""
    with pytest.raises(QStashError, match=r"status: 400, .*[Cc]ron"):
        client.schedule.create(destination=URL, cron=cron)

    assert client.schedule.list() == []
