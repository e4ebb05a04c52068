"""Redis goes away: publishers hear 503, everybody else waits, and nothing that was accepted is lost."""

from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from redis import Redis

from qstash_rq.settings import DEVELOPMENT_CURRENT_SIGNING_KEY
from tests.life.caller import Answer, Caller
from tests.receiver import Gate, Receiver, Reply
from tests.running import Product, RedisServer
from tests.waiting import wait_until

BACK_S = 5


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """Give a server that keeps what it has accepted on disk."""
    server = RedisServer(tmp_path / "redis", persistent=True)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def product(server: RedisServer, tmp_path: Path) -> Iterator[Product]:
    """Give one of each process on that server."""
    with Product(server.url, tmp_path) as product:
        product.start_all()
        with product.watched():
            yield product


def _publish(api: Caller, receiver: Receiver, path: str) -> Answer:
    return api.call("POST", f"/v2/publish/{receiver.url(path)}")


def _wait_until_back(api: Caller) -> None:
    wait_until(lambda: api.call("GET", "/health").status == 200, "the API is well again", BACK_S)


@pytest.mark.parametrize("ending", ["stop", "kill"])
def test_what_was_accepted_survives_an_outage(
    product: Product, api: Caller, server: RedisServer, receiver: Receiver, ending: str
) -> None:
    """Waiting, delayed and flying messages outlive the server that held them, each delivered once."""
    gate = Gate()
    receiver.script("/flying", Reply(gate=gate))
    flying = api.publish(receiver.url("/flying"))
    receiver.wait_for(1)
    api.upsert_queue("held", paused=True)
    waiting = [api.enqueue("held", receiver.url(f"/waiting/{number}")) for number in range(3)]
    delayed = api.publish(receiver.url("/delayed"), headers={"Upstash-Delay": "1s"})

    getattr(server, ending)()
    for answer in (_publish(api, receiver, "/refused"), api.call("GET", "/v2/queues")):
        assert answer.status == 503
        assert list(answer.json()) == ["error"]
    for path in ("/health", "/v2/readiness"):
        assert api.call("GET", path).status == 503
    gate.open()  # its outcome finds no Redis
    wait_until(lambda: "store.unavailable" in product.processes[0].output(), "the worker has noticed")

    server.start()
    _wait_until_back(api)
    assert api.call("POST", "/v2/queues/held/resume").status == 200
    for message_id in (flying, *waiting, delayed, api.publish(receiver.url("/after"))):
        assert api.wait_until_delivered(message_id) == ["CREATED", "ACTIVE", "DELIVERED"]
    paths = [request.path for request in receiver.requests]
    held = [path for path in paths if path.startswith("/waiting")]
    assert held == ["/waiting/0", "/waiting/1", "/waiting/2"]
    assert sorted({*paths} - {*held}) == ["/after", "/delayed", "/flying"]
    assert len(paths) == 6


REFUSALS = {
    "out-of-memory": (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
    "read-only": (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
}


@pytest.mark.parametrize(("begin", "end"), REFUSALS.values(), ids=REFUSALS)
def test_a_server_that_refuses_to_write_is_away(
    product: Product, api: Caller, receiver: Receiver, begin: tuple[str, ...], end: tuple[str, ...]
) -> None:
    """Out of memory or demoted to a replica: publishers hear 503, the rest waits and then goes on."""
    gate = Gate()
    receiver.script("/flying", Reply(gate=gate))
    flying = api.publish(receiver.url("/flying"))
    delayed = api.publish(receiver.url("/delayed"), headers={"Upstash-Delay": "0.3"})
    receiver.wait_for(1)
    with Redis.from_url(product.redis_url) as redis:
        redis.execute_command(*begin)
        assert _publish(api, receiver, "/refused").status == 503
        gate.open()
        redis.execute_command(*end)

    for message_id in (flying, delayed, api.publish(receiver.url("/after"))):
        assert api.wait_until_delivered(message_id) == ["CREATED", "ACTIVE", "DELIVERED"]
    assert sorted(request.path for request in receiver.requests) == ["/after", "/delayed", "/flying"]


def test_an_empty_server_is_a_new_beginning(product: Product, api: Caller, receiver: Receiver) -> None:
    """When Redis comes back with nothing in it, every process goes on without a restart."""
    api.wait_until_delivered(api.publish(receiver.url("/before")))
    with Redis.from_url(product.redis_url) as redis:
        redis.flushall()
        redis.script_flush()

    receiver.script("/flaky", Reply(status=500, headers=(("Retry-After", "0"),)), Reply())
    # The API remembers its callers for a second, and then finds them missing.
    wait_until(lambda: api.call("GET", "/v2/keys").status == 200, "the first user is there again", BACK_S)
    for path in ("/at-once", "/flaky"):
        api.wait_until_delivered(api.publish(receiver.url(path)))
    api.wait_until_delivered(api.publish(receiver.url("/later"), headers={"Upstash-Delay": "0.5"}))
    api.wait_until_delivered(api.enqueue("again", receiver.url("/queued")))


def test_a_server_restarted_empty_is_a_new_beginning(
    api: Caller, server: RedisServer, receiver: Receiver
) -> None:
    """The same with a real restart: connections broken, scripts and users gone."""
    api.wait_until_delivered(api.publish(receiver.url("/before")))
    server.kill()
    assert _publish(api, receiver, "/refused").status == 503
    server.forget()
    server.start()

    _wait_until_back(api)
    for path in ("/at-once", "/later"):
        delay = {"Upstash-Delay": "0.3"} if path == "/later" else {}
        api.wait_until_delivered(api.publish(receiver.url(path), headers=delay))
    assert [request.path for request in receiver.requests] == ["/before", "/at-once", "/later"]
    for request in receiver.requests:
        jwt.decode(
            request.header("upstash-signature") or "", DEVELOPMENT_CURRENT_SIGNING_KEY, algorithms=["HS256"]
        )
