"""Heads that are taken apart in one step say what gunicorn's own parser finds in them."""

from typing import Any

import pytest
from gunicorn.asgi import parser
from hypothesis import example, given
from hypothesis import strategies as st

from api.asgi_environ import environ_of
from api.auth import request_token
from api.plain_publish import LARGEST_BODY, PlainPublish, plain_publish
from api.publish_request import publish_head
from api.raw_target import rewrite

_TARGETS = [
    *("/v2/publish/https://a.io", "/V2/Publish/https://a.io/b?x=%31#f", "/v2/publish/", "/v2/publish"),
    *("/v2/enqueue/q/https://a.io", "/v2/enqueue/q%20/https://a.io", "/v2/enqueue/", "/v2/batch"),
    *("/v2/publish/https://a.io?qstash_token=t", "/v2/publish/é", "/v2/publish/a b", "//v2/publish/x"),
    *("http://h/v2/publish/https://a.io", "*", "", "/v2/publish/" + "x" * 9_000),
]
_LINES = ["{} {} HTTP/1.1"] * 8 + ["{} {} HTTP/1.0", "{} {} http/1.1", "{} {}", "{}  {} HTTP/1.1"]
_FIELDS = [
    *("Host: a", "host: b", "X-A: 1", "x-a:2", "X_A: \t3 \t", "X-B:", "Content-Type: text/plain"),
    *("Authorization: Bearer t", "authorization:bearer u", "Upstash-Forward-X: é", "Upstash-Delay: 5s"),
    *("Content-Length: 3", "content-length: 3", "Content-Length: +3", "Content-Length: 3, 3"),
    *("Content-Length: 0", "Content-Length: 65536", "Content-Length: 65537", "Content-Length: 003"),
    *("Content-Length: \xb2", "Transfer-Encoding: chunked", "transfer-encoding: xchunked"),
    *("Transfer-Encoding : chunked", "Connection: close", "Connection: Keep-Alive", "Connection: upgrade"),
    *("Upgrade: h2c", "Expect: 100-continue", "X-Forwarded-Proto: https", "Origin: https://a.io"),
    *("X-Forwarded-For: 192.0.2.1", " folded", "\tfolded", "no colon", ": no name", "X A: 1"),
    *("X-C: \x00", "X-C: \x7f", "X-C: a\rb", "X-C: a\nb", "X-(: 1", "X-D: \xe9"),
]  # fmt: skip
_PLAIN = ["Host: a", "Authorization: Bearer t", "Content-Length: 3", "Upstash-Forward-X: é", "X-A: 1"]
_BODIES = [b"", b"abc", b"ab", b"abcPOST /v2/publish/https://a.io HTTP/1.1\r\n\r\n", b"\r\n"]


@st.composite
def _wires(draw: st.DrawFn) -> bytes:
    method = draw(st.sampled_from(["POST"] * 6 + ["GET", "post", "PUT", ""]))
    line = draw(st.sampled_from(_LINES)).format(method, draw(st.sampled_from(_TARGETS)))
    fields = draw(st.lists(st.sampled_from(_PLAIN), unique=True) | st.lists(st.sampled_from(_FIELDS)))
    end = draw(st.sampled_from(["\r\n"] * 8 + ["\n", "\r", ""]))
    head = "".join(text + end for text in (line, *fields))
    blank = draw(st.sampled_from([b"\r\n"] * 6 + [b"\n", b""]))
    return head.encode() + blank + draw(st.sampled_from(_BODIES))


def _by_gunicorn(wire: bytes) -> tuple[Any, bytes, bool]:
    """Return what gunicorn makes of one whole request, its body, and whether that is all there is."""
    request: list[Any] = []
    body: list[bytes] = []
    python_parser: Any = parser.PythonProtocol
    reading = python_parser(
        on_headers_complete=lambda: request.append(parser.CallbackRequest.from_parser(reading)),
        on_body=body.append,
        limit_request_line=65_536,
    )
    reading.feed(wire)
    return request[0], b"".join(body), reading.is_complete and not reading.remaining()


def _check(wire: bytes) -> PlainPublish | None:
    """Hold one wire against gunicorn's parser, with every body that it announces."""
    publish = plain_publish(wire)
    if publish is None:
        return None
    whole = wire[: publish.body_at] + b"x" * (publish.end - publish.body_at)
    request, body, is_all = _by_gunicorn(whole)
    assert (is_all, len(body)) == (True, publish.end - publish.body_at)
    assert not request.should_close()
    assert not request.may_upgrade()
    environ = environ_of(
        {
            "raw_path": request.raw_path,
            "query_string": request.query.encode("latin-1"),
            "client": None,
            "method": request.method,
            "path": request.path,
            "http_version": "1.1",
            "scheme": request.scheme,
            "headers": request.headers_bytes,
        }
    )
    rewrite(environ)
    path = "/v2/publish" if publish.queue_name is None else f"/v2/enqueue/{publish.queue_name}"
    assert (environ["REQUEST_METHOD"], environ["PATH_INFO"]) == ("POST", path)
    assert publish.token == request_token(environ)
    assert publish.head == publish_head(environ)
    return publish


@given(_wires())
@example(b"POST /v2/publish/https://a.io HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc")
@example(b"POST /v2/publish/https://a.io HTTP/1.1\r\nX_A: 1\r\n\r\n")
@example(b"POST /v2/publish/https://a.io HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n")
def test_says_what_gunicorn_finds(wire: bytes) -> None:
    """Hostile or not: what is taken, gunicorn takes too, as the same request with the same body."""
    _check(wire)


@pytest.mark.parametrize(
    ("head", "body_bytes"),
    [
        ("POST /v2/publish/https://a.io HTTP/1.1\r\n\r\n", 0),
        ("POST /v2/publish/https://a.io HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", 3),
        ("POST /V2/Enqueue/q/https://a.io?b HTTP/1.1\r\nConnection: keep-alive\r\n\r\n", 0),
        (f"POST /v2/publish/https://a.io HTTP/1.1\r\ncontent-length:{LARGEST_BODY}\r\n\r\n", LARGEST_BODY),
        ("POST /v2/publish/https://a.io?qstash_token=t HTTP/1.1\r\nUpstash-Label: é\r\n\r\n", 0),
    ],
)
def test_takes_plain_publishes(head: str, body_bytes: int) -> None:
    """Those of the official clients are, whatever follows their heads."""
    for behind in (b"", b"ab", b"abcdef"):
        publish = _check(head.encode() + behind)

        assert publish is not None
        assert publish.end - publish.body_at == body_bytes


@pytest.mark.parametrize(
    "line",
    [
        *("Transfer-Encoding: chunked", "Expect: 100-continue", "Connection: close", "Upgrade: websocket"),
        *("X_Underscore: 1", "Content-Length: 65537", "Content-Length: -1", "Host: b"),
        *(
            "Origin: https://a.io",
            "X-Forwarded-Proto: https",
            "Upstash-Forward-X: \udcff",
            f"X-Long: {'x' * 8_192}",
        ),
    ],
)
def test_leaves_what_is_not_plain(line: str) -> None:
    """What changes the framing or the connection, occurs twice, is too long or no text is for the server."""
    wire = f"POST /v2/publish/https://a.io HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n"

    assert plain_publish(wire.encode(errors="surrogateescape")) is None


@pytest.mark.parametrize(
    "wire",
    [
        b"POST /v2/publish/%s HTTP/1.1\r\n\r\n",
        b"POST /v2/publish/a HTTP/1.1\r\nX%s: 1\r\n\r\n",
        b"POST /v2/publish/a HTTP/1.1\r\nX: a%sb\r\n\r\n",
    ],
    ids=["target", "name", "value"],
)
def test_no_byte_gets_through_that_gunicorn_refuses(wire: bytes) -> None:
    """Each of them, in a target, a name and a value."""
    for byte in range(256):
        _check(wire % bytes([byte]))
