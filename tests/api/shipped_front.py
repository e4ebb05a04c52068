"""The front as it is shipped, gunicorn with our configuration, on a Unix socket and spoken to in bytes."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

from qstash_rq.settings import DEVELOPMENT_TOKEN
from tests.waiting import wait_until

_ROOT = Path(__file__).parents[2]
_COMMAND = (sys.executable, "-m", "gunicorn", "-c", "python:api.gunicorn_conf", "api.asgi:app")

BEARER_LINE = f"Authorization: Bearer {DEVELOPMENT_TOKEN}\r\n"
PUBLISH = f"POST /v2/publish/https://example.com HTTP/1.1\r\n{BEARER_LINE}"


class Front:
    """A running server on a Unix socket, spoken to in bytes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def connect(self) -> Iterator[socket.socket]:
        """Open a connection for the length of a block."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(str(self._path))
            yield connection

    def ask(self, wire: str) -> tuple[int, Any]:
        """Send one request as it stands; return the status and the JSON of the answer."""
        with self.connect() as connection:
            connection.sendall(wire.encode())
            return read(connection)

    def is_up(self) -> bool:
        """Tell whether the server answers."""
        try:
            return self.ask("GET /health HTTP/1.1\r\n\r\n")[0] == 200
        except OSError:
            return False


def read(connection: socket.socket) -> tuple[int, Any]:
    """Read one answer off a connection."""
    with HTTPResponse(connection) as response:
        response.begin()
        assert response.headers["Content-Type"] == "application/json"
        return response.status, json.loads(response.read())


@contextmanager
def starting_front(redis_url: str, directory: Path) -> Iterator[tuple[Front, "subprocess.Popen[bytes]"]]:
    """Start the shipped server, wait for nothing, and stop it at the end."""
    settings = {
        "REDIS_URL": redis_url,
        "QSTASH_TOKEN": DEVELOPMENT_TOKEN,
        "QSTASH_ALLOW_PRIVATE_NETWORKS": "true",
    }
    environ = os.environ | settings | {"WEB_CONCURRENCY": "1"}
    path = directory / "front.sock"
    with (
        (directory / "log").open("wb") as log,
        subprocess.Popen(
            [*_COMMAND, "--bind", f"unix:{path}"], cwd=_ROOT, env=environ, stdout=log, stderr=log
        ) as server,
    ):
        try:
            yield Front(path), server
        finally:
            server.terminate()


@contextmanager
def running_front(valkey: str, directory: Path) -> Iterator[tuple[Front, "subprocess.Popen[bytes]"]]:
    """Run the shipped server over a real store."""
    with starting_front(valkey, directory) as (front, server):
        wait_until(front.is_up, "gunicorn answers")
        yield front, server
