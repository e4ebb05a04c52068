"""One child process: how it is started, heard and stopped.

It lives in a process group of its own, so that a Ctrl-C in the terminal reaches the supervisor
alone, which then stops things in their order. Who starts it again is `keeper`.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from qstash_rq.cli.parent_death import on_parent_death

_CHUNK_BYTES = 65_536
_PATIENCE_S = 2.0

Say = Callable[[str, bytes], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """What to run and how to treat it."""

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str]
    # Asked again and again after the first start; none: ready at once.
    is_ready: Callable[[], Awaitable[bool]] | None = None
    # From SIGTERM to SIGKILL, in seconds.
    grace_s: float = 10.0
    # What the kernel sends when the supervisor dies without stopping anything.
    orphan_signal: signal.Signals = signal.SIGKILL
    # File descriptors it inherits.
    keep_fds: tuple[int, ...] = ()


class Child:
    """A running process; `reap` must be called on SIGCHLD."""

    def __init__(self, spec: ProcessSpec, say: Say) -> None:
        """Start the process; raises OSError when it cannot be started."""
        self._spec = spec
        self._say = say
        self._rest = b""
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._process = subprocess.Popen(  # noqa: S603 - the commands are our own
            spec.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=spec.environ,
            process_group=0,
            pass_fds=spec.keep_fds,
            preexec_fn=on_parent_death(spec.orphan_signal),  # noqa: PLW1509 - the supervisor has no threads
        )
        assert self._process.stdout is not None  # noqa: S101 - narrows the type, PIPE was asked for
        self._output = self._process.stdout
        os.set_blocking(self._output.fileno(), False)
        asyncio.get_running_loop().add_reader(self._output.fileno(), self._read)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def ended(self) -> int:
        """Return the exit status once the process has ended; negative: the signal that killed it."""
        return await asyncio.shield(self._ended)

    def reap(self) -> None:
        """Look whether the process has ended; if so, nothing of its group is left afterwards."""
        if self._ended.done() or (status := self._process.poll()) is None:
            return
        self._kill_group()
        self._read()
        self._close_output()
        self._ended.set_result(status)

    async def stop(self, hurry: asyncio.Event) -> bool:
        """Ask the process to end and wait; kill it after its grace, or at once when `hurry` is set.

        Returns whether it ended by itself.
        """
        self._process.send_signal(signal.SIGTERM)
        if not await self._ends_within(min(_PATIENCE_S, self._spec.grace_s), hurry):
            if not hurry.is_set():
                self._tell("finishes what is in flight; Ctrl-C again to stop it now")
            if not await self._ends_within(self._spec.grace_s - _PATIENCE_S, hurry):
                self._tell("does not end and is killed")
                self._kill_group()
                await self._ended
                return False
        return True

    async def _ends_within(self, seconds: float, hurry: asyncio.Event) -> bool:
        hurrying = asyncio.ensure_future(hurry.wait())
        await asyncio.wait(
            {self._ended, hurrying}, timeout=max(seconds, 0), return_when=asyncio.FIRST_COMPLETED
        )
        hurrying.cancel()
        return self._ended.done()

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):  # macOS: the latter when only zombies are left
            os.killpg(self._process.pid, signal.SIGKILL)

    def _tell(self, text: str) -> None:
        self._say(self._spec.name, text.encode())

    def _read(self) -> None:
        """Pass on every whole line that can be read without waiting."""
        while not self._output.closed:
            try:
                data = os.read(self._output.fileno(), _CHUNK_BYTES)
            except BlockingIOError:
                return
            if not data:
                self._close_output()
                return
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                self._say(self._spec.name, line)

    def _close_output(self) -> None:
        if self._output.closed:
            return
        asyncio.get_running_loop().remove_reader(self._output.fileno())
        self._output.close()
        if self._rest:
            self._say(self._spec.name, self._rest)
