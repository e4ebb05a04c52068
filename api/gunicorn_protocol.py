"""One connection of gunicorn's ASGI worker, with what this front asks beyond it.

What the server refuses by itself has the one shape of an error (contract 0.2), nothing is upgraded to a
WebSocket, and a plain publish is answered without the task, the futures and the messages that ASGI takes:
they cost 12 of 50 microseconds of CPU that gunicorn took for a request.
"""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

from gunicorn.asgi import protocol

from api.asgi_environ import DECLINED, Scope, environ_of
from api.asgi_messages import Answer
from api.gunicorn_parser import FrontParser

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_BROKEN_BODY = "body: could not be read to its end"

# The stubs that type checkers have of gunicorn are older than its ASGI worker.
_protocol: Final[Any] = protocol
_Protocol: Final[Any] = protocol.ASGIProtocol

# Connections make their parsers from this name.
_protocol.PythonProtocol = FrontParser


class FrontProtocol(_Protocol):
    """One connection."""

    _serve_by_asgi = _Protocol._serve_http_request  # noqa: SLF001 - our own base
    _asgi_scope = _Protocol._build_http_scope  # noqa: SLF001 - our own base
    _declined: "WSGIEnvironment | None" = None

    def connection_made(self, transport: object) -> None:
        """Begin, and be known to the worker."""
        self.worker.connections.add(self)
        _Protocol.connection_made(self, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self.worker.connections.discard(self)
        _Protocol.connection_lost(self, exc)

    async def _serve_http_request(self, request: Any, sockname: object, peername: object) -> bool:  # noqa: ANN401 - gunicorn's
        lane = getattr(self.app, "lane", None)
        # A request that gunicorn writes into its log goes the whole way through it.
        if lane is None or self.log.access_log_enabled:
            return await self._serve_by_asgi(request, sockname, peername)
        environ = environ_of(self._asgi_scope(request, sockname, peername))
        try:
            answer = await lane.answer(environ, self._body_receiver.receive)
        except Exception:
            self.log.exception("api.defect: %s", environ["PATH_INFO"])
            self._send_error_response(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error")
            return False
        if answer is None:
            self._declined = environ
            return await self._serve_by_asgi(request, sockname, peername)
        return await self._send_answer(answer, request)

    def _build_http_scope(self, request: object, sockname: object, peername: object) -> Scope:
        scope = cast("Scope", self._asgi_scope(request, sockname, peername))
        if self._declined is not None:
            scope[DECLINED], self._declined = self._declined, None
        return scope

    async def _send_answer(self, answer: Answer, request: object) -> bool:
        closes = self._will_close(request, response_requires_close=False)
        if not self._closed:
            self._send_response_start(answer.status, answer.fields, request, close=closes)
            self._send_body(answer.body)
            # A client that sends and never reads is not to fill the memory.
            if self._flow_control.write_paused:
                await self._flow_control.drain()
        return not closes

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
