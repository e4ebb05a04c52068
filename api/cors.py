"""Let pages of the configured origins call the API from a browser (contract 0.1, CORS)."""

from flask import Flask, Response, request

from qstash_rq.settings import Settings

_METHODS = "GET, POST, PUT, PATCH, DELETE"
_READABLE = "Burst-RateLimit-Limit, Burst-RateLimit-Remaining, Burst-RateLimit-Reset"
_REMEMBER_S = "600"
_NO_CONTENT = 204


class Cors:
    """The origins that one app lets in."""

    def __init__(self, settings: Settings) -> None:
        self._origins = {origin.strip() for origin in settings.cors_origins.split(",")} - {""}

    @property
    def fields_without_origin(self) -> tuple[tuple[bytes, bytes], ...]:
        """What `mark` adds to the answer to a request that comes from no page."""
        return ((b"Vary", b"Origin"),) if self._origins else ()

    def register(self, app: Flask) -> None:
        """Answer preflights before anything else looks at a request, and mark every answer."""
        if self._origins:
            app.before_request(self.answer_preflight)
            app.after_request(self.mark)

    def answer_preflight(self) -> Response | None:
        """Answer a browser that asks whether it may send a request; it sends no token with that."""
        if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
            return None
        response = Response(status=_NO_CONTENT)
        if self._is_let_in():
            response.headers["Access-Control-Allow-Methods"] = _METHODS
            # Named one by one, since a star would not stand for Authorization.
            response.headers["Access-Control-Allow-Headers"] = request.headers.get(
                "Access-Control-Request-Headers", ""
            )
            response.headers["Access-Control-Max-Age"] = _REMEMBER_S
        return response

    def mark(self, response: Response) -> Response:
        """Tell the browser that the page may read the answer."""
        response.vary.add("Origin")
        if self._is_let_in():
            response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
            response.headers["Access-Control-Expose-Headers"] = _READABLE
        return response

    def _is_let_in(self) -> bool:
        origin = request.headers.get("Origin", "")
        return bool(origin) and ("*" in self._origins or origin in self._origins)
