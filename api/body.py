"""Read request bodies, whatever their framing and method, up to the configured limit."""

from typing import TYPE_CHECKING, Any, cast

from qstash_rq.errors import InvalidInput, TooLarge
from qstash_rq.json_text import parse_json

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


def read_body(environ: "WSGIEnvironment", limit: int) -> bytes:
    """Return the whole body; raises TooLarge above `limit` bytes, before reading where the length is told."""
    length = content_length(environ)
    if length is None and not environ.get("wsgi.input_terminated"):
        return b""
    if length is not None and length > limit:
        raise _too_large(limit)
    body = _read(environ, limit + 1 if length is None else length)
    if len(body) > limit:
        raise _too_large(limit)
    if length is not None and len(body) < length:
        msg = "body: shorter than Content-Length"
        raise InvalidInput(msg)
    return body


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object of `body`; raises InvalidInput."""
    value = parse_json(body)
    if not isinstance(value, dict):
        msg = "body: must be a JSON object"
        raise InvalidInput(msg)
    return cast("dict[str, Any]", value)


def content_length(environ: "WSGIEnvironment") -> int | None:
    """Return the length that was told, if one was; raises InvalidInput."""
    text: str = environ.get("CONTENT_LENGTH") or ""
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        msg = "Content-Length: must be a number"
        raise InvalidInput(msg)
    return int(text)


def _read(environ: "WSGIEnvironment", wanted: int) -> bytes:
    stream = environ["wsgi.input"]
    body = bytearray()
    try:
        # A stream need not return all it was asked for.
        while len(body) < wanted and (piece := stream.read(wanted - len(body))):
            body += piece
    except OSError as error:
        msg = "body: could not be read to its end"  # the client hung up
        raise InvalidInput(msg) from error
    return bytes(body)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"body: larger than {limit} bytes")
