"""Hear SIGINT and SIGTERM: finish what is being done, but sleep no longer."""

import signal
from collections.abc import Callable
from types import FrameType


class _WokenError(BaseException):
    """Raised by the signal in a sleep alone; no `except Exception` on the way may keep it."""


class StopSignal:
    """Whether the process was told to stop; ends a sleep when it is."""

    def __init__(self) -> None:
        self.received = False
        self._asleep = False

    def install(self) -> None:
        """Listen from now on; only the main thread may."""
        signal.signal(signal.SIGINT, self._receive)
        signal.signal(signal.SIGTERM, self._receive)

    def interrupt(self, sleep: Callable[[], None]) -> None:
        """Run `sleep` unless the signal has come, and end it when the signal comes.

        What `sleep` waits with must bear to be left at any point, as a blocking Redis
        command does: its connection is closed.
        """
        try:
            try:
                self._asleep = True
                if not self.received:
                    sleep()
            finally:
                self._asleep = False
        except _WokenError:
            return

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        self.received = True
        if self._asleep:
            # Python goes on with a wait that a signal has interrupted unless its handler raises.
            self._asleep = False
            raise _WokenError
