"""Turn errors into answers: one table from code to status, one shape for all (contract 0.2)."""

import logging
from collections.abc import Callable
from http import HTTPStatus

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from api.answer import answer
from qstash_rq.clock import Clock
from qstash_rq.errors import ErrorCode, Overloaded, QStashError, StoreUnavailable

_log = logging.getLogger(__name__)

_STATUS = {
    ErrorCode.INVALID_INPUT: HTTPStatus.BAD_REQUEST,
    ErrorCode.NOT_SUPPORTED: HTTPStatus.BAD_REQUEST,
    ErrorCode.UNAUTHORIZED: HTTPStatus.UNAUTHORIZED,
    ErrorCode.FORBIDDEN: HTTPStatus.FORBIDDEN,
    ErrorCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.LIMIT_EXCEEDED: HTTPStatus.PRECONDITION_FAILED,
    ErrorCode.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}

_QUIET_MS = 1_000


class ErrorAnswers:
    """Answers every error of one app; logs those that are ours.

    `on_outage` is called whenever Redis could not be reached.
    """

    def __init__(self, clock: Clock, on_outage: Callable[[], None]) -> None:
        self._clock = clock
        self._on_outage = on_outage
        self._last_outage_ms = 0

    def register(self, app: Flask) -> None:
        """Handle everything a request of `app` can raise."""
        app.register_error_handler(QStashError, self.answer_refusal)
        app.register_error_handler(StoreUnavailable, self.answer_outage)
        app.register_error_handler(Overloaded, self.answer_overload)
        app.register_error_handler(HTTPException, self.answer_http)
        app.register_error_handler(Exception, self.answer_defect)

    def answer(self, error: QStashError) -> Response:
        """Answer any error of the core, outside a request of Flask too."""
        return (
            self.answer_outage(error) if isinstance(error, StoreUnavailable) else self.answer_refusal(error)
        )

    def answer_refusal(self, error: Exception) -> Response:
        """Answer an error of the core."""
        code = error.code if isinstance(error, QStashError) else ErrorCode.INVALID_INPUT
        return _error(_STATUS[code], str(error))

    def answer_outage(self, error: Exception) -> Response:
        """Answer 503; an outage fails every request, so it is logged once a second at most."""
        self._on_outage()
        self._tell(error)
        return self.answer_refusal(error)

    def answer_overload(self, error: Exception) -> Response:
        """Answer 503, and say so once a second at most."""
        self._tell(error)
        return self.answer_refusal(error)

    def answer_http(self, error: Exception) -> Response:
        """Answer what Flask itself refuses: an unknown path, a wrong method, a broken path."""
        if not isinstance(error, HTTPException):
            return self.answer_defect(error)
        if isinstance(error, NotFound):
            return _error(HTTPStatus.NOT_FOUND, f"path not found: {request.path}")
        if isinstance(error, MethodNotAllowed):
            text = f"method {request.method} not allowed on {request.path}"
            response = _error(HTTPStatus.METHOD_NOT_ALLOWED, text)
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
            return response
        return _error(error.code or HTTPStatus.INTERNAL_SERVER_ERROR, error.description or error.name)

    def answer_defect(self, error: Exception) -> Response:
        """Answer 500 and log the traceback; the query and with it any token has left the path by now."""
        _log.error("api.defect: %s %s", request.method, request.path, exc_info=error)
        return _error(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error")

    def _tell(self, error: Exception) -> None:
        now_ms = self._clock.now_ms()
        if abs(now_ms - self._last_outage_ms) >= _QUIET_MS:
            self._last_outage_ms = now_ms
            _log.error("api.unavailable: %s", error.__cause__ or error)


def _error(status: int, text: str) -> Response:
    return answer({"error": text or HTTPStatus(status).phrase}, status)
