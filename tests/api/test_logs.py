"""GET /v2/events and /v2/logs (contract 2.7, 5)."""

from typing import Any

import pytest

from qstash_rq.core import Core
from qstash_rq.delivery import Attempt
from tests.api.serving import NOT_FOUND, Caller, claim, deliver, error, settle
from tests.clock import FakeClock


def events(caller: Caller, query: str = "") -> list[dict[str, Any]]:
    """Return the records of one page."""
    return caller.get(f"/v2/events?{query}").get_json()["events"]


def test_shows_a_created_record(caller: Caller, clock: FakeClock) -> None:
    """A record carries all of its message's own fields, whatever its state."""
    message_id = caller.enqueue(
        "q",
        data=b"in",
        headers={
            "Content-Type": "text/plain",
            "Upstash-Forward-X-A": "1",
            "Upstash-Label": "a,b",
            "Upstash-Timeout": "30s",
            "Upstash-Retry-Delay": "1000",
        },
    )

    assert events(caller) == [
        {
            "time": clock.now_ms(),
            "messageId": message_id,
            "state": "CREATED",
            "url": "https://example.com/hook",
            "method": "POST",
            "maxRetries": 3,
            "header": {"Content-Type": ["text/plain"], "X-A": ["1"]},
            "body": "aW4=",
            "timeout": 30_000,
            "queueName": "q",
            "label": "a",
            "labels": ["a", "b"],
            "retryDelayExpression": "1000",
            "retryDelayExpr": "1000",
            "callerIP": "127.0.0.1",
            "callerIp": "127.0.0.1",
        }
    ]


def test_leaves_empty_fields_out(caller: Caller, clock: FakeClock) -> None:
    """What is unset is absent, never null or empty."""
    message_id = caller.publish("https://example.com", environ={"REMOTE_ADDR": ""})

    assert events(caller) == [
        {
            "time": clock.now_ms(),
            "messageId": message_id,
            "state": "CREATED",
            "url": "https://example.com",
            "method": "POST",
            "maxRetries": 3,
        }
    ]


def test_shows_the_response_of_an_error(caller: Caller, core: Core, clock: FakeClock) -> None:
    """An ERROR record has the response under both spellings, and the time of the retry."""
    caller.publish(headers={"Upstash-Retry-Delay": "7000"})

    deliver(core, NOT_FOUND)

    retry, failed, *_ = events(caller)
    assert failed["state"] == "ERROR"
    assert failed["error"] == "404 Not Found"
    assert failed["responseStatus"] == 404
    assert failed["responseHeader"] == failed["responseHeaders"] == {"Content-Type": ["text/plain"]}
    assert failed["responseBody"] == "NDA0IE5vdCBGb3VuZA=="
    assert failed["nextDeliveryTime"] == clock.now_ms() + 7_000
    assert (retry["state"], retry["nextDeliveryTime"]) == ("RETRY", clock.now_ms() + 7_000)
    assert "responseStatus" not in retry


def test_shows_a_network_error_without_a_response(caller: Caller, core: Core) -> None:
    """Without an HTTP answer there is an error text and no response field at all."""
    caller.publish(headers={"Upstash-Retries": "0"})

    deliver(core, Attempt(error="connection refused"))

    failed = events(caller, "state=ERROR")[0]
    assert failed["error"] == "connection refused"
    assert not [name for name in failed if name.startswith(("response", "next"))]


@pytest.mark.parametrize(
    ("attempt", "states"),
    [
        (Attempt(status=200), ["DELIVERED", "ACTIVE", "CREATED"]),
        (Attempt(status=500), ["FAILED", "ERROR", "ACTIVE", "CREATED"]),
    ],
)
def test_newest_first(caller: Caller, core: Core, attempt: Attempt, states: list[str]) -> None:
    """The first record of a finished message is its terminal one, also within one millisecond."""
    caller.publish(headers={"Upstash-Retries": "0"})

    deliver(core, attempt)

    assert [event["state"] for event in events(caller)] == states
    assert [event["state"] for event in events(caller, "order=earliestFirst")] == states[::-1]


def test_pages(caller: Caller) -> None:
    """The cursor leads through all records once and is absent at the end."""
    ids = [caller.publish() for _ in range(5)][::-1]

    first = caller.get("/v2/events?count=2").get_json()
    second = caller.get(f"/v2/events?count=2&cursor={first['cursor']}").get_json()
    third = caller.get(f"/v2/events?count=2&cursor={second['cursor']}").get_json()

    pages = [first, second, third]
    assert [event["messageId"] for page in pages for event in page["events"]] == ids
    assert "cursor" not in third


@pytest.mark.parametrize(
    ("cursor", "before", "beyond"), [("0-0", 0, 1), ("9999999999999999-9999999999999999999", 1, 0)]
)
def test_a_cursor_at_either_end_of_all_time(caller: Caller, cursor: str, before: int, beyond: int) -> None:
    """A cursor that nothing can lie before, or nothing beyond, ends the list there."""
    caller.publish()

    assert len(events(caller, f"cursor={cursor}")) == before
    assert len(events(caller, f"cursor={cursor}&order=earliestFirst")) == beyond


def test_answers_under_both_names(caller: Caller) -> None:
    """/v2/logs has the same array under its own name and the clients' name; /v2/events has only that."""
    caller.publish()

    logs = caller.get("/v2/logs").get_json()

    assert logs == {"logs": events(caller), "events": events(caller)}
    assert caller.get("/v2/events").get_json().keys() == {"events"}


def test_page_sizes(caller: Caller) -> None:
    """Without a count /v2/logs answers 100 and /v2/events 1000; both give up to 1000 when asked."""
    for _ in range(101):
        caller.publish()

    assert len(caller.get("/v2/logs").get_json()["logs"]) == 100
    assert len(caller.get("/v2/logs?count=5000").get_json()["logs"]) == 101
    assert len(events(caller)) == 101


@pytest.mark.parametrize(
    ("query", "states"),
    [
        ("state=DELIVERED", {"DELIVERED"}),
        ("state=CREATED,DELIVERED", {"CREATED", "DELIVERED"}),
        ("state=CREATED&state=FAILED", {"CREATED", "FAILED"}),
        ("state=IN_PROGRESS", {"ACTIVE", "ERROR", "RETRY"}),
        ("state=CANCELED", {"CANCELED"}),
        ("state=CANCELLED", {"CANCELED"}),
        ("state=CANCEL_REQUESTED", {"CANCEL_REQUESTED"}),
        (
            "state=",
            {"CREATED", "ACTIVE", "ERROR", "RETRY", "FAILED", "DELIVERED", "CANCELED", "CANCEL_REQUESTED"},
        ),
    ],
)
def test_filters_by_state(caller: Caller, core: Core, query: str, states: set[str]) -> None:
    """States are those of the contract; IN_PROGRESS stands for three of them, CANCELLED for CANCELED."""
    caller.publish()
    deliver(core)
    caller.publish()
    deliver(core, Attempt(status=500))
    caller.publish(headers={"Upstash-Retries": "0"})
    deliver(core, Attempt(status=500))
    caller.delete(f"/v2/messages/{caller.publish()}")

    assert {event["state"] for event in events(caller, query)} == states


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("label=a", 1),
        ("label=a,b", 2),
        ("url=https://example.com/a%3Fx=1", 1),
        ("host=example.com", 2),
        ("path=/a", 1),
        ("path=/a&host=nope", 0),
        ("queueName=q", 1),
        ("callerIp=127.0.0.1", 2),
        ("topicName=t", 0),
        ("scheduleId=s", 0),
        ("flowControlKey=k", 0),
        ("fromDate=1700000000000", 2),
        ("toDate=1699999999999", 0),
        ("toDate=-1", 0),
        ("api=x&groupBy=messageId&whatever=1&responseStatus=404", 2),
        ("label=&url=", 2),
    ],
)
def test_filters(caller: Caller, query: str, found: int) -> None:
    """Filters select already for CREATED; what is unknown is ignored here."""
    caller.publish("https://example.com/a?x=1", headers={"Upstash-Label": "a"})
    caller.enqueue("q", "https://example.com/b", headers={"Upstash-Label": "b"})

    assert len(events(caller, query)) == found


def test_filters_by_message(caller: Caller) -> None:
    """Both names of the id filter count, repeated or listed."""
    ids = [caller.publish() for _ in range(4)]

    query = f"messageId={ids[0]}&messageIds={ids[1]}&messageIds={ids[2]},nope"

    assert {event["messageId"] for event in events(caller, query)} == set(ids[:3])


@pytest.mark.parametrize(
    ("trim", "body", "response"),
    [("2", "YWI=", "NDA="), ("0", None, None), ("-1", None, None), ("100", "YWJj", "NDA0IE5vdCBGb3VuZA==")],
)
def test_trims_bodies(caller: Caller, core: Core, trim: str, body: str | None, response: str | None) -> None:
    """`trimBody` limits the bytes of bodies; -1 drops them."""
    caller.publish(data=b"abc", headers={"Upstash-Retries": "0"})
    deliver(core, NOT_FOUND)

    failed = events(caller, f"state=ERROR&trimBody={trim}")[0]
    assert (failed.get("body"), failed.get("responseBody")) == (body, response)


def test_shows_a_cancelled_delivery(caller: Caller, core: Core) -> None:
    """The wire spells CANCELED with one L."""
    message_id = caller.publish()
    claims = claim(core)
    caller.delete(f"/v2/messages/{message_id}")
    settle(core, claims, Attempt(status=500))

    states = [event["state"] for event in events(caller)]
    assert states[0] == "CANCELED"
    assert "CANCEL_REQUESTED" in states


def test_hides_logs_of_other_users(caller: Caller, other: Caller) -> None:
    """The log belongs to the user."""
    message_id = caller.publish()

    assert events(other) == []
    assert events(other, f"messageId={message_id}") == []


@pytest.mark.parametrize("query", ["state=active", "state=NOPE", "order=up", "trimBody=x"])
def test_refuses_bad_values(caller: Caller, query: str) -> None:
    """A known parameter with an impossible value is refused, naming it."""
    name = query.partition("=")[0]

    assert error(caller.get(f"/v2/events?{query}"), 400).startswith(f"{name}: ")
