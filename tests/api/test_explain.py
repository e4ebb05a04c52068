"""GET /v2/messages/{id}/explain, an extension: what a message waits for that is really held up."""

from typing import Any

import pytest

from qstash_rq.core import Core
from qstash_rq.delivery import Attempt
from qstash_rq.lanes import Lane
from qstash_rq.queues import delete_queue
from qstash_rq.store import keys
from qstash_rq.store.queue_scripts import close_queue
from qstash_rq.upkeep import beat_scheduler, promote_due, recover_lost
from qstash_rq.users import FIRST_USER
from tests.api.serving import Caller, claim, contents, deliver, error, kill, settle
from tests.clock import FakeClock
from tests.factories import NOW_MS

BROKEN = Attempt(status=500, headers=(("retry-after", "60"),))
Json = dict[str, Any]


@pytest.fixture(autouse=True)
def _fleet(core: Core) -> None:
    """A worker for every lane and a scheduler have just said that they live."""
    worker = keys.WORKER("w")
    core.store.command("SADD", keys.WORKERS("default"), worker)
    core.store.command("HSET", worker, "last_heartbeat", "2023-11-14T22:13:19.000000Z")
    core.store.command("EXPIRE", worker, 480)
    core.store.command("EXPIRE", keys.WORKERS("default"), 480)
    beat_scheduler(core, "s")


def explain(caller: Caller, message_id: str) -> Json:
    """Return the explanation of a message."""
    response = caller.get(f"/v2/messages/{message_id}/explain")
    assert response.status_code == 200, response.text
    return response.get_json()


def reasons(caller: Caller, message_id: str) -> list[Json]:
    """Return what a message waits for, without the sentences."""
    return [
        {name: value for name, value in reason.items() if name != "text"}
        for reason in explain(caller, message_id)["waitsFor"]
    ]


def test_explains_a_message_in_line(caller: Caller) -> None:
    """Who is next in line waits for a worker; every field is there that has a value."""
    message_id = caller.publish()

    explained = explain(caller, message_id)

    (reason,) = explained.pop("waitsFor")
    assert explained.pop("summary") == f"Not delivered yet: {reason['text']}."
    assert explained == {
        "messageId": message_id,
        "state": "ready",
        "time": NOW_MS,
        "createdAt": NOW_MS,
        "attempts": 0,
        "retried": 0,
        "maxRetries": 3,
        "recovered": 0,
    }
    assert (reason["kind"], reason["since"]) == ("worker", NOW_MS - 1_000)


def test_explains_a_delay(caller: Caller) -> None:
    """A delayed message waits for its time."""
    message_id = caller.publish(headers={"Upstash-Delay": "5s"})

    assert reasons(caller, message_id) == [{"kind": "time", "until": NOW_MS + 5_000}]


def test_explains_a_retry(caller: Caller, core: Core) -> None:
    """Between two attempts the error of the last one is shown, and when the next one is due."""
    message_id = caller.publish()
    deliver(core, BROKEN)

    assert reasons(caller, message_id) == [
        {
            "kind": "retry",
            "until": NOW_MS + 60_000,
            "attempt": 1,
            "limit": 3,
            "error": "500 Internal Server Error",
        }
    ]
    explained = explain(caller, message_id)
    assert (explained["attempts"], explained["retried"]) == (1, 1)
    assert explained["lastError"] == "500 Internal Server Error"


def test_explains_a_place_in_line(caller: Caller, core: Core) -> None:
    """How many come first is counted up to a thousand."""
    ids = [caller.publish() for _ in range(3)]
    assert reasons(caller, ids[2]) == [{"kind": "line", "before": 2}]

    line = keys.QUEUE(FIRST_USER)
    core.store.command("LPUSH", line, *[f"ghost-{number}" for number in range(1_000)])
    assert reasons(caller, ids[2]) == [{"kind": "line", "before": 1_000, "orMore": True}]
    core.store.command("LTRIM", line, 1_000, -1)
    core.store.command("LREM", line, 1, ids[0])
    assert reasons(caller, ids[0]) == [{"kind": "stockWorker"}]


def test_explains_a_paused_queue_and_who_paused_it(caller: Caller, clock: FakeClock) -> None:
    """A pause is named with its time and the address of the caller."""
    message_id = caller.enqueue("orders")
    clock.advance(7)
    caller.post("/v2/queues/orders/pause", environ={"REMOTE_ADDR": "192.0.2.7"})
    clock.advance(7)

    (reason,) = reasons(caller, message_id)

    assert reason == {
        "kind": "queuePaused",
        "queueName": "orders",
        "since": NOW_MS + 7,
        "callerIP": "192.0.2.7",
    }
    assert explain(caller, message_id)["queueName"] == "orders"


def test_explains_who_holds_the_slot(caller: Caller, core: Core) -> None:
    """In a FIFO queue a message waits for the one in flight, for its retry, and for those in between."""
    first, second, third = (caller.enqueue("orders") for _ in range(3))
    claims = claim(core)
    held: Json = {"kind": "queueParallelism", "queueName": "orders", "limit": 1, "count": 1}
    holder: Json = {"messageId": first, "since": NOW_MS, "worker": "w"}
    assert reasons(caller, second) == [held | {"holders": [holder | {"state": "active"}]}]

    settle(core, claims, BROKEN)
    waiting = holder | {"state": "due", "until": NOW_MS + 60_000}
    assert reasons(caller, third) == [
        held | {"holders": [waiting]},
        {"kind": "queueOrder", "queueName": "orders", "before": 2},
    ]


@pytest.mark.parametrize("outcome", [Attempt(status=200), Attempt(status=404)])
def test_names_the_callback_that_holds_the_slot(caller: Caller, core: Core, outcome: Attempt) -> None:
    """A message that is over but for its callbacks still holds its slot: the callbacks are named."""
    headers = {
        "Upstash-Retries": "0",
        "Upstash-Callback": "https://example.com/c",
        "Upstash-Failure-Callback": "https://example.com/f",
    }
    first = caller.enqueue("orders", headers=headers)
    second = caller.enqueue("orders")
    deliver(core, outcome)
    told = [word.decode() for word in core.store.command("LRANGE", keys.QUEUE(FIRST_USER), 0, -1)]
    assert told

    ((holder,),) = [reason["holders"] for reason in reasons(caller, second)]

    assert holder["messageId"] == first
    assert sorted(holder["callbacks"]) == sorted(told)
    assert told[0] in explain(caller, first)["summary"]
    deliver(core)
    assert [reason["kind"] for reason in reasons(caller, second)] != ["queueParallelism"]


def test_explains_a_callback_of_an_earlier_attempt(caller: Caller, core: Core, clock: FakeClock) -> None:
    """A callback of an attempt that was followed by others is found as well."""
    first = caller.enqueue("orders", headers={"Upstash-Callback": "https://example.com/c"})
    second = caller.enqueue("orders")
    deliver(core, BROKEN)
    (callback,) = claim(core)
    clock.advance(60_000)
    promote_due(core)
    (again,) = claim(core)
    assert again.message.message_id == first
    settle(core, [again], Attempt(status=200))

    ((holder,),) = [
        reason["holders"] for reason in reasons(caller, second) if reason["kind"] == "queueParallelism"
    ]

    assert callback.message.message_id in holder["callbacks"]
    assert len(holder["callbacks"]) == 2


def test_explains_the_gate_of_a_key(caller: Caller, core: Core, clock: FakeClock) -> None:
    """A key's parallelism, rate and pause are named, with who is in flight and when the window ends."""
    limits = "parallelism=1, rate=1, period=10"
    value = {"Upstash-Flow-Control-Key": "a/b", "Upstash-Flow-Control-Value": limits}
    first = caller.publish(headers=value)
    second = caller.publish(headers=value)
    claim(core)
    holder = {"messageId": first, "state": "active", "since": NOW_MS, "worker": "w"}

    full, window = reasons(caller, second)

    reached = {"flowControlKey": "a/b", "limit": 1, "count": 1}
    assert full == {"kind": "flowParallelism", **reached, "holders": [holder]}
    assert window == {"kind": "flowRate", **reached, "until": NOW_MS + 10_400}
    clock.advance(10_400)
    caller.post("/v2/flowControl/a%2Fb/pause", environ={"REMOTE_ADDR": "192.0.2.7"})
    caller.post("/v2/flowControl/a%2Fb/pin?parallelism=1")
    assert reasons(caller, second) == [
        {"kind": "flowPaused", "flowControlKey": "a/b", "since": NOW_MS + 10_400, "callerIP": "192.0.2.7"},
        {"kind": "flowParallelism", **reached, "pinned": True, "holders": [holder]},
    ]
    assert explain(caller, second)["flowControlKey"] == "a/b"
    caller.post("/v2/flowControl/a%2Fb/resume")
    caller.post("/v2/flowControl/a%2Fb/unpin?parallelism=true")


def test_explains_both_gates(caller: Caller, core: Core) -> None:
    """A message in a queue and under a key is told of both; turns at the key are counted."""
    value = {"Upstash-Flow-Control-Key": "k", "Upstash-Flow-Control-Value": "parallelism=1"}
    caller.enqueue("one", headers=value)
    claim(core)
    caller.enqueue("two", headers=value)
    third = caller.enqueue("three", headers=value)
    claim(core)
    caller.post("/v2/queues/three/pause")

    found = reasons(caller, third)

    assert [reason["kind"] for reason in found] == ["queuePaused", "flowParallelism", "flowTurn"]
    assert found[2] == {"kind": "flowTurn", "flowControlKey": "k", "before": 1}


def test_explains_a_delivery_and_a_silent_worker(caller: Caller, core: Core, clock: FakeClock) -> None:
    """A worker that renews its lease delivers; one that does not is silent, and another one takes over."""
    message_id = caller.publish()
    claim(core)
    lease = {"since": NOW_MS, "until": NOW_MS + 8_000, "worker": "w", "attempt": 1}
    assert reasons(caller, message_id) == [{"kind": "delivery", **lease}]

    clock.advance(5_000)
    assert reasons(caller, message_id) == [{"kind": "silentWorker", **lease}]
    clock.advance(3_001)
    recover_lost(core)
    explained = explain(caller, message_id)
    assert explained["recovered"] == 1
    assert explained["summary"].endswith("it came back from its worker without an outcome once.")


def test_explains_a_trial(caller: Caller, core: Core, clock: FakeClock) -> None:
    """Of two messages whose worker died twice one is tried, and the other one waits for its turn."""
    ids = {caller.publish() for _ in range(2)}
    for _ in range(2):
        claim(core)
        clock.advance(8_001)
        recover_lost(core)
    (tried,) = claim(core)
    (aside,) = ids - {tried.message.message_id}

    assert reasons(caller, aside)[0] == {"kind": "trial", "until": clock.now_ms() + 100, "count": 2}
    assert tried.message.message_id in explain(caller, aside)["summary"]


def test_explains_what_stops_everything(caller: Caller, core: Core, clock: FakeClock) -> None:
    """`rq suspend`, workers that serve other lanes, and schedulers that are gone are named."""
    ready, delayed = caller.publish(), caller.publish(headers={"Upstash-Delay": "1d"})
    core.store.command("SET", keys.SUSPENDED(), 1, "EX", 60)
    core.store.command("DEL", keys.WORKERS("default"))
    worker = keys.WORKER("other")
    core.store.command("SADD", keys.WORKERS(f"{FIRST_USER}:other"), worker)
    core.store.command("EXPIRE", keys.WORKERS(f"{FIRST_USER}:other"), 480)
    core.store.command("HSET", worker, "last_heartbeat", "2023-11-14T22:13:19.000000Z")
    core.store.command("EXPIRE", worker, 480)
    clock.advance(60_000)

    assert [reason["kind"] for reason in reasons(caller, ready)] == ["suspended", "noWorker"]
    assert reasons(caller, delayed)[1] == {"kind": "scheduler", "since": NOW_MS}
    other = caller.enqueue("other")
    assert [reason["kind"] for reason in reasons(caller, other)] == ["suspended"]


def test_explains_a_deleted_queue(caller: Caller, core: Core) -> None:
    """A message of a queue that is being deleted is about to be cancelled; then it says so."""
    message_id = caller.enqueue("orders")
    core.store.run(close_queue(lane=Lane(FIRST_USER, "orders")))
    assert reasons(caller, message_id) == [{"kind": "queueDeleted", "queueName": "orders"}]

    delete_queue(core, FIRST_USER, "orders")

    explained = explain(caller, message_id)
    assert (explained["state"], explained["waitsFor"], explained["endedAt"]) == ("canceled", [], NOW_MS)


def test_explains_how_a_message_ended(caller: Caller, core: Core, clock: FakeClock) -> None:
    """A message is explained as long as its record is kept, beyond the grace of GET, with its dead letter."""
    delivered = caller.publish()
    deliver(core)
    dlq_id = kill(caller, core)
    failed = caller.get(f"/v2/dlq/{dlq_id}").get_json()["messageId"]
    clock.advance(core.settings.grace_ms + 1)
    assert caller.get(f"/v2/messages/{delivered}").status_code == 404

    explained = explain(caller, delivered)
    assert (explained["state"], explained["waitsFor"], explained["endedAt"]) == ("delivered", [], NOW_MS)
    explained = explain(caller, failed)
    assert (explained["state"], explained["dlqId"]) == ("failed", dlq_id)
    assert explained["lastError"] == "404 Not Found"
    caller.delete(f"/v2/dlq/{dlq_id}")
    assert "dlqId" not in explain(caller, failed)


def test_explains_a_cancellation_in_flight(caller: Caller, core: Core) -> None:
    """A message that was cancelled in flight says so, though GET no longer shows it."""
    message_id = caller.publish()
    claims = claim(core)
    caller.delete(f"/v2/messages/{message_id}")
    explained = explain(caller, message_id)
    assert explained["cancelRequested"] is True
    assert [reason["kind"] for reason in explained["waitsFor"]] == ["delivery"]

    settle(core, claims, BROKEN)
    assert explain(caller, message_id)["state"] == "canceled"


def test_explains_to_the_owner_alone(caller: Caller, other: Caller, reader: Caller) -> None:
    """Who reads may ask; another user's message and an unknown one are not found alike."""
    message_id = caller.publish()

    assert reader.get(f"/v2/messages/{message_id}/explain").status_code == 200
    for response, asked in (
        (other.get(f"/v2/messages/{message_id}/explain"), message_id),
        (caller.get("/v2/messages/msg_unknown/explain"), "msg_unknown"),
    ):
        assert error(response, 404) == f"message {asked} not found"


def test_explaining_writes_nothing(caller: Caller, core: Core, redis_url: str) -> None:
    """Looking changes nothing in Redis, whatever state a message is in."""
    ids = [caller.enqueue("q") for _ in range(3)] + [caller.publish(headers={"Upstash-Delay": "5s"})]
    claim(core)
    before = contents(redis_url)

    for message_id in ids:
        explain(caller, message_id)

    assert contents(redis_url) == before
