"""The directory of a development server: one server at a time, whatever became of the last one.

Two locks, both gone with the processes that hold them. The supervisor holds the first; the second is
inherited by Valkey, so that one that outlived its supervisor is found, and stopped.
"""

import fcntl
import os
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from qstash_rq.cli.start_errors import StartError

_LEFTOVER_S = 10.0
_LOOK_AGAIN_S = 0.05


@dataclass(frozen=True, slots=True)
class DataDir:
    """A directory that is ours while the block lasts."""

    path: Path
    server_lock: int  # to be inherited by Valkey

    @property
    def server_pid(self) -> Path:
        """Where Valkey writes its process id."""
        return _server_pid(self.path)


@contextmanager
def claim_data_dir(path: Path) -> Generator[DataDir]:
    """Hold `path` for the length of a block; raises StartError when another server does."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        ours = _open(path / "dev.lock")
        server = _open(path / "valkey.lock")
    except OSError as error:
        msg = f"DATA_DIR: cannot use {path}: {error.strerror}"
        raise StartError(msg) from error
    try:
        if not _lock(ours):
            msg = f"DATA_DIR: {path} is in use by another `qstash-rq dev`; set DATA_DIR to another directory"
            raise StartError(msg)
        if not _lock(server):
            _end_leftover(path, server)
        yield DataDir(path, server)
    finally:
        os.close(server)
        os.close(ours)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _server_pid(path: Path) -> Path:
    return path / "valkey.pid"


def _end_leftover(path: Path, lock: int) -> None:
    # The lock is held, so the process that wrote its id here is alive and no other has that id.
    with suppress(OSError, ValueError):
        os.kill(int(_server_pid(path).read_text()), signal.SIGTERM)
    end_s = time.monotonic() + _LEFTOVER_S
    while not _lock(lock):
        if time.monotonic() > end_s:
            msg = f"DATA_DIR: a Valkey left over from an earlier run holds {path} and does not stop"
            raise StartError(msg)
        time.sleep(_LOOK_AGAIN_S)
