"""One process of the product, started as an operator would, with its output kept."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.waiting import wait_until

ROOT = Path(__file__).parents[1]
COMMANDS = Path(sys.executable).parent
PATH = os.pathsep.join([str(COMMANDS), os.defpath])

STOP_S = 20.0
_INSIST_S = 4.0


class Process:
    """A running command; ends on `stop` or `kill`, and must not end before."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        directory: Path,
        *,
        hard_of_hearing: bool = False,
    ) -> None:
        self.name = name
        self._hard_of_hearing = hard_of_hearing
        self._log = directory / f"{name}.log"
        self._may_end = False
        with self._log.open("ab") as output:
            self._popen = subprocess.Popen(
                command,
                cwd=ROOT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C is for pytest, which then stops them in order
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._popen.poll() is None

    def titles(self) -> str:
        """Return what `ps` shows of it and its children, where the system tells."""
        shown: list[str] = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            # A process may end while it is looked at.
            with contextlib.suppress(OSError):
                session = status.read_text().rpartition(")")[2].split()[3]
                if session == str(self.pid):
                    shown.append(status.with_name("cmdline").read_text().replace("\0", " ").strip())
        return " | ".join(shown)

    def output(self, start: int = 0) -> str:
        """Return what it wrote, from byte `start` on."""
        return self._log.read_bytes()[start:].decode(errors="replace")

    def output_bytes(self) -> int:
        """Return how much it has written."""
        return self._log.stat().st_size

    def wait_for_output(self, pattern: str) -> re.Match[str]:
        """Return the first match of `pattern` in the output, once there is one."""

        def found() -> re.Match[str] | None:
            self.check()
            return re.search(pattern, self.output())

        match = wait_until(found, f"{self.name} has written {pattern!r}", timeout_s=30)
        assert match is not None
        return match

    def signal(self, number: int) -> None:
        """Send a signal that will end it, sooner or later."""
        self._may_end = True
        self._popen.send_signal(number)

    def freeze(self) -> None:
        """Stop it without its knowing, as a machine does that is put to sleep."""
        self._popen.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._popen.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, without a chance to say so."""
        self.signal(signal.SIGKILL)
        self._popen.wait()

    def wait(self, timeout_s: float = STOP_S) -> int:
        """Return the exit status once it has ended."""
        self._may_end = True
        try:
            return self._popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"{self.name} did not end within {timeout_s} s:\n{self.output()}")

    def stop(self) -> None:
        """End it as an operator does, with SIGTERM; fails the test unless it exits with 0."""
        self.ask_to_stop()
        self.wait_for_success()

    def ask_to_stop(self) -> None:
        """Send SIGTERM once it has a handler for it: before, while Python starts, nobody can exit with 0."""
        wait_until(self._hears_sigterm, f"{self.name} handles SIGTERM", timeout_s=STOP_S)
        self.signal(signal.SIGTERM)

    def _hears_sigterm(self) -> bool:
        status = Path(f"/proc/{self.pid}/status")
        if not self.running or not status.exists():  # or a system that does not tell
            return True
        caught = re.search(r"^SigCgt:\s*(\w+)", status.read_text(), re.MULTILINE)
        return caught is None or bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)

    def wait_for_success(self) -> None:
        """Return when it has ended; fails the test unless it exits with 0."""
        if self._hard_of_hearing:
            self._insist()
        status = self.wait()
        if status != 0:
            pytest.fail(f"{self.name} exited with {status} after SIGTERM:\n{self.output()}")

    def _insist(self) -> None:
        for _ in range(int(STOP_S / _INSIST_S)):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(_INSIST_S)
                return
            self.signal(signal.SIGTERM)

    def check(self) -> None:
        """Fail the test when it has ended without being asked to."""
        status = self._popen.poll()
        if status is not None and not self._may_end:
            pytest.fail(f"{self.name} ended with {status}:\n{self.output()}")
