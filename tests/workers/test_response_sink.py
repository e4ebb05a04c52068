"""What comes back: headers and body of the final response, cut at the limit."""

import asyncio
import gzip
import zlib

import pytest

from tests.workers.raw_server import OK, Player, raw_server, say, say_and_close
from tests.workers.sending import make_prepared, send, send_all

_HEAD = b"HTTP/1.1 200 OK\r\n"
_LIMIT = 1_000


def test_fields_keep_order_case_and_doubles() -> None:
    """A name that occurs twice stands twice; an empty value is kept; blanks around values are not."""
    fields = b"Set-Cookie: a\r\nset-cookie:  b \r\nX-Empty:\r\nContent-Length: 0\r\n\r\n"
    with raw_server(say(_HEAD + fields)) as server:
        attempt = send(f"http://127.0.0.1:{server.port}/")

    assert attempt.headers == (
        ("Set-Cookie", "a"),
        ("set-cookie", "b"),
        ("X-Empty", ""),
        ("Content-Length", "0"),
    )


def test_values_are_read_as_utf_8_or_else_as_latin_1() -> None:
    """Both spellings of a letter outside ASCII give that letter."""
    with raw_server(say(_HEAD + b"X-A: \xc3\xa4\r\nX-B: \xe4\r\nContent-Length: 0\r\n\r\n")) as server:
        attempt = send(f"http://127.0.0.1:{server.port}/")

    assert attempt.headers[:2] == (("X-A", "ä"), ("X-B", "ä"))


def test_only_the_final_response_counts() -> None:
    """Informational responses before the final one are not mixed into it."""
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    with raw_server(say(early + OK)) as server:
        attempt = send(f"http://127.0.0.1:{server.port}/")

    assert (attempt.status, attempt.headers, attempt.body) == (200, (("Content-Length", "2"),), b"ok")


def test_trailers_are_not_headers() -> None:
    """Fields after a chunked body are dropped: they were not there when the status was decided."""
    chunks = b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Trailer: 1\r\n\r\n"
    with raw_server(say(_HEAD + chunks)) as server:
        attempt = send(f"http://127.0.0.1:{server.port}/")

    assert (attempt.headers, attempt.body) == ((("Transfer-Encoding", "chunked"),), b"ok")


def test_bare_line_feeds_are_understood() -> None:
    """An endpoint written by hand may end its lines with a line feed only."""
    with raw_server(say_and_close(b"HTTP/1.1 200 OK\nX-A: 1\n\nok")) as server:
        attempt = send(f"http://127.0.0.1:{server.port}/")

    assert (attempt.status, attempt.headers, attempt.body) == (200, (("X-A", "1"),), b"ok")


def test_a_response_may_end_with_its_connection() -> None:
    """HTTP/1.0 needs no length."""
    with raw_server(say_and_close(b"HTTP/1.0 201 Created\r\n\r\nok")) as server:
        attempt = send(f"http://127.0.0.1:{server.port}/")

    assert (attempt.status, attempt.body) == (201, b"ok")


@pytest.mark.parametrize("status", [201, 204, 301, 307, 404, 429, 489, 500, 503, 999])
def test_every_status_is_an_answer(status: int) -> None:
    """A status that is no success is a response all the same, for the verdict to judge."""
    with raw_server(say(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)) as server:
        attempt = send(f"http://127.0.0.1:{server.port}/")

    assert (attempt.status, attempt.error) == (status, None)


def test_redirects_are_not_followed() -> None:
    """A redirect is an ordinary answer: where it points to is not asked."""
    with raw_server(
        say(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
    ) as server:
        attempt = send(f"http://127.0.0.1:{server.port}/")

        assert (attempt.status, len(server.requests)) == (302, 1)


def test_a_compressed_body_is_decoded() -> None:
    """Gzip is taken off; the fields stay as they came."""
    packed = gzip.compress(b"hello")
    head = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    with raw_server(say(_HEAD + head + packed)) as server:
        attempt = send(f"http://127.0.0.1:{server.port}/")

    assert attempt.body == b"hello"
    assert ("Content-Encoding", "gzip") in attempt.headers


def test_an_encoding_nobody_asked_for_does_not_undo_the_answer() -> None:
    """The endpoint has done its work: the status counts, though the body cannot be read."""
    with raw_server(say(_HEAD + b"Content-Encoding: utf-8\r\nContent-Length: 2\r\n\r\nok")) as server:
        attempt = send(f"http://127.0.0.1:{server.port}/")

    assert (attempt.status, attempt.body, attempt.error) == (200, b"", None)


@pytest.mark.parametrize("size", [_LIMIT - 1, _LIMIT])
def test_a_body_up_to_the_limit_is_whole(size: int) -> None:
    """The limit itself is within the limit, and the connection stays in use."""
    with raw_server(say(_HEAD + b"Content-Length: %d\r\n\r\n" % size + b"x" * size)) as server:
        delivery = make_prepared(f"http://127.0.0.1:{server.port}/", max_response_bytes=_LIMIT)
        attempts = send_all(delivery, delivery)

        assert [len(attempt.body) for attempt in attempts] == [size, size]
        assert server.connections == 1


async def _endless(_request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(_HEAD + b"\r\n")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


async def _bomb(_request: bytes, writer: asyncio.StreamWriter) -> None:
    packer = zlib.compressobj(wbits=31)
    writer.write(_HEAD + b"Content-Encoding: gzip\r\n\r\n")
    while True:
        writer.write(packer.compress(bytes(1_048_576)))
        await writer.drain()


async def _long(_request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(_HEAD + b"Content-Length: %d\r\n\r\n" % (_LIMIT + 1) + b"x" * (_LIMIT + 1))


@pytest.mark.parametrize("player", [_endless, _bomb, _long])
def test_a_body_over_the_limit_is_cut_and_still_an_answer(player: Player) -> None:
    """Endless body, gzip bomb, one byte too many: what fits is kept, the connection is dropped."""
    with raw_server(player) as server:
        attempt = send(f"http://127.0.0.1:{server.port}/", max_response_bytes=_LIMIT)

        assert (attempt.status, attempt.error, len(attempt.body)) == (200, None, _LIMIT)
        assert server.hung_up.wait(5)


def test_the_handle_is_good_again_after_a_cut() -> None:
    """A response that was cut leaves nothing behind for the next."""
    answers = iter([_HEAD + b"Content-Length: 2000\r\n\r\n" + b"x" * 2_000, OK])

    async def play(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(next(answers))

    with raw_server(play) as server:
        delivery = make_prepared(f"http://127.0.0.1:{server.port}/", max_response_bytes=_LIMIT)
        attempts = send_all(delivery, delivery)

    assert [len(attempt.body) for attempt in attempts] == [_LIMIT, 2]
    assert attempts[1].headers == (("Content-Length", "2"),)
