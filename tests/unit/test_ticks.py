"""What a schedule produces at one tick, contract 3.5."""

from dataclasses import fields, replace
from itertools import count

from qstash_rq.message import Callback, Flow, Message, Redaction
from qstash_rq.schedule import Schedule
from qstash_rq.ticks import messages_of_tick
from qstash_rq.url_group import Endpoint

_NOW_MS = 1_700_000_000_000
_SCHEDULE = Schedule(
    schedule_id="scd_1",
    user_id="user",
    cron="* * * * *",
    destination="https://a.io//x",
    created_at_ms=1,
    method="PUT",
    headers=(("Content-Type", "text/plain"), ("x", "1")),
    body=b"body",
    max_retries=7,
    retry_delay="1000",
    delay_ms=5_000,
    timeout_ms=9_000,
    callback=Callback(url="https://cb.io"),
    failure_callback=Callback(url="https://fail.io"),
    queue_name="queue",
    caller_ip="10.0.0.1",
    flow=Flow(key="flow", rate=1),
    labels=("label",),
    redaction=Redaction(body=True),
)
_MESSAGE = Message(
    message_id="msg_0",
    user_id="user",
    url="https://a.io//x",
    created_at_ms=_NOW_MS,
    not_before_ms=_NOW_MS + 5_000,
    method="PUT",
    headers=(("Content-Type", "text/plain"), ("x", "1")),
    body=b"body",
    max_retries=7,
    retry_delay="1000",
    timeout_ms=9_000,
    caller_ip="10.0.0.1",
    labels=("label",),
    queue_name="queue",
    schedule_id="scd_1",
    callback=Callback(url="https://cb.io"),
    failure_callback=Callback(url="https://fail.io"),
    flow=Flow(key="flow", rate=1),
    redaction=Redaction(body=True),
)


def test_a_tick_is_a_publish_with_the_stored_settings() -> None:
    """The message is made now, delayed as the schedule says, and carries the creator's address."""
    assert messages_of_tick(_SCHEDULE, (), _NOW_MS, lambda: "msg_0") == (_MESSAGE,)


def test_every_setting_is_looked_at() -> None:
    """The schedule above differs from the defaults in each setting, so that none can be forgotten."""
    defaults = {field.name: field.default for field in fields(Schedule)}

    unset = [name for name, default in defaults.items() if getattr(_SCHEDULE, name) == default]

    assert unset == ["explicit"]  # a group's default headers have been looked at by now


def test_a_plain_schedule_makes_a_plain_message_at_once() -> None:
    """What is not set on the schedule is not set on the message."""
    schedule = Schedule(schedule_id="s", user_id="u", cron="@daily", destination="http://a", created_at_ms=1)

    assert messages_of_tick(schedule, (), 2, lambda: "msg_0") == (
        Message(
            message_id="msg_0",
            user_id="u",
            url="http://a",
            created_at_ms=2,
            not_before_ms=2,
            schedule_id="s",
        ),
    )


def test_a_group_is_fanned_out_as_it_is_now() -> None:
    """Each endpoint gets a message of the same schedule, in order; a group that is gone gets none."""
    numbers = count(1)
    schedule = replace(_SCHEDULE, destination="my.group")
    endpoints = (Endpoint(url="https://a.io", name="a"), Endpoint(url="https://b.io"))

    messages = messages_of_tick(schedule, endpoints, _NOW_MS, lambda: f"msg_{next(numbers)}")

    assert len({message.message_id for message in messages}) == 2
    assert [replace(message, message_id="") for message in messages] == [
        replace(_MESSAGE, message_id="", url="https://a.io", topic_name="my.group", endpoint_name="a"),
        replace(_MESSAGE, message_id="", url="https://b.io", topic_name="my.group"),
    ]
    assert messages_of_tick(schedule, (), _NOW_MS, lambda: "msg_0") == ()
