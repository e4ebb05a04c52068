"""Open clients: one place for time-outs, protocol and what is refused at start."""

import logging
import re
from typing import Any, cast
from urllib.parse import quote

import redis.connection
from redis import Redis, SSLConnection
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio import sentinel as async_sentinel
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry
from redis.sentinel import (
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)

from qstash_rq.errors import SettingsError
from qstash_rq.store import keys
from qstash_rq.store.executor import AsyncRedisClient, Executor, RedisClient
from qstash_rq.store.packing import CommandPacker, pack_in_c
from qstash_rq.store.primaries import (
    AsyncOwnerConnection,
    AsyncOwnerSSLConnection,
    AsyncSlotFinder,
    OwnerConnection,
    OwnerSSLConnection,
    SlotFinder,
)
from qstash_rq.store.redis_url import RedisUrl, Route, read_redis_url

_log = logging.getLogger("qstash_rq.store")

CONNECT_TIMEOUT_S = 2.0
# With the wait below it is how long a call is left without an answer when the connection or the server
# is frozen: what it did is unknown then, and the next one begins on a connection of its own.
ANSWER_TIMEOUT_S = 2.0
# A worker blocks on the ring for up to this long; its socket must outwait it.
BLOCK_S = 2.0
CALL_TIMEOUT_S = ANSWER_TIMEOUT_S + BLOCK_S

_OPTIONS: dict[str, Any] = {
    "protocol": 2,
    "socket_timeout": CALL_TIMEOUT_S,
    "socket_connect_timeout": CONNECT_TIMEOUT_S,
}


# Sentinels and nodes that are only asked where the primary is: the next one may know it.
FINDER_TIMEOUT_S = 0.5


def open_client(url: str) -> RedisClient:
    """Return a client for `url`; it connects when first used and never sends a command twice.

    Raises SettingsError for a Sentinel or Cluster URL that says too little.
    """
    client = _client(url)
    client.connection_pool.connection_kwargs["command_packer"] = CommandPacker()
    return client


def _client(url: str) -> Any:  # noqa: ANN401 - whose own types say little
    place = read_redis_url(url)
    options = _OPTIONS | {"retry": Retry(NoBackoff(), 0)}
    if place.route is Route.SERVER:
        return cast("Any", Redis).from_url(url, **options)
    if place.route is Route.SENTINEL:
        finder = cast("Any", Sentinel)(place.hosts, sentinel_kwargs=_finder_options(place, options))
        kind = SentinelManagedSSLConnection if place.tls else SentinelManagedConnection
    else:
        finder = SlotFinder(place.hosts, _finder_options(place, options))
        kind = OwnerSSLConnection if place.tls else OwnerConnection
    pool = cast("Any", SentinelConnectionPool)(
        _wanted(place), finder, connection_class=kind, **place.options, **options
    )
    return cast("Any", Redis).from_pool(pool)


def open_async_client(url: str) -> AsyncRedisClient:
    """Return an asyncio client for `url` with the same rules."""
    client = _async_client(url)
    pool = client.connection_pool
    pool.connection_class = pack_in_c(pool.connection_class)
    return client


def _async_client(url: str) -> Any:  # noqa: ANN401 - whose own types say little
    place = read_redis_url(url)
    options = _OPTIONS | {"retry": AsyncRetry(NoBackoff(), 0)}
    if place.route is Route.SERVER:
        return cast("Any", AsyncRedis).from_url(url, **options)
    if place.route is Route.SENTINEL:
        finder = cast("Any", async_sentinel.Sentinel)(
            place.hosts, sentinel_kwargs=_finder_options(place, options)
        )
        plain, tls = async_sentinel.SentinelManagedConnection, async_sentinel.SentinelManagedSSLConnection
    else:
        finder = AsyncSlotFinder(place.hosts, _finder_options(place, options))
        plain, tls = AsyncOwnerConnection, AsyncOwnerSSLConnection
    kind = tls if place.tls else plain
    pool = cast("Any", async_sentinel.SentinelConnectionPool)(
        _wanted(place), finder, connection_class=kind, **place.options, **options
    )
    return cast("Any", AsyncRedis).from_pool(pool)


def _wanted(place: RedisUrl) -> str:
    """Return what to ask for: the name of the master, or a key whose slot is every key's."""
    if place.route is Route.SENTINEL:
        return place.service
    if not re.search(r"\{[^}]+\}", keys.RING()):
        msg = (
            "RQ_KEY_PREFIX: a Cluster needs a hash tag in it, such as {qstash}: all keys must be in one slot"
        )
        raise SettingsError(msg)
    return keys.RING()


def _finder_options(place: RedisUrl, options: dict[str, Any]) -> dict[str, Any]:
    who = place.options if place.route is Route.CLUSTER else place.sentinel_options
    tls = {name: value for name, value in place.options.items() if name.startswith("ssl_")}
    return {
        **options,
        **who,
        **(tls | {"ssl": True} if place.tls else {}),
        "socket_timeout": FINDER_TIMEOUT_S,
        "socket_connect_timeout": FINDER_TIMEOUT_S,
    }


def url_of(client: object, fallback: str) -> str:
    """Return a URL for the server an RQ command line connected to, so that its `-u` wins.

    Returns `fallback` when that is the same server (it may say more, such as TLS files)
    and where the client was built from something no URL can say.
    """
    pool = cast("Any", client).connection_pool
    if isinstance(pool, SentinelConnectionPool):
        # One of ours remembers what it was made from; RQ's own, made from its settings file, cannot be said.
        return getattr(pool, "url", fallback)
    options: dict[str, Any] = pool.connection_kwargs
    if options.keys().isdisjoint(("host", "path")) or _leads_to(fallback, _place(options)):
        return fallback
    path, host, port, db = _place(options)
    username, password = (quote(options.get(name) or "", safe="") for name in ("username", "password"))
    credentials = f"{username}:{password}@" if username or password else ""
    if path:
        return f"unix://{credentials}{path}?db={db}"
    scheme = "rediss" if issubclass(pool.connection_class, SSLConnection) else "redis"
    return f"{scheme}://{credentials}{f'[{host}]' if ':' in host else host}:{port}/{db}"


def _leads_to(url: str, place: tuple[str, str, int, int]) -> bool:
    if read_redis_url(url).route is not Route.SERVER:
        return False
    return place == _place(cast("Any", redis.connection).parse_url(url))


def _place(options: dict[str, Any]) -> tuple[str, str, int, int]:
    return (
        options.get("path") or "",
        options.get("host") or "localhost",
        options.get("port") or 6379,
        options.get("db") or 0,
    )


def check_server(store: Executor) -> None:
    """Refuse a server that may evict keys; warn about one that keeps nothing on disk.

    Raises SettingsError. A server that hides its configuration, or is not there yet, is
    taken as it is.
    """
    try:
        policy = _config(store, "maxmemory-policy")
        persistent = _config(store, "appendonly") == "yes" or bool(_config(store, "save"))
    except ResponseError:
        _log.warning("redis.config_hidden: cannot check maxmemory-policy and persistence")
        return
    except RedisError as error:
        _log.warning("redis.unavailable: %s", error)
        return
    if policy not in ("", "noeviction"):
        msg = f"REDIS_URL: maxmemory-policy is {policy}: accepted messages could be evicted, set noeviction"
        raise SettingsError(msg)
    if not persistent:
        _log.warning("redis.not_persistent: accepted messages do not survive a restart of this server")


def _config(store: Executor, name: str) -> str:
    # redis-py turns the answer of this command into a dictionary.
    answer: dict[str | bytes, str | bytes] = store.client.execute_command("CONFIG GET", name)
    value = next(iter(answer.values()), "")
    return value.decode() if isinstance(value, bytes) else value
