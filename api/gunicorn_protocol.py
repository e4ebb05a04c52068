"""One connection of gunicorn's ASGI worker, with what this front asks beyond it.

What the server refuses by itself has the one shape of an error (contract 0.2), nothing is upgraded to a
WebSocket, and plain publishes are answered without gunicorn making requests of them.
"""

import json
from collections.abc import Sequence
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, Final

from gunicorn.asgi import protocol

from api.express import Express
from api.publish_lane import Begun, PublishLane

_BROKEN_BODY = "body: could not be read to its end"

# The stubs that type checkers have of gunicorn are older than its ASGI worker.
_Protocol: Final[Any] = protocol.ASGIProtocol

# All that gunicorn asks of a request when it begins an answer.
_HTTP_1_1 = SimpleNamespace(version=(1, 1))


class FrontProtocol(_Protocol):
    """One connection."""

    _express: Express | None = None
    _served_at_s = 0.0

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - uvloop's
        """Begin, and be known to the worker."""
        self.worker.connections.add(self)
        _Protocol.connection_made(self, transport)
        lane = getattr(self.app, "lane", None)
        if lane is not None and self._is_plain():
            address = transport.get_extra_info("peername")
            peer = address[0] if address and not isinstance(address, str | bytes) else None
            self._express = Express(lane, peer, self._answer, self.data_received)
            self._lane: PublishLane = lane

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self.worker.connections.discard(self)
        _Protocol.connection_lost(self, exc)

    def data_received(self, data: bytes) -> None:
        """Take what came: a plain publish for the lane, anything else for gunicorn."""
        express = self._express
        if express is not None and (express.is_busy or self._is_between_requests()):
            data = express.feed(data)
            if express.is_behind:
                self._pause_reading()
        if data:
            _Protocol.data_received(self, data)

    def close_if_idle(self) -> None:
        """Close the connection unless a request is being served on it."""
        if self._awaiting_request and not (self._express is not None and self._express.is_busy):
            _Protocol._keepalive_timeout(self)  # noqa: SLF001 - our own base

    def _is_plain(self) -> bool:
        # HTTP/1.1 that is kept alive. What gunicorn writes into its access log goes the whole way through it.
        is_http = self._callback_parser is not None and self._proxy_protocol == "off"
        return is_http and self._keepalive > 0 and not self.log.access_log_enabled

    def _is_between_requests(self) -> bool:
        """Tell whether gunicorn waits on this connection, with nothing in its hands."""
        worker, parser = self.worker, self._callback_parser
        waits = self._awaiting_request and not self._request_ready.is_set()
        has_nothing = parser._state == "request_line" and not parser._buffer  # noqa: SLF001 - it has no way to ask
        return waits and has_nothing and worker.alive and worker.nr + 1 < worker.max_requests

    def _answer(self, begun: Begun) -> None:
        self.worker.nr += 1
        closes = not self.worker.alive
        try:
            answer = self._lane.answer(begun)
        except Exception:
            self.log.exception("api.defect: a publish")
            self._send_error_response(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error")
            closes = True
        else:
            self._send_response_start(answer.status, answer.fields, _HTTP_1_1, close=closes)
            self._send_body(answer.body)
        if closes:
            _Protocol._keepalive_timeout(self)  # noqa: SLF001 - our own base
        else:
            self._wait_for_more()

    def _wait_for_more(self) -> None:
        # A client that sends and never reads is not to fill the memory.
        if self._flow_control.write_paused:
            self._pause_reading()
        else:
            self._resume_reading()
        self._served_at_s = self.worker.loop.time()
        if self._keepalive_handle is None and not self._closed:
            self._arm_keepalive_timer()

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        _Protocol.resume_writing(self)
        self._resume_reading()

    def _keepalive_timeout(self) -> None:
        # Set once for many publishes: to set it anew for each would cost a microsecond.
        left_s = self._served_at_s + self._keepalive - self.worker.loop.time()
        is_busy = self._express is not None and self._express.is_busy
        if is_busy or left_s > 0:
            wait_s = self._keepalive if is_busy else left_s
            self._keepalive_handle = self.worker.loop.call_later(wait_s, self._keepalive_timeout)
        else:
            _Protocol._keepalive_timeout(self)  # noqa: SLF001 - our own base

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
