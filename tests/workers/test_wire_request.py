"""What leaves on the wire is what was published: judged by the bytes a server reads."""

from base64 import b64encode
from typing import Any

import pytest

from tests.workers.raw_server import OK, raw_server, say
from tests.workers.sending import USER_AGENT, make_prepared, send, send_all

_WITHOUT_LENGTH = object()


def _sent_head(path: str = "/", **over: Any) -> list[bytes]:
    with raw_server(say(OK)) as server:
        attempt = send(f"http://127.0.0.1:{server.port}{path}", **over)
        assert attempt.status == 200
        return server.head()


def _sent_fields(head: list[bytes], name: bytes) -> list[bytes]:
    pairs = (line.partition(b":") for line in head[1:])
    return [value.strip() for key, _, value in pairs if key.lower() == name.lower()]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/a%2fb%2F",
        "/%e4%E4%zz%",
        "//x//y",
        "/../a/./b/..",
        "/%2e%2E/",
        "/a|b{c}[d]^`\"<>'\\",
        "/a?",
        "/a?b?c",
        "/?x=1&y=%20+%2b&z",
        "/;p=1",
        "/a@b:c",
        "/a?next=https://b.io/x",
        "/" + "long" * 2_000,
    ],
)
def test_path_and_query_are_sent_as_written(path: str) -> None:
    """No slash is merged, no dot resolved, no escape changed, not even in case."""
    assert _sent_head(path)[0] == f"POST {path} HTTP/1.1".encode()


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("", "/"),
        ("?x=1", "/?x=1"),
        ("#f", "/"),
        ("/a#f", "/a"),
        ("/a?x#f?y", "/a?x"),
        ("/ä/€?q=ö%2f", "/%C3%A4/%E2%82%AC?q=%C3%B6%2f"),
        ("/a b?c d", "/a%20b?c%20d"),
    ],
)
def test_only_what_cannot_stand_in_a_request_line_is_changed(path: str, target: str) -> None:
    """An empty path is `/`, a fragment stays here, blanks and non-ASCII characters are percent-encoded."""
    assert _sent_head(path)[0] == f"POST {target} HTTP/1.1".encode()


@pytest.mark.parametrize("host", ["LocalHost", "127.0.0.1"])
def test_the_host_is_sent_as_written(host: str) -> None:
    """Scheme and host may be spelled in any case; the receiver sees the host's spelling."""
    with raw_server(say(OK)) as server:
        assert send(f"HTTP://{host}:{server.port}/").status == 200

        assert _sent_fields(server.head(), b"Host") == [f"{host}:{server.port}".encode()]


def test_a_host_outside_ascii_is_sent_in_its_ascii_form() -> None:
    """An international name is looked up and named as DNS knows it."""
    with raw_server(say(OK)) as server:
        attempt = send(f"http://bücher.example:{server.port}/", resolve=lambda _: ["127.0.0.1"])

        assert attempt.status == 200
        assert _sent_fields(server.head(), b"Host") == [f"xn--bcher-kva.example:{server.port}".encode()]


def test_credentials_in_the_url_become_basic_authentication_of_that_delivery_only() -> None:
    """User and password are decoded and sent; the next delivery of the same handle has none."""
    with raw_server(say(OK)) as server:
        host = f"127.0.0.1:{server.port}"
        send_all(make_prepared(f"http://user:p%40ss@{host}/"), make_prepared(f"http://{host}/"))

        assert _sent_fields(server.head(0), b"Authorization") == [b"Basic " + b64encode(b"user:p@ss")]
        assert _sent_fields(server.head(1), b"Authorization") == []


def test_a_forwarded_authorization_beats_credentials_in_the_url() -> None:
    """The publisher's own header is the one that is sent."""
    with raw_server(say(OK)) as server:
        headers = (USER_AGENT, ("Authorization", "Bearer x"))
        send(f"http://user:pass@127.0.0.1:{server.port}/", headers=headers)

        assert _sent_fields(server.head(), b"Authorization") == [b"Bearer x"]


def test_no_header_is_sent_but_those_of_the_contract() -> None:
    """The transport adds host, encoding and length to the prepared fields, and nothing else."""
    head = _sent_head("/", headers=(USER_AGENT, ("X-A", "1")))

    names = [line.partition(b":")[0] for line in head[1:]]
    assert names == [b"Host", b"Accept-Encoding", b"User-Agent", b"X-A", b"Content-Length"]
    assert _sent_fields(head, b"Accept-Encoding") == [b"gzip"]


def test_not_even_a_user_agent_is_made_up() -> None:
    """Without one in the delivery none is sent."""
    assert _sent_fields(_sent_head(headers=()), b"User-Agent") == []


def test_fields_keep_order_case_doubles_and_bytes() -> None:
    """Names keep their spelling; values may be empty, doubled, UTF-8 and hold anything but line breaks."""
    fields = (
        ("X-Double", "1"),
        ("x-double", "2"),
        ("X-Empty", ""),
        ("X-Text", "ä€ : ; \t,"),
        ("Accept", "text/x"),
        ("Content-Type", "a/b"),
        ("Content-Type", "c/d"),
        ("Cookie", "a=b"),
    )

    head = _sent_head(headers=fields)

    sent = [
        line for line in head[1:] if not line.startswith((b"Host", b"Accept-Encoding", b"Content-Length"))
    ]
    assert sent == [f"{name}: {value}".strip(" ").encode() for name, value in fields]


@pytest.mark.parametrize("value", ["", " ", "\t "])
def test_a_field_without_a_value_is_sent(value: str) -> None:
    """An empty value is a value; the name arrives."""
    assert b"X-Empty:" in _sent_head(headers=(("X-Empty", value),))


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [
        ("POST", b"", [b"0"]),
        ("PUT", b"", [b"0"]),
        ("PATCH", b"", [b"0"]),
        ("GET", b"", []),
        ("DELETE", b"", []),
        ("GET", b"x", [b"1"]),
        ("DELETE", b"x", [b"1"]),
        ("PUT", b"x", [b"1"]),
        ("PURGE-ALL", b"x", [b"1"]),
    ],
)
def test_any_method_may_carry_a_body(method: str, body: bytes, length: list[bytes]) -> None:
    """The method is sent as stored, with the body whatever the method, and an empty POST says so."""
    with raw_server(say(OK)) as server:
        send(f"http://127.0.0.1:{server.port}/", method=method, body=body)

        assert server.head()[0].split()[0] == method.encode()
        assert _sent_fields(server.head(), b"Content-Length") == length
        assert server.body() == body


def test_a_head_request_does_not_wait_for_the_announced_body() -> None:
    """The answer to HEAD has a length and no body."""
    with raw_server(say(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")) as server:
        attempt = send(f"http://127.0.0.1:{server.port}/", method="HEAD", body=b"")

    assert (attempt.status, attempt.body) == (200, b"")


def test_deliveries_on_one_handle_do_not_colour_each_other() -> None:
    """Method, body and fields of one delivery leave nothing behind for the next."""
    steps: list[dict[str, Any]] = [
        {"method": "POST", "body": b"first", "headers": (("Content-Type", "a/b"),)},
        {"method": "GET", "body": b"", "headers": ()},
        {"method": "HEAD", "body": b"", "headers": ()},
        {"method": "POST", "body": b"", "headers": ()},
        {"method": "GET", "body": b"second", "headers": ()},
        {"method": "POST", "body": b"third", "headers": ()},
    ]
    with raw_server(say(b"HTTP/1.1 204 No Content\r\nSet-Cookie: a=b\r\n\r\n")) as server:
        url = f"http://127.0.0.1:{server.port}/"
        send_all(*(make_prepared(url, **step) for step in steps))

        assert [server.body(number) for number in range(6)] == [step["body"] for step in steps]
        assert [server.head(number)[0].split()[0].decode() for number in range(6)] == [
            step["method"] for step in steps
        ]
        assert [len(server.head(number)) - 1 for number in range(6)] == [4, 2, 2, 3, 3, 3]
        assert server.connections == 1


@pytest.mark.parametrize(
    "body", [b"\x00", b"a\x00b", bytes(range(256)), b"\xff\xfe", b"18446744073709551617", b"\r\n\r\n"]
)
def test_body_bytes_arrive_unchanged(body: bytes) -> None:
    """Whatever the bytes are, they are the body."""
    with raw_server(say(OK)) as server:
        send(f"http://127.0.0.1:{server.port}/", body=body)

        assert server.body() == body


def test_a_large_body_is_sent_without_asking() -> None:
    """No `Expect: 100-continue`: an endpoint that ignores it would cost a second."""
    with raw_server(say(OK)) as server:
        send(f"http://127.0.0.1:{server.port}/", body=b"\x00" * 2_000_000)

        assert _sent_fields(server.head(), b"Expect") == []
        assert len(server.body()) == 2_000_000


@pytest.mark.parametrize(
    ("over", "error"),
    [
        ({"headers": (("X-A", "b\r\nX-Forged: 1"),)}, "invalid header: line break or NUL"),
        ({"headers": (("X-A", "b\n"),)}, "invalid header: line break or NUL"),
        ({"headers": (("X-A\n", "b"),)}, "invalid header: line break or NUL"),
        ({"headers": (("X-A", "b\x00"),)}, "invalid header: line break or NUL"),
        ({"headers": (("X-A", "\ud800"),)}, "invalid header: not UTF-8"),
        ({"method": "GET / HTTP/1.1\r\nX-Forged: 1\r\n\r\nGET"}, "invalid method"),
        ({"method": ""}, "invalid method"),
    ],
)
def test_what_would_forge_a_request_is_not_sent(over: dict[str, Any], error: str) -> None:
    """A line break in a header or method makes a failed attempt, and nothing leaves."""
    with raw_server(say(OK)) as server:
        attempt = send(f"http://127.0.0.1:{server.port}/", **over)

        assert (attempt.status, attempt.error) == (None, error)
        assert server.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a\r\nX-Forged: 1",
        "http://127.0.0.1/\x00",
        "http://127.0.0.1/\x7f",
        "http://127.0.0.1/\ud800",
        "http://" + "ä" * 70 + ".example/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:x/",
        "http://127.0.0.1:99999/" + "x" * 9_000_000,
        "http://[::1",
        "gopher://127.0.0.1/",
    ],
)
def test_an_impossible_url_is_a_failed_attempt(url: str) -> None:
    """What cannot be connected to is said so, without an exception."""
    attempt = send(url)

    assert attempt.status is None
    assert attempt.error is not None
    assert attempt.error.startswith("invalid URL")
