"""gunicorn's ASGI worker, with what this front asks beyond it.

What the server refuses by itself has the one shape of an error (contract 0.2), nothing is upgraded to a
WebSocket, and a worker that was told to stop does not wait for connections on which nothing is going on.
"""

import json
from http import HTTPStatus
from typing import Any

from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.workers import gasgi

_BROKEN_BODY = "body: could not be read to its end"


class FrontProtocol(ASGIProtocol):
    """One connection."""

    def connection_made(self, transport: Any) -> None:
        """Begin, and be known to the worker."""
        self.worker.connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self.worker.connections.discard(self)
        super().connection_lost(exc)

    def close_if_idle(self) -> None:
        """Close the connection unless a request is being served on it."""
        if self._awaiting_request:
            self._keepalive_timeout()

    def _send_error_response(self, status: int, message: str, extra_headers: Any = ()) -> None:
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


class FrontWorker(gasgi.ASGIWorker):
    """One web process."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connections: set[FrontProtocol] = set()

    def handle_exit_signal(self) -> None:
        """Stop gracefully: what is being served is finished, what is idle is closed."""
        super().handle_exit_signal()
        for connection in tuple(self.connections):
            connection.close_if_idle()


# The worker makes its connections from this name.
gasgi.ASGIProtocol = FrontProtocol
