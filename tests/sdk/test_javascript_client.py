"""The official TypeScript client, unchanged, does all it can do against the running server.

Proves that its requests are understood and its answers have what its types promise; each script in `js`
uses one part of the client. What the server makes of it all is proved elsewhere.
"""

import json
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.receiver import Receiver, Reply
from tests.running import DEVELOPER, Product, User, open_product
from tests.sdk.node import Node

Run = Callable[..., Any]
SOON_S = int(time.time()) + 7200

# Methods that are not for users, or do not speak to this server.
PRIVATE = {
    *("receiver.verifyWithKey", "receiver.verifyBodyAndUrl"),
    *("chat.getAuthorizationToken", "chat.createThirdParty"),
}
PROVED_IN = {
    "publish.mjs": {"client.publish", "client.publishJSON"},
    "batch.mjs": {"client.batch", "client.batchJSON"},
    "queue.mjs": {
        *("client.queue", "queue.upsert", "queue.get", "queue.list", "queue.delete"),
        *("queue.enqueue", "queue.enqueueJSON", "queue.pause", "queue.resume"),
    },
    "messages.mjs": {
        *("messages.get", "messages.cancel", "messages.delete", "messages.deleteMany"),
        "messages.deleteAll",
    },
    "url_groups.mjs": {
        *("urlGroups.addEndpoints", "urlGroups.removeEndpoints", "urlGroups.list", "urlGroups.get"),
        *("urlGroups.delete", "topics.list"),
    },
    "schedules.mjs": {
        *("schedules.create", "schedules.get", "schedules.list", "schedules.delete", "schedules.pause"),
        "schedules.resume",
    },
    "dlq.mjs": {"dlq.listMessages", "dlq.delete", "dlq.deleteMany", "dlq.retry"},
    "logs.mjs": {"client.logs", "client.events"},
    "flow_control.mjs": {
        *("flowControl.get", "flowControl.getGlobalParallelism", "flowControl.pause", "flowControl.resume"),
        *("flowControl.pin", "flowControl.unpin", "flowControl.resetRate"),
    },
    "receiver.mjs": {"receiver.verify"},
    "not_served.mjs": {"client.chat", "workflow.cancel", "chat.create", "chat.prompt"},
}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """Install the client once, below the folder of this test run."""
    return Node(tmp_path_factory.getbasetemp() / ".cache" / "js")


@pytest.fixture
def run(node: Node, product: Product, user: User, receiver: Receiver) -> Run:
    """Give a function that runs a script as a user of the product, with the receiver to send to."""
    environment = {"QSTASH_URL": product.url, "QSTASH_TOKEN": user.token, "RECEIVER": receiver.url("")}

    def run_script(script: str, **variables: str) -> Any:
        return node.run(script, {**environment, **variables})

    return run_script


def test_every_method_is_called(node: Node, run: Run) -> None:
    """What the client has is in the table, and each script of the table calls what it should."""
    methods = {name for name in run("methods.mjs") if not name.startswith("topics.")} - PRIVATE

    assert methods | {"topics.list"} == set[str]().union(*PROVED_IN.values())
    for script, names in PROVED_IN.items():
        source = node.source(script)
        assert [name for name in names if f"{name}(" not in source] == []


def test_publish(run: Run, receiver: Receiver) -> None:
    """Text, bytes, JSON and nothing arrive as they were given, at URLs and groups."""
    told = run("publish.mjs")
    arrived = {request.header("upstash-message-id"): request for request in receiver.wait_for(11)}

    def request(name: str) -> Any:
        return arrived[told[name]["messageId"]]

    text = request("text")
    assert told["text"] == {"messageId": told["text"]["messageId"], "url": receiver.url("/text?a=b")}
    assert (text.method, text.target, text.body) == ("PUT", "/text?a=b", "žluť".encode())
    assert text.header("content-type") == "text/plain;charset=UTF-8"
    names = ("x-one", "x-two", "authorization")
    assert [text.header(name) for name in names] == ["1", "2", "Bearer mine"]
    assert not [name for name, _ in text.headers if "telemetry" in name.lower()]
    assert (request("bytes").body, request("bytes").method) == (b"\x00\xff", "POST")
    assert request("bytes").header("content-type") == "application/octet-stream"
    assert (request("nothing").body, request("nothing").header("content-type")) == (b"", None)
    assert json.loads(request("json").body) == {"n": [1, "ž"]}
    assert (request("json").header("content-type"), request("json").header("x-one")) == (
        "application/json",
        "1",
    )
    assert request("noJson").body == b""
    for name in ("group", "topic"):
        assert [one["url"] for one in told[name]] == [receiver.url("/left"), receiver.url("/right")]
        assert [arrived[one["messageId"]].path for one in told[name]] == ["/left", "/right"]
    llm = request("llm")
    assert (llm.path, llm.header("authorization"), llm.body) == (
        *("/v1/chat/completions", "Bearer sk-1"),
        b'{"model":"m"}',
    )
    assert [one.path for one in receiver.requests if one.path == "/llm-done"] == ["/llm-done"]
    assert told["unknownGroup"]["status"] == 404
    assert "topic nowhere not found" in told["unknownGroup"]["message"]
    assert (told["badScheme"]["name"], told["badScheme"]["status"]) == ("QstashError", 400)


OPTIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "method": ({"method": "DELETE"}, {"method": "DELETE"}),
    "headers": ({"headers": {"x-a": "b"}}, {"header": {"X-A": ["b"]}}),
    "notBefore": ({"notBefore": SOON_S}, {"notBefore": SOON_S * 1000}),
    "retries": ({"retries": 0}, {"maxRetries": 0}),
    "retryDelay": ({"retryDelay": "pow(2, retried)"}, {"retryDelayExpression": "pow(2, retried)"}),
    "callback": (
        {"callback": "http://a.io/c", "headers": {"Upstash-Callback-Forward-X": "1"}},
        {"callback": "http://a.io/c", "callbackHeader": {"X": ["1"]}},
    ),
    "failureCallback": ({"failureCallback": "http://a.io/f"}, {"failureCallback": "http://a.io/f"}),
    "flowControl": (
        {"flowControl": {"key": "k", "ratePerSecond": 5, "parallelism": 2, "period": 60}},
        {"flowControlKey": "k", "rate": 5, "ratePerSecond": 5, "parallelism": 2, "period": 60},
    ),
    "label": ({"label": ["a", "b"]}, {"label": "a", "labels": ["a", "b"]}),
    "redact": ({"headers": {"x-a": "b"}, "redact": {"header": True}}, {}),
    "timeout": ({"timeout": 30}, {}),
    "nothing": ({}, {"method": "POST", "maxRetries": 3, "callerIp": "127.0.0.1", "header": {}}),
}


def test_options(run: Run) -> None:
    """Each option is shown by the message, under the name that the client's types have."""
    seen = run("options.mjs", OPTIONS=json.dumps({name: given for name, (given, _) in OPTIONS.items()}))

    for name, (_, expected) in OPTIONS.items():
        message = seen[name]["message"]
        assert {field: message.get(field) for field in expected} == expected, name
    delayed = seen["nothing"]["message"]
    assert delayed["notBefore"] - delayed["createdAt"] == 3_600_000
    assert seen["timeout"]["log"]["timeout"] == 30_000
    assert seen["redact"]["message"]["header"]["X-A"][0].startswith("REDACTED:")
    absent = {"callback", "rate", "flowControlKey", "period", "label", "body", "topicName", "queueName"}
    assert not absent & delayed.keys()


def test_deduplication(run: Run) -> None:
    """A duplicate is told from a message, and has the first one's id."""
    told = run("deduplication.mjs")

    first, *duplicates = told["id"]
    assert "deduplicated" not in first
    assert [one["messageId"] for one in duplicates] == [first["messageId"]] * 2
    assert [one["deduplicated"] for one in (*duplicates, told["content"][1])] == [True] * 3
    same, again, other = (one["messageId"] for one in told["content"])
    assert same == again != other


def test_batch(run: Run, receiver: Receiver) -> None:
    """Each element of the answer stands where its item stood; a bad item stops all."""
    told = run("batch.mjs")
    arrived = {request.header("upstash-message-id"): request for request in receiver.wait_for(9)}

    plain, group, queued, group_queued = told["batch"]
    request = arrived[plain["messageId"]]
    assert (request.method, request.body, request.header("x-one")) == ("PUT", "žluť".encode(), "1")
    for elements in (group, group_queued):
        assert [arrived[one["messageId"]].path for one in elements] == ["/left", "/right"]
    assert arrived[queued["messageId"]].path == "/queued"
    assert [arrived[one["messageId"]].path for one in told["single"]] == ["/single"]
    with_body, without = (arrived[one["messageId"]] for one in told["json"])
    assert (with_body.body, with_body.header("content-type")) == (b'{"n":1}', "application/json")
    assert without.body == b""
    assert told["refused"]["status"] == 400
    assert receiver.requests_to("/never") == ()


def test_queue(run: Run, receiver: Receiver) -> None:
    """A queue is made, paused, filled, resumed, changed and deleted."""
    told = run("queue.mjs")

    assert told["empty"] == told["deleted"] == []
    assert told["made"].keys() == {"name", "parallelism", "createdAt", "updatedAt", "lag", "paused"}
    assert (told["made"]["parallelism"], told["made"]["paused"], told["paused"]["paused"]) == (2, False, True)
    assert told["waiting"]["lag"] == 2
    assert (told["message"]["queueName"], told["message"]["body"]) == ("line", "text")
    assert (told["changed"]["parallelism"], told["changed"]["paused"]) == (1, True)
    assert [queue["name"] for queue in told["listed"]] == ["line"]
    arrived = {request.header("upstash-message-id"): request for request in receiver.wait_for(2)}
    assert arrived[told["enqueued"]["messageId"]].body == b"text"
    json_request = arrived[told["enqueuedJson"]["messageId"]]
    assert (json_request.method, json_request.body) == ("PUT", b'{"n":1}')
    assert (told["unknown"]["status"], told["badName"]["status"]) == (404, 400)


def test_messages(run: Run) -> None:
    """Messages are read and cancelled: one, many, by every filter, and all that is left."""
    told = run("messages.mjs")

    assert told["done"]["method"] == "POST"
    assert (told["one"], told["many"], told["byIds"]) == (*[{"cancelled": 1}] * 3,)
    for name in ("again", "afterwards", "deleted"):
        assert told[name]["status"] == 404
    assert told["deletedMany"] == 1
    assert {name: answer["cancelled"] for name, answer in told["filters"].items()} == {
        **dict.fromkeys(told["filters"], 1),
        "urlGroup": 2,
    }
    assert (told["counted"], told["none"], told["empty"]) == ({"cancelled": 2}, *[{"cancelled": 0}] * 2)
    assert told["unknownFilter"]["status"] == 400
    assert told["all"] == {"cancelled": 2}
    assert told["deletedAll"] == 1


def test_url_groups(run: Run, receiver: Receiver) -> None:
    """A group is made, changed, published to, listed under both names and deleted."""
    told = run("url_groups.mjs")

    assert told["empty"] == told["deleted"] == []
    one, two, three, new = (receiver.url(path) for path in ("/1", "/2", "/3", "/new"))
    assert told["made"].keys() == {"name", "createdAt", "updatedAt", "endpoints"}
    assert told["made"]["endpoints"] == [{"name": "one", "url": one}, {"url": two}, {"url": three}]
    assert told["changed"]["endpoints"] == [{"name": "one", "url": new}, {"url": three}]
    assert [answer["url"] for answer in told["published"]] == [new, three]
    message = told["message"]
    assert (message["urlGroup"], message["topicName"], message["endpointName"]) == ("g", "g", "one")
    assert [group["name"] for group in told["listed"]] == ["g"]
    assert (told["unknown"]["status"], told["badUrl"]["status"]) == (404, 400)


def _full_schedule(receiver: Receiver) -> dict[str, Any]:
    return {
        "scheduleId": "mine.1",
        "cron": "CRON_TZ=Europe/Prague 0 0 1 1 *",
        "destination": receiver.url("/full"),
        "body": '{"n":1}',
        "header": {"Content-Type": ["application/json"]},
        "delay": 90,
        "retries": 0,
        "retryDelayExpression": "1000 * retried",
        "callback": receiver.url("/done"),
        "failureCallback": receiver.url("/failed"),
        "method": "PUT",
        "timeout": 30,
        "queueName": "line",
        "flowControlKey": "k",
        "rate": 5,
        "ratePerSecond": 5,
        "parallelism": 2,
        "period": 60,
        "label": "a",
        "labels": ["a", "b"],
        "isPaused": False,
        "callerIP": "127.0.0.1",
        "callerIp": "127.0.0.1",
    }


def test_schedules(run: Run, receiver: Receiver) -> None:
    """A schedule is made with every option, paused, resumed, listed and deleted."""
    told = run("schedules.mjs")

    assert told["empty"] == told["deleted"] == []
    plain = told["plain"]
    assert {name: plain[name] for name in plain if name not in ("createdAt", "nextScheduleTime")} == {
        "scheduleId": told["made"]["scheduleId"],
        "cron": "0 0 1 1 *",
        "destination": receiver.url("/a//b?c=%2F"),
        "method": "POST",
        "retries": 3,
        "isPaused": False,
        "header": {"Content-Type": ["application/json"]},
        "callerIP": "127.0.0.1",
        "callerIp": "127.0.0.1",
    }
    assert told["full"] == {"scheduleId": "mine.1"}
    options = told["options"]
    assert options["header"].pop("X-One")[0].startswith("REDACTED:")
    assert {
        name: options[name] for name in options if name not in ("createdAt", "nextScheduleTime")
    } == _full_schedule(receiver)
    assert (told["paused"]["isPaused"], told["resumed"]["isPaused"]) == (True, False)
    assert {one["scheduleId"] for one in told["listed"]} == {told["made"]["scheduleId"], "mine.1"}
    statuses = [told[name]["status"] for name in ("unknown", "pausedUnknown", "badCron")]
    assert statuses == [404, 404, 400]


def test_dlq(run: Run, receiver: Receiver) -> None:
    """Dead letters are listed by every filter and by pages, sent again, and deleted."""
    receiver.script("/broken", Reply(status=500, body=b"\xff", headers=(("X-Why", "so"),)))
    receiver.script("/missing", Reply(status=404))
    told = run("dlq.mjs")

    order = ["limited", "queued", "grouped", "labelled", "plain"]
    assert told["all"] == order
    assert (sorted(told["ids"]), told["id"]) == (["plain", "queued"], ["plain"])
    assert told["filters"] == {
        **{name: ["labelled"] for name in ("label", "url", "responseStatus")},
        "urlGroup": ["grouped"],
        "queueName": ["queued"],
        "flowControlKey": ["limited"],
        "callerIp": [],
        "dates": [],
    }
    assert told["pages"] == [order[:2], order[2:4], order[4:]]
    limited, _, grouped, labelled, plain = told["letters"]
    assert (plain["responseStatus"], plain["responseBodyBase64"]) == (500, "/w==")
    assert plain["responseHeader"]["X-Why"] == ["so"]
    assert (plain["body"], plain["method"], plain["retryDelayExpression"]) == ("x", "PUT", "10")
    assert labelled["labels"] == ["a", "b"]
    assert (grouped["urlGroup"], grouped["endpointName"]) == ("g", "e")
    assert (limited["ratePerSecond"], limited["period"]) == (100, 1)
    assert len(told["retriedOne"]["responses"]) == 1
    assert len(told["retriedMany"]["responses"]) == 2
    assert len(told["retriedByFilter"]["responses"]) == 1
    assert told["retriedNone"] == told["retriedAll"] == {"responses": []}
    assert (told["retriedUnknown"]["status"], told["unknownFilter"]["status"]) == (404, 400)
    assert (told["deletedOne"], told["deletedAgain"]["status"]) == ({"deleted": 1}, 404)
    for name in ("deletedTwo", "deletedMany", "deletedByFilter", "deletedAll"):
        assert told[name] == {"deleted": 1}, name
    assert told["left"] == {"messages": []}


def test_logs(run: Run, receiver: Receiver) -> None:
    """The log is read by ids, by every filter and by pages."""
    receiver.script("/broken", Reply(status=500, body=b"oops"))
    told = run("logs.mjs")

    everything = ["failed", "grouped", "limited", "plain", "queued"]
    assert told["all"] == told["filters"]["host"] == everything
    assert told["ids"] == ["plain", "queued"]
    assert told["filters"] == {
        "host": everything,
        **{name: ["failed"] for name in ("state", "inProgress", "label")},
        "url": ["plain"],
        "path": ["limited", "queued"],
        "urlGroup": ["grouped"],
        "topicName": ["grouped"],
        "queueName": ["queued"],
        "flowControlKey": ["limited"],
        **{name: [] for name in ("callerIp", "dates", "scheduleId")},
    }
    assert [one["state"] for one in told["failed"]] == ["FAILED", "ERROR", "ACTIVE", "CREATED"]
    error = told["failed"][1]
    assert (error["error"], b64decode(error["responseBody"])) == ("500 Internal Server Error", b"oops")
    assert error["labels"] == ["a", "b"]
    assert [one["state"] for one in told["plain"]] == ["DELIVERED", "ACTIVE", "CREATED"]
    assert b64decode(told["plain"][0]["body"]) == "žluť".encode()
    entries = [tuple(entry) for page in told["pages"] for entry in page]
    assert [len(page) for page in told["pages"]] == [4, 4, 4, 4]
    assert len(entries) == len(set(entries)) == 16
    assert (told["countInFilter"], told["refused"]["status"]) == (3, 400)


def test_flow_control(run: Run, receiver: Receiver) -> None:
    """A key with blanks and slashes is paused, used, pinned, unpinned, resumed and reset."""
    told = run("flow_control.mjs")

    assert told["unknown"]["status"] == 404
    paused = told["paused"]
    assert paused["flowControlKey"] == "a/b c"
    assert paused.keys() >= {
        *("waitListSize", "parallelismMax", "parallelismCount", "rateMax", "rateCount", "ratePeriod"),
        *("ratePeriodStart", "isPaused", "isPinnedParallelism", "isPinnedRate"),
    }
    assert (paused["isPaused"], paused["waitListSize"]) == (True, 2)
    limits = ("parallelismMax", "rateMax", "ratePeriod", "isPinnedParallelism", "isPinnedRate")
    assert [paused[name] for name in limits] == [2, 20, 1, False, False]
    assert [told["pinned"][name] for name in limits] == [7, 70, 30, True, True]
    assert [told["unpinned"][name] for name in limits] == [7, 70, 30, True, False]
    assert (told["resumed"]["isPaused"], told["resumed"]["rateCount"]) == (False, 3)
    assert told["reset"]["rateCount"] == 0
    assert told["global"].keys() == {"parallelismMax", "parallelismCount"}
    assert told["global"]["parallelismMax"] > 0
    assert told["refused"]["status"] == 400
    assert len(receiver.requests) == 3


def test_verify(run: Run, user: User, receiver: Receiver) -> None:
    """The client's verifier accepts what arrives, with rotated keys too, and refuses everything else."""
    run("publish.mjs")
    arrived = receiver.wait_for(11)
    requests = [
        {
            "signature": request.header("upstash-signature"),
            "body": request.body.decode(),
            "url": receiver.url(request.target),
        }
        for request in arrived
        if request.path != "/bytes"  # the verifier takes text alone
    ]
    keys = {"currentSigningKey": user.current_key, "nextSigningKey": user.next_key}

    told = run("receiver.mjs", RECEIVED=json.dumps({**keys, "requests": requests}))
    assert len(told) == 10
    for one in told:
        assert one == {
            **dict.fromkeys(("verified", "withoutUrl", "afterRotation"), True),
            **dict.fromkeys(("otherBody", "otherUrl", "otherKeys"), "SignatureError"),
        }


def test_the_development_mode(run: Run, product: Product, receiver: Receiver) -> None:
    """The client's own development mode takes this server for its local one: same token, same keys."""
    assert product.users[0] == DEVELOPER
    port = {"QSTASH_DEV_PORT": str(product.port)}
    answer = run("development.mjs", **port)

    (request,) = receiver.wait_for(1, "/development")
    assert request.header("upstash-message-id") == answer["messageId"]
    received = {
        "signature": request.header("upstash-signature"),
        "body": request.body.decode(),
        "url": receiver.url("/development"),
    }
    assert run("development.mjs", **port, RECEIVED=json.dumps(received)) is True


def test_a_burst(node: Node, tmp_path: Path) -> None:
    """Where the number of calls in a second is limited, the client says so with an error of its own."""
    with open_product(tmp_path, QSTASH_BURST_LIMIT="1") as limited, limited.watched():
        limited.start_api()
        told = node.run("burst.mjs", {"QSTASH_URL": limited.url, "QSTASH_TOKEN": DEVELOPER.token})

    assert (told["name"], told["status"]) == ("QstashRatelimitError", 429)


def test_what_is_not_served(run: Run) -> None:
    """Calls for hosted products are errors of the client's own kind, not crashes."""
    told = run("not_served.mjs")

    assert {name: (one["name"], one["status"]) for name, one in told.items()} == {
        "llm": ("QstashError", 400),
        **dict.fromkeys(("workflow", "create", "prompt"), ("QstashError", 404)),
    }
