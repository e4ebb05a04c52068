"""`qstash-rq dev` as a person runs it: real Valkey, API, worker and scheduler."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from qstash_rq.cli.ports import any_free_port, is_free
from qstash_rq.settings import DEVELOPMENT_TOKEN
from tests.cli.terminal import ROOT, Terminal, is_alive
from tests.receiver import Gate, Receiver, Reply
from tests.waiting import wait_until

_BEARER = {"Authorization": f"Bearer {DEVELOPMENT_TOKEN}"}


class DevServer(Terminal):
    """A development server that is ready, on a free port."""

    def __init__(self, data_dir: Path) -> None:
        self.port = any_free_port()
        command = [sys.executable, "-m", "qstash_rq.cli", "dev"]
        super().__init__(command, {"PORT": str(self.port), "DATA_DIR": str(data_dir)})
        self.url = f"http://127.0.0.1:{self.port}"
        self.wait_for("Ctrl-C stops everything")

    def exported(self, name: str) -> str:
        """Return the value of a variable that was printed to be pasted."""
        found = re.search(rf"^export {name}=(.*)$", self.output, re.MULTILINE)
        assert found, self.output
        return found[1]

    def publish(self, destination: str, **headers: str) -> str:
        """Publish a message and return its id."""
        fields = _BEARER | {name.replace("_", "-"): value for name, value in headers.items()}
        answer = requests.post(f"{self.url}/v2/publish/{destination}", headers=fields, timeout=10)
        assert answer.ok, answer.text
        return answer.json()["messageId"]

    def states(self, message_id: str) -> set[str]:
        """Return the states that the log has of a message."""
        answer = requests.get(
            f"{self.url}/v2/logs", params={"messageId": message_id}, headers=_BEARER, timeout=10
        )
        return {record["state"] for record in answer.json()["logs"]}

    def rq_info(self) -> str:
        """Return what RQ's own command says of it."""
        command = [sys.executable, "-m", "rq.cli", "info", "-u", self.exported("REDIS_URL")]
        environ = {"RQ_KEY_PREFIX": "{test}", "PATH": "/usr/bin:/bin"}
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True)
        return done.stdout

    def pids(self) -> set[int]:
        """Return the ids of all processes that it has started."""
        return {pid for line in _descendants(self.pid) for pid in line}


def _descendants(pid: int) -> Iterator[list[int]]:
    children = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    yield children
    for child in children:
        yield from _descendants(child)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[DevServer]:
    """Give a running development server."""
    with DevServer(tmp_path / "data") as running:
        yield running


def test_what_it_prints_works(server: DevServer) -> None:
    """The printed variables and the printed curl line, pasted as they are, deliver a message."""
    assert server.exported("QSTASH_URL") == server.url
    assert server.exported("QSTASH_TOKEN") == DEVELOPMENT_TOKEN
    keys = requests.get(f"{server.url}/v2/keys", headers=_BEARER, timeout=10).json()
    assert keys["current"] == server.exported("QSTASH_CURRENT_SIGNING_KEY")
    assert keys["next"] == server.exported("QSTASH_NEXT_SIGNING_KEY")

    line = next(line for line in server.lines if line.startswith("curl "))
    _, _, method, url, *options = shlex.split(line)
    headers = dict(word.split(": ", 1) for word in options if word != "-H")
    answer = requests.request(method, url, headers=headers, timeout=10)

    message_id = answer.json()["messageId"]
    wait_until(lambda: "DELIVERED" in server.states(message_id), "the printed example is delivered")


def test_rq_sees_the_worker(server: DevServer) -> None:
    """`rq info` with the printed URL shows one worker."""
    wait_until(lambda: "1 workers" in server.rq_info(), "rq info shows the worker")


def test_ctrl_c_lets_deliveries_finish(server: DevServer, receiver: Receiver) -> None:
    """What is in flight at a Ctrl-C is finished; then everything ends, Valkey last, with status 0."""
    gate = Gate()
    receiver.script("/slow", Reply(gate=gate))
    server.publish(receiver.url("/slow"))
    receiver.wait_for(1, "/slow")
    # Valkey, gunicorn and its two workers, the worker, the scheduler. One answers before all are there.
    pids = wait_until(lambda: all_pids if len(all_pids := server.pids()) >= 6 else None, "all processes run")

    server.press_ctrl_c()
    wait_until(lambda: is_free(server.port), "the API has stopped")
    assert not server.has_ended()
    gate.open()

    assert server.status() == 0
    assert receiver.hung_up == 0
    assert server.lines[-1].startswith("valkey ")
    assert not [pid for pid in pids if is_alive(pid)]


def test_messages_outlive_the_server(tmp_path: Path, receiver: Receiver) -> None:
    """After a SIGKILL a new server on the same directory starts at once and delivers what was accepted."""
    with DevServer(tmp_path) as first:
        first.publish(receiver.url("/later"), Upstash_Delay="3s")
        first.send(signal.SIGKILL)
        first.status()
    with DevServer(tmp_path):
        receiver.wait_for(1, "/later")


def test_a_dead_worker_is_replaced(server: DevServer, receiver: Receiver) -> None:
    """A worker that is killed is announced and replaced, and its successor delivers."""
    worker = next(
        pid for pid in server.pids() if b"workers.DeliveryWorker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
    os.kill(worker, signal.SIGKILL)
    server.wait_for("was killed by SIGKILL; it starts again")

    server.publish(receiver.url("/after"))
    receiver.wait_for(1, "/after", timeout_s=30)


def test_refuses_a_busy_port(tmp_path: Path) -> None:
    """A port that is taken is named together with the way out, and the status is 1."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        environ = {"PORT": str(port), "DATA_DIR": str(tmp_path)}
        with Terminal([sys.executable, "-m", "qstash_rq.cli", "dev"], environ) as terminal:
            assert terminal.status() == 1

    assert f"Error: PORT: 127.0.0.1:{port} is in use; set PORT to a free one" in terminal.output


def test_refuses_a_directory_in_use(tmp_path: Path) -> None:
    """Two servers on one directory would write the same files: the second one is refused."""
    with DevServer(tmp_path):
        environ = {"PORT": str(any_free_port()), "DATA_DIR": str(tmp_path)}
        with Terminal([sys.executable, "-m", "qstash_rq.cli", "dev"], environ) as second:
            assert second.status() == 1

    assert f"Error: DATA_DIR: {tmp_path} is in use" in second.output
