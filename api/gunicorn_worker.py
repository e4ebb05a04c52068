"""gunicorn's ASGI worker, with what this front asks beyond it.

What the server refuses by itself has the one shape of an error (contract 0.2), nothing is upgraded to a
WebSocket, and a worker that was told to stop does not wait for connections on which nothing is going on.
"""

import gc
import json
import signal
import sys
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from gunicorn.asgi import protocol
from gunicorn.workers import gasgi

_BROKEN_BODY = "body: could not be read to its end"

# Python's own 5 ms would be the least that a call in a thread waits for each turn while the loop is busy.
_THREAD_TURN_S = 0.001

# The stubs that type checkers have of gunicorn are older than its ASGI worker.
_Protocol: Final[Any] = protocol.ASGIProtocol
_Worker: Final[Any] = gasgi.ASGIWorker
_gasgi: Final[Any] = gasgi


class FrontProtocol(_Protocol):
    """One connection."""

    def connection_made(self, transport: object) -> None:
        """Begin, and be known to the worker."""
        self.worker.connections.add(self)
        _Protocol.connection_made(self, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self.worker.connections.discard(self)
        _Protocol.connection_lost(self, exc)

    def close_if_idle(self) -> None:
        """Close the connection unless a request is being served on it."""
        if self._awaiting_request:
            self._keepalive_timeout()

    def _send_error_response(
        self, status: int, message: str, extra_headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        # Its headers were fine, so it is the framing of the body that was not.
        broken_body = status == HTTPStatus.BAD_REQUEST and self._current_request is not None
        body = json.dumps({"error": _BROKEN_BODY if broken_body else message}) + "\n"
        fields = (("Content-Type", "application/json"), ("Content-Length", str(len(body))), *extra_headers)
        lines = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
            *(f"{name}: {text}" for name, text in fields),
        )
        self._safe_write("\r\n".join((*lines, "Connection: close", "", body)).encode("latin-1"))

    def _is_websocket_upgrade(self, request: object) -> bool:
        del request
        return False


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
