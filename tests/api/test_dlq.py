"""/v2/dlq (contract 2.6)."""

import pytest

from qstash_rq.core import Core
from qstash_rq.delivery import Attempt
from tests.api.serving import Caller, contents, deliver, error, kill
from tests.clock import FakeClock


def test_shows_a_dead_letter(caller: Caller, core: Core, clock: FakeClock) -> None:
    """A dead letter is the message and its last response, alike in the list and alone."""
    dlq_id = kill(
        caller, core, data=b"in", headers={"Upstash-Label": "a", "Upstash-Retry-Delay": "7000 * retried"}
    )

    listed = caller.get("/v2/dlq").get_json()

    message_id = listed["messages"][0]["messageId"]
    assert listed == {
        "messages": [
            {
                "messageId": message_id,
                "dlqId": dlq_id,
                "url": "https://example.com/hook",
                "method": "POST",
                "header": {},
                "body": "in",
                "maxRetries": 0,
                "notBefore": clock.now_ms(),
                "createdAt": clock.now_ms(),
                "callerIP": "127.0.0.1",
                "callerIp": "127.0.0.1",
                "label": "a",
                "labels": ["a"],
                "retryDelayExpression": "7000 * retried",
                "responseStatus": 404,
                "responseHeader": {"Content-Type": ["text/plain"]},
                "responseBody": "404 Not Found",
            }
        ]
    }
    assert caller.get(f"/v2/dlq/{dlq_id}").get_json() == listed["messages"][0]


def test_status_is_zero_without_a_response(caller: Caller, core: Core) -> None:
    """A network error shows as status 0 and nothing else of a response."""
    kill(caller, core, attempt=Attempt(error="connection refused"))

    letter = caller.get("/v2/dlq").get_json()["messages"][0]
    assert letter["responseStatus"] == 0
    assert not {"responseHeader", "responseBody", "responseBodyBase64"} & letter.keys()


@pytest.mark.parametrize(
    ("body", "fields"),
    [(b"", {}), (b"\xff", {"responseBodyBase64": "/w=="}), ("é".encode(), {"responseBody": "é"})],
)
def test_shows_the_response_body_as_text_or_base64(
    caller: Caller, core: Core, body: bytes, fields: dict[str, str]
) -> None:
    """A response body is text when it is UTF-8, else base64, and neither key is there when it is empty."""
    kill(caller, core, attempt=Attempt(status=500, body=body))

    letter = caller.get("/v2/dlq").get_json()["messages"][0]
    assert {name: value for name, value in letter.items() if name.startswith("responseBody")} == fields
    assert letter["responseHeader"] == {}


def test_pages_newest_first(caller: Caller, core: Core, clock: FakeClock) -> None:
    """Pages go from new to old; the cursor is there only while something is left."""
    ids: list[str] = []
    for _ in range(5):
        clock.advance(1)
        ids.insert(0, kill(caller, core))

    first = caller.get("/v2/dlq?count=2").get_json()
    second = caller.get(f"/v2/dlq?count=2&cursor={first['cursor']}").get_json()
    third = caller.get(f"/v2/dlq?count=2&cursor={second['cursor']}").get_json()

    pages = [first, second, third]
    assert [letter["dlqId"] for page in pages for letter in page["messages"]] == ids
    assert "cursor" not in third
    oldest = caller.get("/v2/dlq?count=1&order=earliestFirst").get_json()
    assert oldest["messages"][0]["dlqId"] == ids[-1]


def test_clamps_the_count(caller: Caller, core: Core) -> None:
    """A count above the page size is no error."""
    kill(caller, core)

    assert len(caller.get("/v2/dlq?count=100000").get_json()["messages"]) == 1


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("label=a", 1),
        ("label=a,b", 2),
        ("url=https://example.com/a", 1),
        ("responseStatus=404", 1),
        ("responseStatus=404&responseStatus=0", 2),
        ("responseStatus=500", 0),
        ("callerIp=127.0.0.1", 2),
        ("queueName=q", 0),
        ("topicName=t", 0),
        ("scheduleId=s", 0),
        ("flowControlKey=k", 0),
        ("messageId=msg_none", 0),
        ("fromDate=1700000000000&toDate=1700000000000", 2),
        ("fromDate=1700000000001", 0),
        ("fromDate=-1", 2),
        ("api=llm", 2),
        ("source=workflow", 0),
        ("dlqIds=1-1,abc,-,%2B,1700000000000", 0),
        ("dlqIds=", 0),
        ("cursor=&count=&label=", 2),
        ("cursor=0-0", 0),
        ("cursor=9999999999999999-9999999999999999999", 2),
    ],
)
def test_filters(caller: Caller, core: Core, query: str, found: int) -> None:
    """The same filters select for the list and for the bulk delete."""
    kill(caller, core, "https://example.com/a", headers={"Upstash-Label": "a"})
    kill(caller, core, "https://example.com/b", headers={"Upstash-Label": "b"}, attempt=Attempt(error="x"))

    assert len(caller.get(f"/v2/dlq?{query}").get_json()["messages"]) == found
    assert caller.delete(f"/v2/dlq?{query}").get_json() == {"deleted": found}


def test_deletes_one(caller: Caller, core: Core) -> None:
    """A deleted letter is gone at once; a second time is a 404."""
    dlq_id = kill(caller, core)

    assert caller.delete(f"/v2/dlq/{dlq_id}").status_code == 200

    assert error(caller.delete(f"/v2/dlq/{dlq_id}"), 404) == f"dlqId {dlq_id} not found"
    error(caller.get(f"/v2/dlq/{dlq_id}"), 404)
    assert caller.get("/v2/dlq").get_json() == {"messages": []}


def test_deletes_as_both_clients_ask(caller: Caller, core: Core) -> None:
    """Ids come in the body or repeated in the query; unknown ones are not counted."""
    ids = [kill(caller, core) for _ in range(4)]

    in_body = caller.delete("/v2/dlq", json={"dlqIds": [ids[0], "1-0"]})
    in_query = caller.delete(f"/v2/dlq?dlqIds={ids[1]}&dlqIds={ids[2]}")
    everything = caller.delete("/v2/dlq?count=100")

    assert in_body.get_json() == {"deleted": 1}
    assert in_query.get_json() == {"deleted": 2}
    assert everything.get_json() == {"deleted": 1}


def test_deletes_page_by_page(caller: Caller, core: Core) -> None:
    """A bulk delete that leaves something answers a cursor."""
    for _ in range(3):
        kill(caller, core)

    first = caller.delete("/v2/dlq?count=2").get_json()
    second = caller.delete(f"/v2/dlq?count=2&cursor={first['cursor']}").get_json()

    assert first["deleted"] == 2
    assert second == {"deleted": 1}


def test_no_ids_delete_nothing(caller: Caller, core: Core) -> None:
    """An empty list of ids means none of the letters, never all of them."""
    kill(caller, core)

    assert caller.delete("/v2/dlq", json={"dlqIds": []}).get_json() == {"deleted": 0}


def test_retries_one(caller: Caller, core: Core, clock: FakeClock) -> None:
    """A retry is a new message with the old content; the letter is gone."""
    dlq_id = kill(caller, core, data=b"in", headers={"Upstash-Forward-X-A": "1", "Upstash-Label": "l"})
    clock.advance(5_000)

    response = caller.post(f"/v2/dlq/retry/{dlq_id}")

    assert response.status_code == 201
    message = caller.get(f"/v2/messages/{response.get_json()['messageId']}").get_json()
    assert message["createdAt"] == clock.now_ms()
    assert (message["body"], message["header"], message["label"]) == ("in", {"X-A": ["1"]}, "l")
    error(caller.get(f"/v2/dlq/{dlq_id}"), 404)
    error(caller.post(f"/v2/dlq/retry/{dlq_id}"), 404)


def test_retries_with_other_options(caller: Caller, core: Core) -> None:
    """Configuration headers of the retry override what is stored; its content type is its own."""
    dlq_id = kill(caller, core, headers={"Content-Type": "text/plain"})

    response = caller.post(
        "/v2/dlq/retry", json={"dlqIds": [dlq_id]}, headers={"Upstash-Retries": "5", "Upstash-Label": "again"}
    )

    message_id = response.get_json()["responses"][0]["messageId"]
    message = caller.get(f"/v2/messages/{message_id}").get_json()
    assert (message["maxRetries"], message["label"]) == (5, "again")
    assert message["header"] == {"Content-Type": ["text/plain"]}


STORED = {
    "Upstash-Method": "PUT",
    "Upstash-Timeout": "30s",
    "Upstash-Retry-Delay": "1000",
    "Upstash-Label": "l",
    "Upstash-Callback": "https://cb.io/a",
    "Upstash-Callback-Forward-X": "1",
    "Upstash-Failure-Callback": "https://cb.io/f",
    "Upstash-Flow-Control-Key": "k",
    "Upstash-Flow-Control-Value": "parallelism=2",
    "Upstash-Redact-Fields": "header[X-Key]",
    "Upstash-Forward-X-Key": "k",
    "Upstash-Deduplication-Id": "d",
}


@pytest.mark.parametrize(
    ("headers", "changed"),
    [
        ({}, {}),
        ({"Upstash-Method": "PATCH"}, {"method": "PATCH"}),
        ({"Upstash-Retries": "0"}, {"maxRetries": 0}),
        ({"Upstash-Timeout": "5s"}, {"timeout": 5_000}),
        ({"Upstash-Retry-Delay": "7"}, {"retryDelayExpression": "7"}),
        ({"Upstash-Delay": "1m"}, {"notBefore": 1_700_000_060_000}),
        ({"Upstash-Label": "a,b"}, {"label": "a", "labels": ["a", "b"]}),
        ({"Upstash-Callback": "https://cb.io/b"}, {"callback": "https://cb.io/b", "callbackHeader": None}),
        ({"Upstash-Failure-Callback": "https://cb.io/b"}, {"failureCallback": "https://cb.io/b"}),
        (
            {"Upstash-Flow-Control-Key": "j", "Upstash-Flow-Control-Value": "rate=1,period=1m"},
            {"flowControlKey": "j", "rate": 1, "period": 60, "parallelism": None},
        ),
        ({"Upstash-Redact-Fields": "header[Nobody]"}, {"header": {"X-Key": ["k"]}}),
        ({"Upstash-Queue-Name": "q"}, {"queueName": "q"}),
        ({"Upstash-Deduplication-Id": "d"}, {}),
        ({"Upstash-Cron": "* * * * *", "X-Plain": "1", "Upstash-Telemetry-Sdk": ""}, {}),
    ],
)
def test_retries_with_everything_stored(
    caller: Caller, core: Core, headers: dict[str, str], changed: dict[str, object]
) -> None:
    """A retry keeps every option of the message but those that headers of the call replace."""
    kill(caller, core, headers=STORED)
    caller.delete("/v2/messages")  # the callbacks that its failure made
    (before,) = caller.get("/v2/dlq").get_json()["messages"]

    answer = caller.post(f"/v2/dlq/retry/{before['dlqId']}", headers=headers).get_json()

    kept = {name: before[name] for name in before if not name.startswith(("dlq", "response"))}
    expected = kept | {"messageId": answer["messageId"]} | changed
    assert caller.get(f"/v2/messages/{answer['messageId']}").get_json() == {
        name: value for name, value in expected.items() if value is not None
    }


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upstash-Retries": "x"}, 400),
        ({"Upstash-Retries": "1001"}, 412),
        ({"Upstash-Callback": "nope"}, 400),
        ({"Upstash-Callback": "https://cb.io", "Upstash-Callback-Retries": "x"}, 400),
        ({"Upstash-Flow-Control-Key": "k"}, 400),
        ({"Upstash-Flow-Control-Value": "rate=0"}, 400),
        ({"Upstash-Redact-Fields": "all"}, 400),
        ({"Upstash-Queue-Name": "a b"}, 400),
    ],
)
@pytest.mark.parametrize("target", ["/v2/dlq/retry", "/v2/dlq/retry/{}"])
def test_refuses_bad_overrides(
    caller: Caller, core: Core, redis_url: str, headers: dict[str, str], status: int, target: str
) -> None:
    """A header outside its grammar or limit retries nothing."""
    dlq_id = kill(caller, core, headers={"Upstash-Callback": "https://cb.io"})
    before = contents(redis_url)

    text = error(caller.post(target.format(dlq_id), headers=headers), status)

    assert text.startswith("Upstash-")
    assert contents(redis_url) == before


def test_retries_as_the_typescript_client_asks(caller: Caller, core: Core) -> None:
    """Ids repeated in the query, a filter, or just a count; the answer lists the new ids."""
    ids = [kill(caller, core, headers={"Upstash-Label": label}) for label in ("a", "b", "c")]

    by_id = caller.post(f"/v2/dlq/Retry?dlqIds={ids[0]}")
    by_filter = caller.post("/v2/dlq/retry?label=b&count=10")
    everything = caller.post("/v2/dlq/retry?count=100")
    nothing = caller.post("/v2/dlq/retry?label=none")

    for response in (by_id, by_filter, everything):
        assert response.status_code == 201
        assert [list(item) for item in response.get_json()["responses"]] == [["messageId"]]
    assert nothing.get_json() == {"responses": []}


def test_retries_all_or_none(caller: Caller, core: Core) -> None:
    """With one unknown id nothing is retried."""
    dlq_id = kill(caller, core)

    for unknown in ("1-0", "nope"):
        text = error(caller.post("/v2/dlq/retry", json={"dlqIds": [dlq_id, unknown]}), 404)
        assert text == f"dlqId {unknown} not found"
    assert caller.get(f"/v2/dlq/{dlq_id}").status_code == 200


def test_hides_dead_letters_of_other_users(caller: Caller, other: Caller, core: Core) -> None:
    """Dead letters belong to the user whose messages they were."""
    dlq_id = kill(caller, core)

    assert other.get("/v2/dlq").get_json() == {"messages": []}
    assert other.delete("/v2/dlq").get_json() == {"deleted": 0}
    for response in (
        other.get(f"/v2/dlq/{dlq_id}"),
        other.delete(f"/v2/dlq/{dlq_id}"),
        other.post(f"/v2/dlq/retry/{dlq_id}"),
        other.post(f"/v2/dlq/retry?dlqIds={dlq_id}"),
    ):
        error(response, 404)
    assert caller.get(f"/v2/dlq/{dlq_id}").status_code == 200


def test_a_retried_letter_can_die_again(caller: Caller, core: Core) -> None:
    """A retried message that fails again is a new dead letter."""
    dlq_id = kill(caller, core)
    message_id = caller.post(f"/v2/dlq/retry/{dlq_id}").get_json()["messageId"]

    deliver(core, Attempt(status=500))

    letters = caller.get("/v2/dlq").get_json()["messages"]
    assert [(letter["messageId"], letter["responseStatus"]) for letter in letters] == [(message_id, 500)]
