"""A Redis or Valkey server of its own for each measurement, append-only as in production.

It is the embedded one, started as `qstash-rq dev` starts it, or the program that BENCH_REDIS names.
"""

import os
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.processes import free_port, is_listening, running, wait_until
from qstash_rq.cli.embedded_valkey import valkey_command, valkey_environ
from qstash_rq.cli.ports import LOOPBACK

_OTHER = "BENCH_REDIS"


@contextmanager
def redis_server() -> Generator[str]:
    """Run an empty server until the block ends; give its URL."""
    with TemporaryDirectory(prefix="qstash-bench-") as directory:
        port, log = free_port(), Path(directory) / "server.log"
        settings = {"bind": LOOPBACK, "port": str(port), "dir": directory}
        with running(_command(settings), log=log, environ=_environ()):
            wait_until(lambda: is_listening(port), "the Redis server listens")
            yield f"redis://{LOOPBACK}:{port}/0"


def describe_server() -> str:
    """Return what the server says of itself, and what is preloaded into it."""
    program = _command({})[0]
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    return f"{said}, LD_PRELOAD={_environ().get('LD_PRELOAD', '')}"


def _command(settings: Mapping[str, str]) -> tuple[str, ...]:
    embedded, *options = valkey_command(settings)
    return (os.environ.get(_OTHER, embedded), *options)


def _environ() -> dict[str, str]:
    return {} if _OTHER in os.environ else valkey_environ({})
