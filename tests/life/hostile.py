"""Endpoints that mean harm: each plays its trick on the one request it is handed."""

import asyncio
import gzip
import socket
import struct
import zlib
from collections.abc import Callable

from tests.workers.raw_server import Player, say, say_and_close

HEAD = b"HTTP/1.1 200 OK\r\n"
FAILING = b"HTTP/1.1 500 X\r\n"
# Sixteen megabytes of zeros.
BROTLI_BOMB = bytes.fromhex("cbffff3ff82700e2b14020f7fe2ffffffff04f00c4611180eefd1f")
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_DRIP_S = 0.1
_MEGABYTE = 1_048_576


def drip(first: bytes, each: bytes) -> Player:
    """Return a player that sends `first`, then `each` again and again, slowly, for ever."""

    async def play(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            await writer.drain()
            await asyncio.sleep(_DRIP_S)
            writer.write(each)

    return play


def pour(first: bytes, each: Callable[[], bytes]) -> Player:
    """Return a player that sends `first`, then what `each` gives, as fast as it is read, for ever."""

    async def play(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(each())
            await writer.drain()

    return play


def bomb(encoding: str, wbits: int) -> Player:
    """Return a player of a body that is packed a thousandfold and has no end."""

    async def play(_request: bytes, writer: asyncio.StreamWriter) -> None:
        packer = zlib.compressobj(wbits=wbits)
        writer.write(FAILING + f"Content-Encoding: {encoding}\r\n\r\n".encode())
        while True:
            writer.write(packer.compress(bytes(_MEGABYTE)))
            await writer.drain()

    return play


async def nested_bomb(_request: bytes, writer: asyncio.StreamWriter) -> None:
    """Answer with a body packed twice: sixteen megabytes in some hundred bytes."""
    packed = gzip.compress(gzip.compress(bytes(16 * _MEGABYTE)))
    writer.write(
        FAILING + b"Content-Encoding: gzip, gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
    )


def zstd_bomb() -> Player:
    """Return a player of an endless zstd frame: blocks of 128 KiB, written as the byte they repeat."""
    block = ((131_072 << 3) | 2).to_bytes(3, "little") + b"\0"
    head = FAILING + b"Content-Encoding: zstd\r\n\r\n" + bytes.fromhex("28b52ffd0048")
    return pour(head, lambda: block * 100)


def reset(*parts: bytes) -> Player:
    """Return a player that sends `parts` and then resets the connection."""

    async def play(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.writelines(parts)
        await writer.drain()
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        writer.transport.abort()

    return play


HANGING: dict[str, Player] = {
    "silent": say(),
    "half a status line": say(b"HTTP/1.1 2"),
    "slow header": drip(HEAD + b"X-A: ", b"a"),
    "slow headers": drip(HEAD, b"X-A: a\r\n"),
    "slow body": drip(HEAD + b"Content-Length: 1000000\r\n\r\n", b"a"),
    "slow endless body": drip(HEAD + b"\r\n", b"a"),
    "slow chunks": drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    "slow hints": drip(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
    "body that stops": say(HEAD + b"Content-Length: 10\r\n\r\nabc"),
}
"""Those that hold their slot until the time-out."""

_LOOP = b"HTTP/1.1 302 Found\r\nLocation: /redirect\r\nContent-Length: 0\r\n\r\n"

FAILING_AT_ONCE: dict[str, tuple[Player, str]] = {
    "garbage": (say_and_close(b"\x00\xff\x01" * 1_000), "malformed response"),
    "garbage status": (say_and_close(b"HTTP/9.9 abc\r\n\r\n"), "malformed response"),
    "status of letters": (say_and_close(b"HTTP/1.1 OK\r\n\r\n"), "malformed response"),
    "HTTP/0.9": (say_and_close(b"<html>hello</html>"), "malformed response"),
    "endless headers": (pour(HEAD, lambda: b"X-A: and again\r\n" * 1_000), "malformed response"),
    "endless hints": (pour(b"", lambda: b"HTTP/1.1 103 Hints\r\n\r\n" * 1_000), "malformed response"),
    "endless continue": (pour(b"", lambda: b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000), "malformed response"),
    "endless header line": (pour(HEAD + b"X-A: ", lambda: b"a" * 65_536), "malformed response"),
    "header of half a megabyte": (
        say_and_close(HEAD + b"X-A: " + b"a" * 500_000 + b"\r\n\r\n"),
        "malformed response",
    ),
    "NUL in a header": (say_and_close(HEAD + b"X-A: a\0b\r\n\r\n"), "malformed response"),
    "garbage chunks": (
        say_and_close(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"),
        "malformed response",
    ),
    "endless chunk size": (
        pour(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", lambda: b"0" * 65_536),
        "malformed response",
    ),
    "two lengths": (
        say_and_close(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        "malformed response",
    ),
    "negative length": (say_and_close(HEAD + b"Content-Length: -1\r\n\r\n"), "malformed response"),
    "length too long": (
        say_and_close(HEAD + b"Content-Length: 99\r\n\r\nshort"),
        "connection closed within the response",
    ),
    "reset at once": (reset(), "connection reset"),
    "reset in the header": (reset(HEAD, b"X-A: "), "connection reset"),
    "reset in the body": (reset(HEAD, b"Content-Length: 10\r\n\r\nabc"), "connection reset"),
    "closed at once": (say_and_close(), "connection closed without a response"),
    "broken gzip": (
        say_and_close(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"),
        "malformed response",
    ),
    "redirect": (say(_LOOP), "302 Found"),
    "endless body": (pour(FAILING + b"\r\n", lambda: b"a" * 65_536), "500 Internal Server Error"),
    "endless chunks": (
        pour(FAILING + b"Transfer-Encoding: chunked\r\n\r\n", lambda: b"1000\r\n" + b"a" * 4_096 + b"\r\n"),
        "500 Internal Server Error",
    ),
    "gzip bomb": (bomb("gzip", 31), "500 Internal Server Error"),
    "deflate bomb": (bomb("deflate", 15), "500 Internal Server Error"),
    "bomb in a bomb": (nested_bomb, "500 Internal Server Error"),
    "brotli bomb": (
        say_and_close(FAILING + b"Content-Encoding: br\r\nContent-Length: 27\r\n\r\n", BROTLI_BOMB),
        "500 Internal Server Error",
    ),
    "too many encodings": (
        say_and_close(HEAD + b"Content-Encoding: " + b"gzip, " * 50 + b"gzip\r\n\r\nhello"),
        "malformed response",
    ),
    "zstd bomb": (zstd_bomb(), "500 Internal Server Error"),
}
"""Those that fail before the time-out, with what the log says of them."""
