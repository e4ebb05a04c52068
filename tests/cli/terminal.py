"""A command running as in a terminal: its output so far, signals as a terminal sends them, its end."""

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]


class Terminal:
    """One command in a session of its own; whatever is left of it goes with the block."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str] | None = None) -> None:
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | dict(environ or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        )
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def __enter__(self) -> Self:
        """Give the running command."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the command in order, so that it ends its children, and the hard way when that fails."""
        self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reading.join(timeout=5)
        assert self._process.stdout is not None
        self._process.stdout.close()

    @property
    def pid(self) -> int:
        """The command's process id."""
        return self._process.pid

    @property
    def output(self) -> str:
        """Everything printed so far."""
        return "".join(self.lines)

    def wait_for(self, text: str, times: int = 1, timeout_s: float = 30) -> None:
        """Return once `text` has been printed `times` times."""
        wait_until(
            lambda: self.output.count(text) >= times or self._fail_if_over(text, times),
            f"it says {text!r} {times} times",
            timeout_s,
        )

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the command alone."""
        self._process.send_signal(number)

    def press_ctrl_c(self) -> None:
        """Send SIGINT to the whole foreground process group, as a terminal does."""
        os.killpg(self._process.pid, signal.SIGINT)

    def status(self, timeout_s: float = 30) -> int:
        """Return the exit status once the command has ended and all its output is there."""
        status = self._process.wait(timeout=timeout_s)
        self._reading.join(timeout=5)
        return status

    def has_ended(self) -> bool:
        """Tell whether the command has ended."""
        return self._process.poll() is not None

    def _fail_if_over(self, text: str, times: int) -> bool:
        if self.has_ended() and not self._reading.is_alive() and self.output.count(text) < times:
            message = f"ended without saying {text!r}:\n{self.output}"
            raise AssertionError(message)
        return False

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line)


def is_alive(pid: int) -> bool:
    """Tell whether a process exists and is more than a zombie waiting for its parent."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
