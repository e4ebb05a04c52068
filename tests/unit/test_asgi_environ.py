"""The environ that a request of an ASGI server becomes."""

from typing import Any

from api.asgi_environ import environ_of
from api.header_fields import header_fields


def scope(**over: Any) -> dict[str, Any]:
    """Return the scope of a request."""
    common = {"type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "path": "/decoded"}
    return common | {"raw_path": b"/v2", "query_string": b"", "headers": [], "client": None} | over


def test_keeps_the_target_as_it_was_sent() -> None:
    """Path and query stand undecoded in the raw target, whatever bytes they are."""
    environ = environ_of(scope(raw_path=b"/a%2Fb//\xc3\xa9", query_string=b"x=%31&y"))

    assert environ["RAW_URI"] == "/a%2Fb//\xc3\xa9?x=%31&y"
    assert environ_of(scope(raw_path=b"/a"))["RAW_URI"] == "/a"


def test_repeated_fields_stay_apart() -> None:
    """Two fields of one name are two values, one with a comma is one, and the order stays."""
    fields = [(b"x-a", b"1, 2"), (b"content-type", b"t"), (b"host", b"h"), (b"x-a", b"3"), (b"x-a", b"")]

    environ = environ_of(scope(headers=fields))

    assert environ["CONTENT_TYPE"] == "t"
    assert header_fields(environ) == (
        ("X-A", "1, 2"),
        ("X-A", "3"),
        ("X-A", ""),
        ("Content-Type", "t"),
        ("Host", "h"),
    )


def test_tells_who_called_and_how_the_body_ends() -> None:
    """A Unix socket has no address; a body ends by itself when it is chunked."""
    assert environ_of(scope())["REMOTE_ADDR"] == ""
    assert environ_of(scope(client=("192.0.2.1", 5)))["REMOTE_ADDR"] == "192.0.2.1"
    assert environ_of(scope())["wsgi.input_terminated"] is False
    chunked = [(b"transfer-encoding", b"chunked")]
    assert environ_of(scope(headers=chunked))["wsgi.input_terminated"] is True
