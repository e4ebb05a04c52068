"""The product as it is deployed: web processes, worker and scheduler on one Redis, on 127.0.0.1."""

import subprocess
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.processes import free_port, running, script, wait_until
from benchmarks.redis_server import redis_server
from qstash_rq.core import Core, open_core
from qstash_rq.settings import Settings
from qstash_rq.users import ensure_first_user

TOKEN = "benchmark"
WEB_PROCESSES = 2
CONCURRENCY = 200

Process = subprocess.Popen[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What runs on one Redis; `core` looks at it from this process.

    Given to another process it becomes that one's own look at the same Redis.
    """

    redis_url: str
    directory: Path
    core: Core
    user_id: str

    def __reduce__(self) -> tuple[object, ...]:
        return (_look_once, (self.redis_url, self.directory))

    def log(self, name: str) -> Path:
        """Return the file that the output of the process `name` goes to."""
        return self.directory / f"{name}.log"

    def worker(
        self, name: str = "worker", *, concurrency: int = CONCURRENCY, burst: bool = False
    ) -> AbstractContextManager[Process]:
        """Run a delivery worker as its users do."""
        command = [script("rq"), "worker", "-w", "workers.DeliveryWorker", "--name", name]
        return self._run(name, command + ["--burst"] * burst, QSTASH_WORKER_CONCURRENCY=str(concurrency))

    def scheduler(self) -> AbstractContextManager[Process]:
        """Run a scheduler."""
        return self._run("scheduler", [script("python"), "-m", "workers.scheduler"])

    @contextmanager
    def web(self, application: str = "api.asgi:app", *options: str) -> Generator[int]:
        """Serve `application` with the project's own gunicorn configuration and `options`; give the port."""
        port, others = free_port(), self._clients()
        command = [script("gunicorn"), "-c", "python:api.gunicorn_conf", "--bind", f"127.0.0.1:{port}"]
        with self._run("web", [*command, *options, application], WEB_CONCURRENCY=str(WEB_PROCESSES)):
            # The socket listens before the applications are loaded; each of them then asks Redis something.
            wait_until(lambda: self._clients() >= others + WEB_PROCESSES, "the web processes are up")
            yield port

    def wait_for_worker(self, name: str = "worker") -> None:
        """Return when the worker has registered itself with RQ."""
        wait_until(lambda: bool(self.core.store.command("EXISTS", f"rq:worker:{name}")), f"{name} is up")

    def _clients(self) -> int:
        return self.core.store.command("INFO", "clients")["connected_clients"]

    def _run(self, name: str, command: list[str], **environ: str) -> AbstractContextManager[Process]:
        settings = {
            "REDIS_URL": self.redis_url,
            "QSTASH_TOKEN": TOKEN,
            # The receivers are on loopback.
            "QSTASH_ALLOW_PRIVATE_NETWORKS": "true",
        }
        return running(command, log=self.log(name), environ=settings | environ)


@contextmanager
def deployment() -> Generator[Deployment]:
    """Prepare a deployment on an empty Redis of its own; nothing of it runs yet."""
    with redis_server() as url, TemporaryDirectory(prefix="qstash-bench-") as directory:
        yield _look_at(url, Path(directory))


def _look_at(redis_url: str, directory: Path) -> Deployment:
    core = open_core(Settings(redis_url=redis_url, token=TOKEN, allow_private_networks=True))
    return Deployment(redis_url=redis_url, directory=directory, core=core, user_id=ensure_first_user(core))


@cache
def _look_once(redis_url: str, directory: Path) -> Deployment:
    return _look_at(redis_url, directory)
