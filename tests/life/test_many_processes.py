"""Several of each process at once, and processes that are killed, stopped and started again."""

from collections import Counter
from pathlib import Path

from tests.life.caller import Caller
from tests.receiver import Receiver, Reply, Request
from tests.running import Product, RedisServer

DELAYED = 60


def _arrivals(requests: tuple[Request, ...]) -> Counter[str]:
    return Counter(request.header("upstash-message-id") or "" for request in requests)


def test_two_of_each_deliver_each_message_once(own: Product, receiver: Receiver) -> None:
    """Two workers and two schedulers share the work: at once, delayed, retried and queued, each once."""
    receiver.script("/flaky", *[Reply(status=500)] * 20, Reply())
    own.start_api()
    for _ in range(2):
        own.start_worker()
        own.start_scheduler()
    api = Caller(own.port)
    api.upsert_queue("shared", parallelism=1)
    headers = {"Upstash-Retry-Delay": "20"}
    ids = [api.publish(receiver.url("/plain")) for _ in range(100)]
    ids += [api.publish(receiver.url("/delayed"), headers={"Upstash-Delay": "0.5"}) for _ in range(100)]
    flaky = [api.publish(receiver.url("/flaky"), headers=headers) for _ in range(20)]
    queued = [api.enqueue("shared", receiver.url("/line"), b"%d" % number) for number in range(50)]

    for message_id in (*ids, *queued):
        assert api.wait_until_delivered(message_id) == ["CREATED", "ACTIVE", "DELIVERED"]
    for message_id in flaky:
        api.wait_until_delivered(message_id)
    once = tuple(request for request in receiver.requests if request.path != "/flaky")
    assert _arrivals(once) == Counter([*ids, *queued])
    assert len(receiver.requests_to("/flaky")) == 40
    assert [int(request.body) for request in receiver.requests_to("/line")] == list(range(50))


def test_schedulers_may_die_between_two_messages(own: Product, receiver: Receiver) -> None:
    """Messages due while schedulers are killed and started again come once each, none is forgotten."""
    own.start_api()
    own.start_worker()
    first = own.start_scheduler()
    api = Caller(own.port)
    ids = [
        api.publish(receiver.url("/"), headers={"Upstash-Delay": f"{0.3 + number / 40}"})
        for number in range(DELAYED)
    ]
    receiver.wait_for(5)
    first.kill()
    second = own.start_scheduler()
    receiver.wait_for(25)
    second.kill()
    own.start_scheduler()
    own.start_scheduler()

    for message_id in ids:
        assert api.wait_until_delivered(message_id) == ["CREATED", "ACTIVE", "DELIVERED"]
    assert _arrivals(receiver.requests) == Counter(ids)


def test_everything_may_be_restarted(tmp_path: Path, receiver: Receiver) -> None:
    """Delayed, waiting and dead messages outlive a stop of all processes, Redis included."""
    receiver.script("/dead", Reply(status=500), Reply())
    server = RedisServer(tmp_path, persistent=True)
    server.start()
    with Product(server.url, tmp_path / "before") as before, before.watched():
        before.start_all()
        api = Caller(before.port)
        api.upsert_queue("kept", parallelism=2, paused=True)
        waiting = api.enqueue("kept", receiver.url("/waiting"))
        dead = api.publish(receiver.url("/dead"), headers={"Upstash-Retries": "0"})
        api.wait_for(dead, "FAILED")
        delayed = api.publish(receiver.url("/delayed"), headers={"Upstash-Delay": "2s"})
    server.stop()

    server.start()
    with Product(server.url, tmp_path / "after") as after, after.watched():
        after.start_all()
        api = Caller(after.port)
        assert api.wait_until_delivered(delayed) == ["CREATED", "ACTIVE", "DELIVERED"]
        queue = api.get("/v2/queues/kept")
        assert (queue["parallelism"], queue["paused"], queue["lag"]) == (2, True, 1)
        api.call("POST", "/v2/queues/kept/resume")
        api.wait_until_delivered(waiting)
        (letter,) = api.dead_letters()
        assert letter["messageId"] == dead
        api.wait_until_delivered(api.call("POST", f"/v2/dlq/retry/{letter['dlqId']}").json()["messageId"])
    server.stop()
    assert [request.path for request in receiver.requests] == ["/dead", "/delayed", "/waiting", "/dead"]


def test_two_deployments_share_a_server(tmp_path: Path, own: Product, receiver: Receiver) -> None:
    """With prefixes of their own two deployments on one Redis know nothing of each other."""
    own.start_all()
    with Product(own.redis_url, tmp_path / "other", RQ_KEY_PREFIX="other") as other, other.watched():
        other.start_all()
        here, there = Caller(own.port), Caller(other.port)
        message_id = here.publish(receiver.url("/here"))
        here.wait_until_delivered(message_id)
        there.wait_until_delivered(there.publish(receiver.url("/there"), headers={"Upstash-Delay": "0.2"}))

        assert there.call("GET", f"/v2/messages/{message_id}").status == 404
        assert len(there.get("/v2/events")["events"]) == 3
        assert "other" not in own.rq("info")
    assert len(receiver.requests) == 2
