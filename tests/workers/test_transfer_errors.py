"""Every way an exchange can fail is a failed attempt with a stable text."""

import asyncio
import socket
import ssl
import struct
from pathlib import Path

import pytest
import trustme

from tests.workers.raw_server import OK, Player, raw_server, say, say_and_close
from tests.workers.sending import send
from workers.transfer_errors import (
    CLOSED,
    CONNECT_TIMEOUT,
    CUT_SHORT,
    DNS,
    DNS_TIMEOUT,
    MALFORMED,
    REFUSED,
    RESET,
    TIMEOUT,
    UNREACHABLE,
    describe_failure,
)

_HEAD = b"HTTP/1.1 200 OK\r\n"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def _fail(player: Player, timeout_ms: int = 5_000) -> str | None:
    with raw_server(player) as server:
        attempt = send(f"http://127.0.0.1:{server.port}/", timeout_ms=timeout_ms)
    assert (attempt.status, attempt.headers, attempt.body) == (None, (), b"")
    return attempt.error


@pytest.mark.parametrize(
    "answer",
    [
        b"hello world",
        b"\x00\x01\xff" * 1_000,
        b"HTTP/9.9 abc\r\n\r\n",
        b"HTTP/1.1 000 Zero\r\n\r\n",
        _HEAD + b"no colon\r\n\r\n",
        _HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        _HEAD + b"Content-Length: abc\r\n\r\n",
        _HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        _HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nokxx",
        _HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok",
        _HEAD + b"X-Long: " + b"x" * 500_000 + b"\r\n\r\n",
        _HEAD + b"".join(b"X-%d: 1\r\n" % number for number in range(10_000)) + b"\r\n",
    ],
    ids=lambda answer: repr(answer[:40]),
)
def test_a_response_that_is_none_is_malformed(answer: bytes) -> None:
    """HTTP/0.9, garbage, contradicting lengths, broken chunks and gzip, boundless headers: all the same."""
    assert _fail(say_and_close(answer)) == MALFORMED


async def _endless_headers(_request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(_HEAD)
    while True:
        writer.write(b"X-Again: and again\r\n" * 1_000)
        await writer.drain()


async def _endless_hints(_request: bytes, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 1_000)
        await writer.drain()


async def _endless_continue(_request: bytes, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000)
        await writer.drain()


@pytest.mark.parametrize("player", [_endless_headers, _endless_hints, _endless_continue])
def test_headers_without_end_are_malformed(player: Player) -> None:
    """They are given up long before the time-out, and before they fill the memory."""
    assert _fail(player) == MALFORMED


async def _reset(_request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()


@pytest.mark.parametrize(
    ("player", "error"),
    [
        (_reset, RESET),
        (say_and_close(), CLOSED),
        (say_and_close(_HEAD + b"Content-Length: 10\r\n\r\nshort"), CUT_SHORT),
        (say_and_close(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\nshort"), CUT_SHORT),
    ],
)
def test_a_connection_that_ends_too_early_is_told_apart(player: Player, error: str) -> None:
    """Reset, closed before the response, closed within it."""
    assert _fail(player) == error


async def _slow_header(_request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX-A: ")


async def _slow_body(_request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(_HEAD + b"Content-Length: 10\r\n\r\nabc")


@pytest.mark.parametrize("player", [say(), _slow_header, _slow_body], ids=["silent", "header", "body"])
def test_the_timeout_covers_the_whole_exchange(player: Player) -> None:
    """Silence, half a header and half a body end alike, also when the status was a success."""
    assert _fail(player, timeout_ms=150) == TIMEOUT


def test_a_refused_connection_is_said_so() -> None:
    """Nobody listens on the port."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    assert send(f"http://127.0.0.1:{port}/").error == REFUSED


def test_a_host_that_does_not_accept_is_a_connect_timeout() -> None:
    """A full backlog lets the handshake hang."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(2)]
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(full.getsockname())

            attempt = send(f"http://127.0.0.1:{full.getsockname()[1]}/", timeout_ms=150)
        finally:
            for one in waiting:
                one.close()

    assert attempt.error == CONNECT_TIMEOUT


def test_a_name_without_an_address_is_said_so() -> None:
    """Whatever the resolver raises, the attempt says that the host was not found."""

    def unknown(host: str) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, host)

    assert send("http://unknown.example/", resolve=unknown).error == DNS


def test_a_tls_handshake_that_hangs_is_a_connect_timeout() -> None:
    """The endpoint accepts and then says nothing to the greeting."""
    with raw_server(say(OK)) as server:
        attempt = send(f"https://127.0.0.1:{server.port}/", timeout_ms=150)

    assert attempt.error == CONNECT_TIMEOUT


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make a certificate for localhost that no known authority signed; give its file and its key's."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.private_key_pem.write_to_path(str(key))
    for part in (*issued.cert_chain_pems, authority.cert_pem):
        part.write_to_path(str(certificate), append=True)
    return certificate, key


def _tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def test_a_certificate_that_nobody_signed_is_refused(certificate: tuple[Path, Path]) -> None:
    """Certificates are verified: nothing is sent to a host that only says who it is."""
    with raw_server(say(OK), tls=_tls(certificate)) as server:
        attempt = send(f"https://localhost:{server.port}/")

        assert attempt.error is not None
        assert attempt.error.startswith("TLS error: ")
        assert server.requests == []


@pytest.mark.parametrize(
    ("code", "detail", "os_error", "text"),
    [
        (28, "Resolving timed out after 5 milliseconds", 0, DNS_TIMEOUT),
        (28, "Connection timed out after 5 milliseconds", 0, CONNECT_TIMEOUT),
        (28, "Operation timed out after 5 milliseconds with 0 bytes received", 0, TIMEOUT),
        (7, "Failed to connect to a.io:80 after 0 ms", 113, UNREACHABLE),
        (92, "HTTP/2 stream 1 was not closed cleanly", 0, MALFORMED),
        (35, "TLS connect error: wrong version", 0, "TLS error: wrong version"),
        (27, "Out of memory", 0, "Out of memory (curl 27)"),
    ],
)
def test_texts_are_chosen_by_code(code: int, detail: str, os_error: int, text: str) -> None:
    """Causes that no test can bring about at will, and what is left for the rest."""
    assert describe_failure(code, detail, os_error) == text
