"""Two users of one server: neither sees, touches or signs what is the other's."""

from collections.abc import Iterator

import jwt
import pytest

from tests.life.caller import Caller
from tests.receiver import Gate, Receiver, Reply
from tests.running import READ_ONLY_TOKEN, Product, User

ALICE, BOB = "alice", "bob"


@pytest.fixture(scope="module")
def users(running: Product) -> dict[str, User]:
    """Give two users, new on this server."""
    return {name: running.add_user(name) for name in (ALICE, BOB)}


@pytest.fixture
def alice(product: Product, users: dict[str, User]) -> Caller:
    """Give a caller who owns things."""
    return Caller(product.port, users[ALICE].token)


@pytest.fixture
def bob(product: Product, users: dict[str, User]) -> Iterator[Caller]:
    """Give a caller who must own nothing before the test and nothing after it."""
    caller = Caller(product.port, users[BOB].token)
    yield caller
    assert caller.get("/v2/queues") == []
    assert caller.get("/v2/events")["events"] == []
    assert caller.dead_letters() == []


def test_messages_are_their_publishers(alice: Caller, bob: Caller, receiver: Receiver) -> None:
    """Another user neither reads, logs nor cancels a message, by its id or all at once."""
    message_id = alice.publish(receiver.url("/"), headers={"Upstash-Delay": "1h", "Upstash-Label": "mine"})

    assert bob.call("GET", f"/v2/messages/{message_id}").status == 404
    assert bob.call("DELETE", f"/v2/messages/{message_id}").status == 404
    for query in ("", "?label=mine", f"?messageIds={message_id}"):
        assert bob.call("DELETE", f"/v2/messages{query}").json() == {"cancelled": 0}
    assert bob.states(message_id) == []
    assert alice.states(message_id) == ["CREATED"]
    assert alice.call("DELETE", "/v2/messages").json() == {"cancelled": 1}


def test_queues_are_their_owners(alice: Caller, bob: Caller, receiver: Receiver) -> None:
    """A queue's name means another queue to another user, or none."""
    alice.upsert_queue("shared-name", paused=True)
    message_id = alice.enqueue("shared-name", receiver.url("/"))

    for method, action in (("GET", ""), ("POST", "/pause"), ("POST", "/resume")):
        assert bob.call(method, f"/v2/queues/shared-name{action}").status == 404
    assert bob.call("DELETE", "/v2/queues/shared-name").status == 200
    queue = alice.get("/v2/queues/shared-name")
    assert (queue["paused"], queue["lag"]) == (True, 1)
    alice.call("POST", "/v2/queues/shared-name/resume")
    alice.wait_until_delivered(message_id)


def test_dead_letters_are_their_owners(alice: Caller, bob: Caller, receiver: Receiver) -> None:
    """Another user neither sees, revives nor deletes a dead letter."""
    receiver.script("/", Reply(status=500))
    message_id = alice.publish(receiver.url("/"), headers={"Upstash-Retries": "0"})
    alice.wait_for(message_id, "FAILED")
    dlq_id = alice.dead_letters(messageId=message_id)[0]["dlqId"]

    assert bob.call("GET", f"/v2/dlq/{dlq_id}").status == 404
    assert bob.call("POST", f"/v2/dlq/retry/{dlq_id}").status == 404
    assert bob.call("POST", f"/v2/dlq/retry?dlqIds={dlq_id}").status == 404
    assert bob.call("DELETE", f"/v2/dlq/{dlq_id}").status == 404
    assert bob.call("DELETE", f"/v2/dlq?dlqIds={dlq_id}").json() == {"deleted": 0}
    assert bob.call("DELETE", "/v2/dlq?count=100").json() == {"deleted": 0}
    assert [letter["dlqId"] for letter in alice.dead_letters()] == [dlq_id]


def test_each_user_signs_with_keys_of_their_own(
    alice: Caller, bob: Caller, users: dict[str, User], receiver: Receiver
) -> None:
    """Deliveries of two users in one batch carry two signatures."""
    keys = alice.get("/v2/keys")
    assert keys == {"current": users[ALICE].current_key, "next": users[ALICE].next_key}
    assert bob.get("/v2/keys")["current"] == users[BOB].current_key != keys["current"]

    alice.publish(receiver.url("/alice"))
    (request,) = receiver.wait_for(1)
    token = request.header("upstash-signature") or ""
    jwt.decode(token, users[ALICE].current_key, algorithms=["HS256"])
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, users[BOB].current_key, algorithms=["HS256"])


def test_one_users_flood_does_not_starve_another(api: Caller, alice: Caller, receiver: Receiver) -> None:
    """Users take turns: a message of one is delivered before the backlog of another is done."""
    gate = Gate()
    receiver.script("/flood", Reply(gate=gate))
    flood = [api.publish(receiver.url("/flood")) for _ in range(300)]
    receiver.wait_for(200, "/flood")
    single = alice.publish(receiver.url("/single"))
    gate.open()

    alice.wait_until_delivered(single)
    for message_id in flood:
        api.wait_until_delivered(message_id)
    order = [request.path for request in receiver.requests]
    assert order.index("/single") < 290


def test_a_token_is_needed(product: Product) -> None:
    """Without a token, or with one of nobody, the answer is 401 and says nothing else."""
    for token in (None, "wrong", ""):
        answer = Caller(product.port, token).call("GET", "/v2/queues")
        assert answer.status == 401
        assert answer.json() == {"error": "unauthorized: invalid token"}


def test_a_read_only_token_reads(product: Product, api: Caller, receiver: Receiver) -> None:
    """It sees everything but the keys, and can neither publish, change nor delete anything."""
    reader = Caller(product.port, READ_ONLY_TOKEN)
    message_id = api.publish(receiver.url("/"), headers={"Upstash-Delay": "1h"})
    api.upsert_queue("looked-at")

    assert reader.get(f"/v2/messages/{message_id}")["messageId"] == message_id
    assert reader.states(message_id) == ["CREATED"]
    assert reader.get("/v2/queues/looked-at")["paused"] is False
    for method, target in (
        ("POST", f"/v2/publish/{receiver.url('/')}"),
        ("POST", f"/v2/enqueue/looked-at/{receiver.url('/')}"),
        ("POST", "/v2/queues/looked-at/pause"),
        ("DELETE", f"/v2/messages/{message_id}"),
        ("DELETE", "/v2/messages"),
        ("DELETE", "/v2/queues/looked-at"),
        ("POST", "/v2/dlq/retry"),
        ("POST", "/v2/keys/rotate"),
        ("GET", "/v2/keys"),
    ):
        assert reader.call(method, target).status == 403, target
    assert api.get("/v2/queues/looked-at")["paused"] is False
    assert api.states(message_id) == ["CREATED"]
