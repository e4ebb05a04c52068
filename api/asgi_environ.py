"""Turn an ASGI scope into the WSGI environ that the rest of the front reads.

Everything stays the bytes that were sent, in latin-1 as WSGI has it: the raw target, and fields that occur
twice, which are joined by a character that no header can hold.
"""

import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Scope = dict[str, Any]

BETWEEN_FIELDS: Final = "\x1f"
"""Stands between the values of a field that occurs twice; gunicorn refuses it in headers."""

_WITHOUT_PREFIX = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}
_COMMON: "WSGIEnvironment" = {
    "SCRIPT_NAME": "",
    "SERVER_NAME": "localhost",  # WSGI wants both; nothing here asks under which name it was called
    "SERVER_PORT": "80",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}


def environ_of(scope: Scope) -> "WSGIEnvironment":
    """Return the environ of one request, without its body."""
    target = scope["raw_path"].decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    client = scope["client"]
    environ = _COMMON | {
        "REQUEST_METHOD": scope["method"],
        "RAW_URI": f"{target}?{query}" if query else target,
        "PATH_INFO": scope["path"],
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": client[0] if client else "",
        "wsgi.url_scheme": scope["scheme"],
    }
    for name, value in scope["headers"]:
        key = environ_key(name)
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]}{BETWEEN_FIELDS}{text}" if key in environ else text
    # A chunked body ends by itself, whatever length was told.
    environ["wsgi.input_terminated"] = "HTTP_TRANSFER_ENCODING" in environ
    return environ


@lru_cache(maxsize=2048)
def environ_key(name: bytes) -> str:
    """Return the environ key of a header field, whose name is in lower case."""
    return _WITHOUT_PREFIX.get(name) or "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
