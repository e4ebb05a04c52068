"""gunicorn's ASGI worker, with what this front asks beyond it.

A worker that was told to stop does not wait for connections on which nothing is going on, and one that
starts can be stopped at once.
"""

import gc
import signal
import sys
from typing import Any, Final

from gunicorn.workers import gasgi

from api.gunicorn_protocol import FrontProtocol

# Python's own 5 ms would be the least that a call in a thread waits for each turn while the loop is busy.
_THREAD_TURN_S = 0.001

# The stubs that type checkers have of gunicorn are older than its ASGI worker.
_Worker: Final[Any] = gasgi.ASGIWorker
_gasgi: Final[Any] = gasgi


class FrontWorker(_Worker):
    """One web process."""

    connections: set[FrontProtocol]

    def init_process(self) -> None:
        """Serve until told to stop."""
        self.connections = set()
        sys.setswitchinterval(_THREAD_TURN_S)
        _Worker.init_process(self)

    def load_wsgi(self) -> None:
        """Load the application, for good."""
        _Worker.load_wsgi(self)
        _collect_seldom()

    def init_signals(self) -> None:
        """Let a signal end the process at once while it starts: nothing is being served yet."""
        # The event loop hears no signal before it runs: one that came meanwhile would be lost, and
        # gunicorn wait for this process until its graceful timeout is over.
        for number in _Worker.SIGNALS:
            signal.signal(number, signal.SIG_DFL)

    async def _serve(self) -> None:
        _Worker.init_signals(self)
        await _Worker._serve(self)  # noqa: SLF001 - our own base

    def handle_exit_signal(self) -> None:
        """Stop gracefully: what is being served is finished, what is idle is closed."""
        _Worker.handle_exit_signal(self)
        for connection in tuple(self.connections):
            connection.close_if_idle()


def _collect_seldom() -> None:
    # A request leaves hardly a cycle, yet makes enough objects for a look every few requests. What is
    # loaded by now stays and is not looked at again.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


# The worker makes its connections from this name.
_gasgi.ASGIProtocol = FrontProtocol
