"""Choices at open points of the contract, ids, and fields of log records, that no other test looks at.

`docs/compatibility.md` names each of them.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from api.app import create_app
from qstash_rq.core import Core
from qstash_rq.ids import jwt_ids, new_message_id, new_schedule_id, new_signing_key
from qstash_rq.settings import Settings
from qstash_rq.store import keys
from qstash_rq.ticking import tick_due
from tests.api.conftest import OpenCore
from tests.api.serving import NOT_FOUND, OK, Caller, claim, deliver, settle
from tests.clock import FakeClock

URL = "https://example.com/hook"
EVERY_MINUTE = {"Upstash-Cron": "* * * * *"}
ONE_AT_A_TIME = {"Upstash-Flow-Control-Key": "k", "Upstash-Flow-Control-Value": "parallelism=1"}


def make_group(caller: Caller, *urls: str) -> None:
    """Merge endpoints into the group `g`; each is named after the last letter of its URL."""
    endpoints = {"endpoints": [{"url": url, "name": url[-1]} for url in urls]}
    assert caller.post("/v2/topics/g/endpoints", json=endpoints).status_code == 200


def events(caller: Caller, query: str) -> list[dict[str, Any]]:
    """Return the log records that match."""
    return caller.get(f"/v2/events?{query}").get_json()["events"]


def tick(core: Core, clock: FakeClock) -> None:
    """Let the clock go to the next tick, and tick."""
    next_ms = tick_due(core)
    assert next_ms is not None
    clock.advance(next_ms - clock.now_ms())
    tick_due(core)


@pytest.mark.parametrize(
    ("new_id", "form"),
    [
        (new_message_id, r"msg_[1-9A-HJ-NP-Za-km-z]{26,}"),
        (new_schedule_id, r"scd_[1-9A-HJ-NP-Za-km-z]+"),
        (new_signing_key, r"sig_[1-9A-HJ-NP-Za-km-z]{28}"),
        (jwt_ids().__next__, r"jwt_[1-9A-HJ-NP-Za-km-z]+"),
    ],
)
def test_ids_have_their_prefix_and_base58(new_id: Callable[[], str], form: str) -> None:
    """Each id tells what it names, in letters that cannot be confused, and comes once."""
    ids = [new_id() for _ in range(100)]

    assert [one for one in ids if not re.fullmatch(form, one)] == []
    assert len(set(ids)) == len(ids)


def test_a_log_record_names_group_endpoint_and_schedule(caller: Caller, core: Core, clock: FakeClock) -> None:
    """A record says through which group, to which endpoint and from which schedule its message comes."""
    make_group(caller, "https://a.io/1")
    schedule_id = caller.post("/v2/schedules/g", headers=EVERY_MINUTE).get_json()["scheduleId"]
    tick(core, clock)

    (record,) = events(caller, f"scheduleId={schedule_id}&topicName=g")

    assert (record["topicName"], record["endpointName"]) == ("g", "1")
    assert record["scheduleId"] == schedule_id


def test_the_record_of_a_delayed_message_says_when(caller: Caller, clock: FakeClock) -> None:
    """CREATED has the time of the first attempt when that is not now."""
    later = caller.publish(headers={"Upstash-Delay": "1m"})
    now = caller.publish()

    assert events(caller, f"messageId={later}")[0]["nextDeliveryTime"] == clock.now_ms() + 60_000
    assert "nextDeliveryTime" not in events(caller, f"messageId={now}")[0]


def test_a_failed_record_says_why(caller: Caller, core: Core) -> None:
    """FAILED repeats the error of the last attempt, without its response."""
    caller.publish(headers={"Upstash-Retries": "0"})
    deliver(core, NOT_FOUND)

    (record,) = events(caller, "state=FAILED")

    assert record["error"] == "404 Not Found"
    assert not {"responseStatus", "responseBody", "responseHeader", "nextDeliveryTime"} & record.keys()


def test_a_delivered_record_has_no_response(caller: Caller, core: Core) -> None:
    """What the endpoint answered is told for failures only."""
    caller.publish()
    deliver(core, replace(OK, body=b"fine", headers=(("x-a", "1"),)))

    (record,) = events(caller, "state=DELIVERED")

    assert not [name for name in record if name.startswith("response")]


def test_a_queue_name_on_a_publish_enqueues(caller: Caller) -> None:
    """The header makes a publish an enqueue; the queue of an enqueue path is stronger than it."""
    header = {"Upstash-Queue-Name": "q"}
    published, enqueued = caller.publish(headers=header), caller.enqueue("other", headers=header)

    assert caller.get(f"/v2/messages/{published}").get_json()["queueName"] == "q"
    assert caller.get(f"/v2/messages/{enqueued}").get_json()["queueName"] == "other"
    assert caller.get("/v2/queues/q").get_json()["lag"] == 1


def test_the_window_of_a_duplicate_is_that_of_the_settings(core_with: OpenCore, settings: Settings) -> None:
    """Redis forgets an id when the window is over, whatever became of the first message."""
    core = core_with(replace(settings, dedup_window_ms=5_000))
    caller = Caller(create_app(core).test_client())
    header = {"Upstash-Deduplication-Id": "d"}
    first = caller.publish(headers=header)
    (key,) = core.store.command("KEYS", f"{keys.DEDUP().replace('{', chr(92) + '{')}*")

    assert 0 < core.store.command("PTTL", key.decode()) <= 5_000
    caller.delete(f"/v2/messages/{first}")
    assert caller.post(f"/v2/publish/{URL}", headers=header).get_json()["messageId"] == first
    core.store.command("PEXPIRE", key.decode(), 0)
    assert caller.publish(headers=header) != first


def test_a_group_that_has_grown_answers_with_the_ids_there_are(caller: Caller) -> None:
    """The endpoints that a duplicate finds beyond the first call's share the last id of that call."""
    header = {"Upstash-Deduplication-Id": "d"}
    make_group(caller, "https://a.io/1", "https://a.io/2")
    first = caller.post("/v2/publish/g", headers=header).get_json()
    make_group(caller, "https://a.io/3")

    again = caller.post("/v2/publish/g", headers=header)

    assert again.status_code == 202
    ids = [one["messageId"] for one in first]
    assert [one["messageId"] for one in again.get_json()] == [*ids, ids[-1]]


def test_a_schedule_knows_neither_deduplication_nor_not_before(
    caller: Caller, core: Core, clock: FakeClock
) -> None:
    """A schedule is no duplicate of another one, nor a tick of the one before, and no date holds it back."""
    in_an_hour = str(clock.now_ms() // 1_000 + 3_600)
    headers = EVERY_MINUTE | {"Upstash-Deduplication-Id": "d", "Upstash-Not-Before": in_an_hour}
    ids = {caller.post(f"/v2/schedules/{URL}", headers=headers).get_json()["scheduleId"] for _ in range(2)}
    assert len(ids) == 2

    tick(core, clock)
    tick(core, clock)

    assert len(claim(core)) == 4


def test_a_cancelled_message_counts_as_failed_for_its_schedule(
    caller: Caller, core: Core, clock: FakeClock
) -> None:
    """The clients know three words for the last tick; a cancellation is the third one's."""
    schedule_id = caller.post(f"/v2/schedules/{URL}", headers=EVERY_MINUTE).get_json()["scheduleId"]
    tick(core, clock)

    assert caller.delete("/v2/messages").get_json() == {"cancelled": 1}

    states = caller.get(f"/v2/schedules/{schedule_id}").get_json()["lastScheduleStates"]
    assert list(states.values()) == ["FAIL"]


def test_queued_messages_are_not_in_the_wait_list(caller: Caller, core: Core) -> None:
    """The wait list of a key is its own line: a queue waits for the key as a whole."""
    caller.publish(headers=ONE_AT_A_TIME)
    claim(core)
    caller.publish(headers=ONE_AT_A_TIME)
    caller.enqueue("q", headers=ONE_AT_A_TIME)

    assert claim(core) == ()
    assert caller.get("/v2/flowControl/k").get_json()["waitListSize"] == 1


def test_a_slot_does_not_wait_for_callbacks_of_callbacks(caller: Caller, core: Core) -> None:
    """The next message of a queue starts when the callback has ended, though that one called back too."""
    headers = {"Upstash-Callback": "https://cb.io", "Upstash-Callback-Callback": "https://cb.io/again"}
    caller.enqueue("q", headers=headers)
    second = caller.enqueue("q")
    deliver(core)
    (callback,) = claim(core)
    assert callback.message.url == "https://cb.io"

    settle(core, [callback], OK)

    started = {one.message.url: one.message.message_id for one in claim(core)}
    assert started.keys() == {"https://cb.io/again", URL}
    assert started[URL] == second
