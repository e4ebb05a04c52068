"""The parser that takes a plain head apart in one step comes to what gunicorn's own comes to."""

from itertools import pairwise
from typing import Any

import pytest
from gunicorn.asgi import parser as gunicorn_parser
from hypothesis import example, given
from hypothesis import strategies as st

from api.gunicorn_parser import FrontParser

_LIMITS: dict[str, int] = {
    "limit_request_line": 300,
    "limit_request_fields": 6,
    "limit_request_field_size": 200,
}
_PYTHON_PARSER: Any = gunicorn_parser.PythonProtocol
_SEEN = (
    *("method", "path", "http_version", "headers", "content_length", "is_chunked", "should_keep_alive"),
    *("is_complete", "_state", "_buffer", "_header_count", "_body_remaining"),
)

_METHODS = ["POST", "GET", "CONNECT", "OPTIONS", "PO", "post", "A" * 21, "P0ST", ""]
_TARGETS = [
    "/",
    "/v2/publish/https://a.io?x=%31#f",
    "*",
    "//",
    "a.io:80",
    "http://a.io/",
    "/é",
    "/a b",
    "",
    "/" + "x" * 400,
]
_VERSIONS = ["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "http/1.1", "HTTP/1.1 ", ""]
_FIELDS = [
    *("Host: a", "host: b", "X-A: 1", "X-A:2", "x_a: \t3 \t", "X-A:", "Content-Type: text/plain"),
    *("Content-Length: 3", "content-length: 3", "Content-Length: +3", "Content-Length: 3, 3"),
    *("Content-Length: 0", "Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
    *("transfer-encoding: xchunked", "Transfer-Encoding : chunked", "Transfer-Encoding: chunked, gzip"),
    *("Connection: close", "Connection: keep-alive", "Upgrade: h2c", "Expect: 100-continue"),
    *(" folded", "\tfolded", "no colon", ": no name", "X A: 1", "X-A: é"),
    *("X-A: \x00", "X-A: \x7f", "X-A: a\rb", "X-A: a\nb"),
    *(f"X-Long: {'x' * 250}", "X:" + ":" * 10, "X-(: 1"),
]  # fmt: skip
_ENDS = ["\r\n"] * 8 + ["\n", "\r", "", "\r\n\r\n"]
_BODIES = ["", "abc", "abcd", "3\r\nabc\r\n0\r\n\r\n", "abcPOST / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n"]


@st.composite
def _wires(draw: st.DrawFn) -> bytes:
    line = " ".join(
        (draw(st.sampled_from(_METHODS)), draw(st.sampled_from(_TARGETS)), draw(st.sampled_from(_VERSIONS)))
    )
    plain = draw(st.booleans())
    lines = ["POST /v2 HTTP/1.1" if plain else line, *draw(st.lists(st.sampled_from(_FIELDS), max_size=8))]
    ends = ["\r\n" if plain else draw(st.sampled_from(_ENDS)) for _ in lines]
    head = "".join(text + end for text, end in zip(lines, ends, strict=True))
    first = draw(st.sampled_from(["", "", "", "\r\n", "\n"]))
    return (first + head + draw(st.sampled_from(_ENDS)) + draw(st.sampled_from(_BODIES))).encode("latin-1")


def _parsed(kind: Any, wire: bytes, cuts: list[int], limits: dict[str, int]) -> list[Any]:
    """Return everything that a parser told, kept and raised while it was fed the pieces of `wire`."""
    told: list[Any] = []
    parser = kind(
        on_headers_complete=lambda: told.append("headers"),
        on_body=told.append,
        on_message_complete=lambda: told.append("complete"),
        **limits,
    )
    edges = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    try:
        for start, end in pairwise(edges):
            parser.feed(wire[start:end])
    except gunicorn_parser.ParseError as error:
        told += [type(error), str(error)]
    else:
        told += [getattr(parser, name) for name in _SEEN]
    return told


@given(_wires(), st.lists(st.integers(0, 200), max_size=3))
@example(b"POST /v2 HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", [])
@example(b"POST /v2 HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc", [])
@example(b"POST /v2 HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", [])
@example(b"POST /v2 HTTP/1.1\r\n" + b"X-A: 1\r\n" * 7 + b"\r\n", [])
@example(b"POST /" + b"x" * 290 + b" HTTP/1.1\r\n\r\n", [])
@example(b"POST /v2 HTTP/1.1\r\nX-A: " + b"x" * 193 + b"\r\n\r\n", [])
@example(b"POST /v2 HTTP/1.1\r\nX-A: " + b"x" * 194 + b"\r\n\r\n", [])
def test_it_does_what_gunicorn_does(wire: bytes, cuts: list[int]) -> None:
    """Hostile or not, whole or in pieces: the same calls, request, rest and refusal."""
    for limits in (_LIMITS, dict.fromkeys(_LIMITS, 0)):
        assert _parsed(FrontParser, wire, cuts, limits) == _parsed(_PYTHON_PARSER, wire, cuts, limits)


@pytest.mark.parametrize(
    "wire",
    [
        b"POST /v2%s HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nX%s: 1\r\n\r\n",
        b"POST / HTTP/1.1\r\nX: a%sb\r\n\r\n",
    ],
    ids=["target", "name", "value"],
)
def test_no_byte_gets_through_that_gunicorn_refuses(wire: bytes) -> None:
    """Each of them, in a target, a name and a value."""
    for byte in range(256):
        hostile = wire % bytes([byte])
        assert _parsed(FrontParser, hostile, [], {}) == _parsed(_PYTHON_PARSER, hostile, [], {})


def test_a_plain_publish_goes_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gunicorn's own parser never sees its head."""
    wire = b"POST /v2/publish/https://a.io HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"

    def refuse(_parser: object) -> bool:
        pytest.fail("parsed line by line")

    monkeypatch.setattr(FrontParser, "_parse_request_line", refuse, raising=False)

    assert _parsed(FrontParser, wire, [], {})[:3] == ["headers", b"abc", "complete"]
