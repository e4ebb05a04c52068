"""Commands of the clients, written in C: the same bytes as redis-py's own."""

from typing import Any, cast

import pytest
from redis.asyncio.connection import Connection, SSLConnection
from redis.connection import PythonRespSerializer

from qstash_rq.store.connection import open_async_client, open_client
from qstash_rq.store.packing import CommandPacker, pack_in_c

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


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_the_bytes_of_synchronous_clients_are_the_same(command: tuple[Any, ...]) -> None:
    """What redis-py writes without hiredis is what it would write."""
    in_python: Any = PythonRespSerializer(
        6_000, lambda word: str(word).encode() if not isinstance(word, bytes) else word
    )

    assert b"".join(in_python.pack(*command)) == b"".join(CommandPacker().pack(*command))


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1", "rediss://127.0.0.1:1", "unix:///nowhere.sock"])
def test_every_synchronous_client_packs_in_c(url: str) -> None:
    """Over TCP, TLS and sockets."""
    pool: Any = cast("Any", open_client(url)).connection_pool

    assert isinstance(pool.make_connection()._command_packer, CommandPacker)  # noqa: SLF001 - there is no other way to see it


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1", "rediss://127.0.0.1:1", "unix:///nowhere.sock"])
def test_every_asyncio_client_packs_in_c(url: str) -> None:
    """Over TCP, TLS and sockets; the kind of connection stays what it was."""
    pool: Any = cast("Any", open_async_client(url)).connection_pool

    kinds = pool.connection_class.__mro__

    assert kinds[0].__name__ == "PacksInC"
    assert kinds[1].__module__ == "redis.asyncio.connection"
