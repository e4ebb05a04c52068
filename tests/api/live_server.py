"""Runs the front behind gunicorn, as in production, on a Unix socket and if need be on a port."""

import json
import os
import re
import socket
import subprocess
import sys
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

from tests.api.serving import BEARER
from tests.canaries import find_secrets

ROOT = Path(__file__).parents[2]


class Server:
    """One gunicorn process on a Unix socket."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "api.sock"
        self.access_log = directory / "access.log"
        self.error_log = directory / "error.log"

    def send(
        self, head: str, body: bytes = b"", *, headers: tuple[str, ...] = (f"Authorization: {BEARER}",)
    ) -> Any:
        """Send one request as it stands and return (status, JSON)."""
        lines = [f"{head} HTTP/1.1", "Host: localhost", "Connection: close", *headers, "", ""]
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.path))
            connection.sendall("\r\n".join(lines).encode() + body)
            with HTTPResponse(connection) as response:
                response.begin()
                # Everything is read here, because the socket closes with the block.
                return response.status, json.loads(response.read())

    def url(self) -> str:
        """Return the address of the port, for a server started with `--bind 127.0.0.1:0`."""
        found = re.search(r"http://127\.0\.0\.1:\d+", self.error_log.read_text())
        assert found is not None
        return found.group()

    def answers(self) -> bool:
        """Tell whether the server is up."""
        try:
            return self.send("GET /health")[0] in (200, 503)
        except OSError:
            return False


def start(directory: Path, *options: str, **environ: str) -> "subprocess.Popen[bytes]":
    """Start gunicorn in `directory` with these options and settings."""
    server = Server(directory)
    command = [sys.executable, "-m", "gunicorn", "api.asgi:app", "--config", "python:api.gunicorn_conf"]
    command += ["--workers", "1", "--bind", f"unix:{server.path}", "--access-logfile", str(server.access_log)]
    with server.error_log.open("wb") as log:
        return subprocess.Popen(
            [*command, *options], cwd=ROOT, env=os.environ | environ, stdout=log, stderr=log
        )


def stop(process: "subprocess.Popen[bytes]", directory: Path) -> None:
    """End gunicorn and its worker; fails the test when one of their logs tells a secret."""
    process.terminate()
    process.wait(timeout=20)
    server = Server(directory)
    for log in (server.access_log, server.error_log):
        assert not log.exists() or find_secrets(log.read_text()) == []
