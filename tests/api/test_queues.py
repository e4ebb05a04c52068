"""/v2/queues (contract 2.3)."""

from dataclasses import replace

import pytest

from api.app import create_app
from qstash_rq.core import Core
from qstash_rq.settings import Settings
from tests.api.conftest import OpenCore
from tests.api.serving import Caller, deliver, error
from tests.clock import FakeClock


def test_shows_every_field(caller: Caller, clock: FakeClock) -> None:
    """A queue object has all its fields, also zero and false."""
    response = caller.post("/v2/queues", json={"queueName": "orders"})

    assert response.status_code == 200
    assert caller.get("/v2/queues/orders").get_json() == {
        "name": "orders",
        "parallelism": 1,
        "createdAt": clock.now_ms(),
        "updatedAt": clock.now_ms(),
        "lag": 0,
        "paused": False,
    }


def test_updates(caller: Caller, clock: FakeClock) -> None:
    """An upsert changes an existing queue and keeps the time of its creation; the SDKs send all fields."""
    created_ms = clock.now_ms()
    caller.post("/v2/queues", json={"queueName": "orders", "parallelism": 2, "paused": False})
    updated_ms = clock.advance(1_000)

    caller.post("/v2/queues", json={"queueName": "orders", "parallelism": 7, "paused": True})

    queue = caller.get("/v2/queues/orders").get_json()
    assert (queue["parallelism"], queue["paused"]) == (7, True)
    assert (queue["createdAt"], queue["updatedAt"]) == (created_ms, updated_ms)


def test_keeps_the_pause_that_is_not_mentioned(caller: Caller) -> None:
    """Without `paused`, or with null, an upsert keeps what is."""
    caller.post("/v2/queues", json={"queueName": "q", "paused": True})

    caller.post("/v2/queues", json={"queueName": "q", "parallelism": 3})
    caller.post("/v2/queues", json={"queueName": "q", "parallelism": None, "paused": None})

    queue = caller.get("/v2/queues/q").get_json()
    assert (queue["parallelism"], queue["paused"]) == (1, True)


def test_lists(caller: Caller, other: Caller) -> None:
    """The list holds the user's own queues and nothing else."""
    assert caller.get("/v2/queues/").get_json() == []
    caller.post("/v2/queues", json={"queueName": "b"})
    caller.enqueue("a")

    assert [queue["name"] for queue in caller.get("/v2/queues").get_json()] == ["a", "b"]
    assert other.get("/v2/queues").get_json() == []
    error(other.get("/v2/queues/a"), 404)


def test_counts_what_is_not_terminal(caller: Caller, core: Core) -> None:
    """`lag` counts messages until they are terminal."""
    caller.enqueue("q")
    caller.enqueue("q")
    assert caller.get("/v2/queues/q").get_json()["lag"] == 2

    deliver(core)

    assert caller.get("/v2/queues/q").get_json()["lag"] == 1


def test_pauses_and_resumes(caller: Caller, core: Core) -> None:
    """Pause and resume are idempotent, show at once and stop and start deliveries."""
    message_id = caller.enqueue("q")
    for action, paused, states in [
        ("pause", True, ["CREATED"]),
        ("Pause/", True, ["CREATED"]),
        ("resume", False, ["DELIVERED", "ACTIVE", "CREATED"]),
        ("RESUME", False, ["DELIVERED", "ACTIVE", "CREATED"]),
    ]:
        assert caller.post(f"/v2/queues/q/{action}").status_code == 200
        assert caller.get("/v2/queues/q").get_json()["paused"] is paused
        deliver(core)
        events = caller.get(f"/v2/events?messageId={message_id}").get_json()["events"]
        assert [event["state"] for event in events] == states


def test_deletes(caller: Caller) -> None:
    """A deleted queue is gone at once with its waiting messages, and deleting it again succeeds."""
    message_id = caller.enqueue("q")

    assert caller.delete("/v2/queues/q").status_code == 200
    assert caller.delete("/v2/queues/q").status_code == 200

    error(caller.get("/v2/queues/q"), 404)
    assert caller.get("/v2/queues").get_json() == []
    error(caller.get(f"/v2/messages/{message_id}"), 404)


def test_names_keep_their_case_and_are_decoded_once(caller: Caller) -> None:
    """A name is case-sensitive and percent-decoded exactly once, also one that looks like a word of ours."""
    caller.post("/v2/queues", json={"queueName": "Pause"})

    assert caller.get("/v2/queues/Pause").get_json()["name"] == "Pause"
    assert caller.get("/v2/queues/%50ause").get_json()["name"] == "Pause"
    error(caller.get("/v2/queues/pause"), 404)
    error(caller.get("/v2/queues/%2550ause"), 400)


@pytest.mark.parametrize("action", ["pause", "resume"])
def test_unknown_queues_cannot_be_paused(caller: Caller, action: str) -> None:
    """Pausing or resuming an unknown queue is a 404 and creates nothing."""
    assert error(caller.post(f"/v2/queues/nope/{action}"), 404) == "queue nope not found"
    assert caller.get("/v2/queues").get_json() == []


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "queueName"),
        ({"queueName": None}, 400, "queueName"),
        ({"queueName": 7}, 400, "queueName"),
        ({"queueName": ""}, 400, "queueName"),
        ({"queueName": "a b"}, 400, "queueName"),
        ({"queueName": "a/b"}, 400, "queueName"),
        ({"queueName": "é"}, 400, "queueName"),
        ({"queueName": "\ud800"}, 400, "queueName"),
        ({"queueName": "q\n"}, 400, "queueName"),
        ({"queueName": "q" * 257}, 400, "queueName"),
        ({"queueName": "q", "parallelism": 0}, 400, "parallelism"),
        ({"queueName": "q", "parallelism": -1}, 400, "parallelism"),
        ({"queueName": "q", "parallelism": 1.5}, 400, "parallelism"),
        ({"queueName": "q", "parallelism": "1"}, 400, "parallelism"),
        ({"queueName": "q", "parallelism": True}, 400, "parallelism"),
        ({"queueName": "q", "parallelism": 101}, 412, "parallelism"),
        ({"queueName": "q", "paused": "true"}, 400, "paused"),
        ({"queueName": "q", "paused": 1}, 400, "paused"),
    ],
)
def test_refuses_bad_settings(caller: Caller, body: dict[str, object], status: int, field: str) -> None:
    """A bad upsert is refused, naming the field, and creates nothing."""
    assert error(caller.post("/v2/queues", json=body), status).startswith(f"{field}: ")
    assert caller.get("/v2/queues").get_json() == []


def test_a_full_house_still_takes_updates(core_with: OpenCore, settings: Settings) -> None:
    """At the limit a new queue is a 412, by upsert or enqueue; changing one that exists works."""
    caller = Caller(create_app(core_with(replace(settings, max_queues=1))).test_client())
    caller.post("/v2/queues", json={"queueName": "q"})

    assert error(caller.post("/v2/queues", json={"queueName": "r"}), 412).startswith("queueName: ")
    assert error(caller.post("/v2/enqueue/r/https://example.com"), 412).startswith("queueName: ")
    assert caller.post("/v2/queues", json={"queueName": "q", "parallelism": 5}).status_code == 200
