"""Clients that ask where the primary is: through a Sentinel, and in a Cluster of one node."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from qstash_rq.core import Core, open_core
from qstash_rq.errors import StoreUnavailable
from qstash_rq.settings import Settings
from qstash_rq.starting import redis_url_of
from qstash_rq.store import keys
from qstash_rq.store.connection import open_async_client, open_client
from qstash_rq.store.executor import AsyncExecutor
from qstash_rq.store.primaries import SlotMap
from qstash_rq.store.rq_connection import RqConnection
from qstash_rq.storing import store_messages
from tests import seed
from tests.factories import make_message
from tests.replicated import MASTER, SLOTS, Node
from tests.waiting import wait_until


@contextmanager
def watched_by_a_sentinel(directory: Path) -> Iterator[str]:
    """Run a server and a Sentinel; give the URL."""
    with closing(Node(directory, "server")) as server:
        config = f"sentinel monitor {MASTER} 127.0.0.1 {server.port} 1"
        with closing(Node(directory, "sentinel", "--sentinel", config=config)) as sentinel:
            # The first of them is not there.
            yield f"redis+sentinel://127.0.0.1:1,127.0.0.1:{sentinel.port}/{MASTER}/0"


@contextmanager
def in_a_cluster(directory: Path) -> Iterator[str]:
    """Run a Cluster of one node; give the URL."""
    with closing(Node(directory, "node", config="cluster-enabled yes")) as node:
        node.redis.execute_command("CLUSTER ADDSLOTSRANGE", 0, SLOTS - 1)

        def is_well() -> bool:
            info: Any = node.redis.execute_command("CLUSTER INFO")
            return info["cluster_state"] == "ok"

        wait_until(is_well, "the node is well")
        yield f"redis+cluster://127.0.0.1:1,127.0.0.1:{node.port}"


@pytest.fixture(params=[watched_by_a_sentinel, in_a_cluster])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of one deployment and then of the other."""
    run: Callable[[Path], Any] = request.param
    with run(tmp_path) as url:
        yield url


def _message_is_stored(core: Core) -> None:
    message = make_message()
    store_messages(core, [message])
    assert seed.state(core, message.message_id) == "ready"


def _finders(client: Any) -> list[Any]:
    """Return the connections to Sentinels that a client keeps until its process ends."""
    return getattr(client.connection_pool.sentinel_manager, "sentinels", [])


def _close(client: Any) -> None:
    for finder in _finders(client):
        finder.close()
    client.close()


def test_every_kind_of_client_finds_the_primary(url: str) -> None:
    """Scripts, pipelines, asyncio and RQ's command line: all reach it, past a host that is not there."""
    core = open_core(Settings(redis_url=url))
    _message_is_stored(core)
    assert core.store.commands([("SET", keys.ALARM(), "1"), ("GET", keys.ALARM())])[1] == b"1"

    async def ask() -> object:
        store = AsyncExecutor(open_async_client(url))
        answer = await store.command("GET", keys.ALARM())
        for finder in _finders(store.client):
            await finder.aclose()
        await store.aclose()
        return answer

    assert asyncio.run(ask()) == b"1"
    with RqConnection.from_url(url) as client:
        assert client.get(keys.ALARM()) == b"1"
        assert redis_url_of(client, "redis://elsewhere") == url
        _close(client)
    _close(core.store.client)


def test_a_publish_waits_for_replicas_that_are_wanted(core: Core, settings: Settings) -> None:
    """Without the replicas it asks for a message is stored, and the publisher is not told that it is safe."""
    careful = Core(replace(settings, wait_replicas=1), core.clock, core.store, core.schemes)
    message = make_message()

    with pytest.raises(StoreUnavailable, match="0 of 1 replicas"):
        store_messages(careful, [message])

    assert seed.state(core, message.message_id) == "ready"


def test_nobody_who_knows_is_an_outage() -> None:
    """While no Sentinel and no node answers, Redis is away."""
    for url in ("redis+sentinel://127.0.0.1:1/main", "redis+cluster://127.0.0.1:1"):
        with pytest.raises(RedisConnectionError):
            open_client(url).execute_command("PING")
        with pytest.raises(StoreUnavailable):
            open_core(Settings(redis_url=url)).store.command("PING")


def test_an_ordinary_url_is_an_ordinary_client_of_rq(redis_url: str) -> None:
    """The class for RQ's command line does no harm where one server is named."""
    with RqConnection.from_url(redis_url) as client:
        assert client.ping()
        assert redis_url_of(client, "redis://elsewhere") == redis_url
        assert isinstance(client, Redis)


def test_a_slot_map_remembers_every_node() -> None:
    """The owner of a key's slot is found, and all nodes are asked from then on, who answered last first."""
    slots = [
        [0, 8000, [b"", 7000, b"id", {}], [b"b", 7001, b"id", {}]],
        [8001, SLOTS - 1, [b"c", 7002, b"id", {}]],
    ]
    found = SlotMap([("seed", 1), ("a", 7000)])

    # The slots of these keys: 12182 and 5061.
    assert found.owner(("a", 7000), slots, "foo") == ("c", 7002)
    assert found.owner(("a", 7000), slots, "bar") == ("a", 7000)
    assert found.nodes == [("a", 7000), ("b", 7001), ("c", 7002), ("seed", 1)]
    assert found.owner(("a", 7000), slots[:1], "foo") is None
