"""Read REDIS_URL: one server, the master that Sentinels name, or the Cluster node that holds our slot."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast
from urllib.parse import SplitResult, unquote, urlsplit

import redis.connection

from qstash_rq.errors import SettingsError

Address = tuple[str, int]

_WATCHED = re.compile(
    r"(?P<scheme>rediss?)\+(?P<route>sentinel|cluster)://(?:(?P<who>[^@/?]*)@)?(?P<hosts>[^/?]*)"
    r"(?P<path>[^?]*)(?P<query>\?.*)?"
)
# What says who we are to a Sentinel, which has users of its own.
_SENTINEL_OPTIONS = {"sentinel_username": "username", "sentinel_password": "password"}


class Route(StrEnum):
    """Whom to ask where the server is."""

    SERVER = "server"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


_PORTS = {Route.SENTINEL: 26379, Route.CLUSTER: 6379}


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisUrl:
    """A parsed REDIS_URL; without `hosts` it is an ordinary one, for redis-py to read."""

    route: Route = Route.SERVER
    hosts: tuple[Address, ...] = ()
    service: str = ""
    tls: bool = False
    options: dict[str, Any]
    sentinel_options: dict[str, Any]


def read_redis_url(url: str) -> RedisUrl:
    """Return what `url` says; raises SettingsError, without the password in it."""
    match = _WATCHED.fullmatch(url)
    if match is None:
        return RedisUrl(options={}, sentinel_options={})
    route = Route(match["route"])
    service, db = _service_and_db(route, unquote(match["path"]).strip("/"))
    who = f"{match['who']}@" if match["who"] else ""
    try:
        hosts = tuple(_address(urlsplit(f"//{host}"), _PORTS[route]) for host in match["hosts"].split(","))
        plain = f"{match['scheme']}://{who}server/{db}{match['query'] or ''}"
        options: dict[str, Any] = cast("Any", redis.connection).parse_url(plain)
    except ValueError as error:
        raise _wrong(route, str(error)) from error
    for name in ("host", "connection_class"):
        options.pop(name, None)
    sentinel_options = {
        ours: options.pop(theirs) for theirs, ours in _SENTINEL_OPTIONS.items() if theirs in options
    }
    return RedisUrl(
        route=route,
        hosts=hosts,
        service=service,
        tls=match["scheme"] == "rediss",
        options=options,
        sentinel_options=sentinel_options,
    )


def _service_and_db(route: Route, path: str) -> tuple[str, str]:
    if route is Route.CLUSTER:
        if path not in ("", "0"):
            raise _wrong(route, "a cluster has database 0 alone")
        return "", "0"
    service, _, db = path.partition("/")
    if not service or not (db or "0").isdigit():
        raise _wrong(route, "name the master and its database, as in redis+sentinel://host:26379/mymaster/0")
    return service, db or "0"


def _address(parts: SplitResult, port: int) -> Address:
    if not parts.hostname:
        msg = "a host has no name"
        raise ValueError(msg)
    return parts.hostname, parts.port or port


def _wrong(route: Route, text: str) -> SettingsError:
    return SettingsError(f"REDIS_URL: redis+{route}://: {text}")
