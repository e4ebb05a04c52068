"""Commands of the asyncio client, written in C: the same bytes as redis-py's own."""

from typing import Any, cast

import pytest
from redis.asyncio.connection import Connection, SSLConnection

from qstash_rq.store.connection import open_async_client
from qstash_rq.store.packing import pack_in_c

COMMANDS = [
    ("PING",),
    ("CONFIG GET", "appendonly"),
    ("EVALSHA", "0" * 40, 1, "rq:qstash:leases", "worker", 1_760_000_000_000, "", b"", b"\x00\r\n\xff"),
    ("SET", "žluťoučký", "ÿ" * 10_000),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("kind", [Connection, SSLConnection])
def test_the_bytes_are_the_same(kind: type[Any], command: tuple[Any, ...]) -> None:
    """Text, bytes of every kind, numbers, large words, and commands of two words."""
    expected = b"".join(kind().pack_command(*command))

    assert expected == b"".join(pack_in_c(kind)().pack_command(*command))


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1", "rediss://127.0.0.1:1", "unix:///nowhere.sock"])
def test_every_asyncio_client_packs_in_c(url: str) -> None:
    """Over TCP, TLS and sockets; the kind of connection stays what it was."""
    pool: Any = cast("Any", open_async_client(url)).connection_pool

    kinds = pool.connection_class.__mro__

    assert kinds[0].__name__ == "PacksInC"
    assert kinds[1].__module__ == "redis.asyncio.connection"
