"""Start the processes of a measurement and end them again, each with its output in a file."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.row import CannotMeasure

ROOT = Path(__file__).parents[1]
_POLL_S = 0.01
_STOP_S = 20
_TAIL_BYTES = 2_000
# The developer's own settings must not reach what is measured.
_FOREIGN = ("QSTASH_", "RQ_", "REDIS_URL", "PORT", "WEB_CONCURRENCY", "GUNICORN_CMD_ARGS")


def debian_tool(name: str, package: str) -> str:
    """Return the path of a program that Debian brings; raises CannotMeasure saying how to install it."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if path is None:
        msg = f"{name} is not installed: apt-get install {package}"
        raise CannotMeasure(msg)
    return path


def script(name: str) -> str:
    """Return the path of a command installed beside the running Python."""
    return str(Path(sys.executable).parent / name)


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    """Tell whether somebody accepts connections on `port` of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(done: Callable[[], bool], sentence: str, timeout_s: float = 30) -> None:
    """Return once `done` is true; raises CannotMeasure with `sentence` when that takes too long."""
    until_s = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > until_s:
            msg = f"waited {timeout_s:.0f} s in vain until {sentence}"
            raise CannotMeasure(msg)
        time.sleep(_POLL_S)


@contextmanager
def running(
    command: Sequence[str], *, log: Path, environ: Mapping[str, str] | None = None
) -> Generator["subprocess.Popen[bytes]"]:
    """Run `command` in the repository until the block ends; its output goes to `log`."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=own | dict(environ or {}), stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        stop(process)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End `process`, gently and then not."""
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_for_end(process: "subprocess.Popen[bytes]", log: Path, timeout_s: float) -> None:
    """Return when `process` has ended well; raises CannotMeasure with the end of `log` otherwise."""
    try:
        status = process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        status = None
    if status != 0:
        tail = log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace")
        fate = "did not end in time" if status is None else f"ended with status {status}"
        msg = f"{Path(str(log)).stem} {fate}:\n{tail}"
        raise CannotMeasure(msg)


def resident_bytes(process: "subprocess.Popen[bytes]") -> int:
    """Return the resident memory of `process`; raises CannotMeasure outside Linux."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError as error:
        msg = "resident memory is read from /proc, which only Linux has"
        raise CannotMeasure(msg) from error
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024
