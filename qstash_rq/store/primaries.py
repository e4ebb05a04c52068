"""Connections that ask where the primary is whenever they are made: Sentinels, or the nodes of a Cluster.

redis-py's own pools for Sentinel do the first; given another finder they do the second. All of a
deployment's keys are in one slot of a Cluster, so the node that holds it serves like any one server.
"""

from collections.abc import Awaitable, Sequence
from typing import Any, cast

from redis import Redis
from redis import asyncio as redis_asyncio
from redis.asyncio import sentinel as async_sentinel
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MovedError, RedisError
from redis.sentinel import SentinelManagedConnection, SentinelManagedSSLConnection

from qstash_rq.store.redis_url import Address

_MOVED = "the slot is another node's by now"
_NOBODY = "no node of the cluster knows who holds our slot"


class OwnerConnection(SentinelManagedConnection):
    """A connection to the owner of a slot: told that the slot has moved, it is made anew."""

    def read_response(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - redis-py's own
        """Read one answer."""
        try:
            return cast("Any", super()).read_response(*args, **options)
        except MovedError as error:
            cast("Any", self).disconnect()
            raise RedisConnectionError(_MOVED) from error


class OwnerSSLConnection(OwnerConnection, SentinelManagedSSLConnection):
    """The same over TLS."""


class AsyncOwnerConnection(async_sentinel.SentinelManagedConnection):
    """The same for asyncio."""

    async def read_response(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - redis-py's own
        """Read one answer."""
        try:
            return await cast("Any", super()).read_response(*args, **options)
        except MovedError as error:
            await cast("Any", self).disconnect()
            raise RedisConnectionError(_MOVED) from error


class AsyncOwnerSSLConnection(AsyncOwnerConnection, async_sentinel.SentinelManagedSSLConnection):
    """The same over TLS."""


class SlotMap:
    """Which nodes to ask, the one that answered last before the others, and what their answer means."""

    def __init__(self, nodes: Sequence[Address]) -> None:
        self.nodes = list(nodes)

    def owner(self, asked: Address, slots: Sequence[Any], key: str) -> Address | None:
        """Return the address of the node that holds the slot of `key`, and remember all nodes."""
        slot = key_slot(key.encode())
        self.nodes = list(dict.fromkeys([asked, *_nodes(asked, slots), *self.nodes]))
        for first, last, primary, *_ in slots:
            if first <= slot <= last:
                return _node(asked, primary)
        return None


class SlotFinder:
    """Finds the owner of a key's slot; stands where redis-py wants a Sentinel."""

    def __init__(self, nodes: Sequence[Address], options: dict[str, Any]) -> None:
        self._map = SlotMap(nodes)
        self._options = options

    def discover_master(self, key: str) -> Address:
        """Return the address of the node that holds `key`; raises redis-py's ConnectionError."""
        for node in tuple(self._map.nodes):
            try:
                with cast("Any", Redis)(host=node[0], port=node[1], **self._options) as client:
                    found = self._map.owner(node, client.execute_command("CLUSTER SLOTS"), key)
            except RedisError:
                continue
            if found:
                return found
        raise RedisConnectionError(_NOBODY)


class AsyncSlotFinder:
    """The same for asyncio."""

    def __init__(self, nodes: Sequence[Address], options: dict[str, Any]) -> None:
        self._map = SlotMap(nodes)
        self._options = options

    async def discover_master(self, key: str) -> Address:
        """Return the address of the node that holds `key`; raises redis-py's ConnectionError."""
        for node in tuple(self._map.nodes):
            try:
                async with cast("Any", redis_asyncio.Redis)(
                    host=node[0], port=node[1], **self._options
                ) as client:
                    answer: Awaitable[Any] = client.execute_command("CLUSTER SLOTS")
                    found = self._map.owner(node, await answer, key)
            except RedisError:
                continue
            if found:
                return found
        raise RedisConnectionError(_NOBODY)


def _nodes(asked: Address, slots: Sequence[Any]) -> list[Address]:
    return [_node(asked, node) for _, _, *nodes in slots for node in nodes]


def _node(asked: Address, node: Sequence[Any]) -> Address:
    # A node that does not know its own address gives none: it is the one that was asked.
    host = node[0].decode() if isinstance(node[0], bytes) else node[0]
    return host or asked[0], int(node[1])
