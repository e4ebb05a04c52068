"""The Redis client for RQ's command line, where REDIS_URL says Sentinel or Cluster.

`RQ_CONNECTION_CLASS=qstash_rq.store.rq_connection.RqConnection` lets `rq worker`, `rq info`
and the others read every REDIS_URL that our own processes read.
"""

from typing import Any, Self, cast

from redis import Redis

from qstash_rq.store.connection import open_client
from qstash_rq.store.redis_url import Route, read_redis_url


class RqConnection(Redis):
    """redis-py's client, which finds the primary by itself."""

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:  # noqa: ANN401 - redis-py's own
        """Return a client for `url`; raises SettingsError where that says too little."""
        if read_redis_url(url).route is Route.SERVER:
            return cast("Self", cast("Any", super()).from_url(url, **options))
        pool = cast("Any", open_client(url)).connection_pool
        pool.url = url
        return cast("Self", cast("Any", cls).from_pool(pool))
