"""What can go wrong with a Redis server, each as a block: in it the trouble lasts, after it all is well."""

import os
import signal
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from threading import Thread

from redis import Redis
from redis.exceptions import BusyLoadingError
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.running import RedisServer
from tests.waiting import wait_until

RedisFault = Callable[[RedisServer], AbstractContextManager[None]]

# Microseconds for each key that is loaded, and how often a loading server listens: see `loading`.
SLOW_LOADING = {"key_load_delay": "20000", "loading_process_events_interval_bytes": "1024"}
PAUSE_MS = 60_000
KEYS_TO_LOAD = 150


@contextmanager
def killed(server: RedisServer) -> Generator[None]:
    """It is killed, and started again on what it has kept."""
    server.kill()
    yield
    server.start()


@contextmanager
def emptied(server: RedisServer) -> Generator[None]:
    """It is killed, and started again with nothing: no messages, no users, no scripts."""
    server.kill()
    yield
    server.forget()
    server.start()


@contextmanager
def read_only(server: RedisServer) -> Generator[None]:
    """It is made a replica of a server that is not there."""
    with Redis.from_url(server.url) as redis:
        redis.execute_command("REPLICAOF", "127.0.0.1", "1")
        yield
        redis.execute_command("REPLICAOF", "NO", "ONE")


@contextmanager
def out_of_memory(server: RedisServer) -> Generator[None]:
    """It has reached its limit, and may evict nothing."""
    with Redis.from_url(server.url) as redis:
        redis.config_set("maxmemory", 1)
        yield
        redis.config_set("maxmemory", 0)


@contextmanager
def disk_error(server: RedisServer) -> Generator[None]:
    """It cannot save, and refuses writes until it can."""
    # Where the file should go stands a directory.
    obstacle = server.directory / "dump.rdb"
    with Redis.from_url(server.url) as redis:
        redis.config_set("save", "3600 1")
        obstacle.mkdir()
        redis.bgsave()
        wait_until(lambda: redis.info("persistence")["rdb_last_bgsave_status"] == "err", "a save has failed")
        yield
        obstacle.rmdir()
        redis.bgsave()
        wait_until(
            lambda: redis.info("persistence")["rdb_last_bgsave_status"] == "ok", "a save has succeeded"
        )
        redis.config_set("save", "")


@contextmanager
def frozen(server: RedisServer) -> Generator[None]:
    """It accepts connections, takes commands, and does not answer."""
    pid = server.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def paused(server: RedisServer) -> Generator[None]:
    """It answers nobody's writes, as during a failover by hand."""
    with Redis.from_url(server.url) as redis:
        redis.client_pause(PAUSE_MS, all=False)
        yield
        redis.client_unpause()


@contextmanager
def loading(server: RedisServer) -> Generator[None]:
    """It restarts, and answers LOADING while it reads what it has kept; needs `SLOW_LOADING`."""
    with Redis.from_url(server.url) as redis:
        for number in range(KEYS_TO_LOAD):
            redis.set(f"padding:{number}", "x" * 1024, ex=60)
        # Only a snapshot is loaded so that the server listens in between.
        redis.bgrewriteaof()
        wait_until(lambda: not redis.info("persistence")["aof_rewrite_in_progress"], "a snapshot is written")
    server.kill()
    starting = Thread(target=server.start)
    starting.start()
    with Redis.from_url(server.url) as redis:
        wait_until(lambda: _is_loading(redis), "the server loads")
    yield
    starting.join()


def _is_loading(redis: Redis) -> bool:
    try:
        redis.ping()
    except BusyLoadingError:
        return True
    except RedisConnectionError:
        return False
    return False
