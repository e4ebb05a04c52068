"""The front behind the server it is run by: what WSGI hides and the middleware needs, byte by byte."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from qstash_rq.settings import DEVELOPMENT_TOKEN
from tests.api.live_server import Server, start, stop
from tests.api.serving import BEARER
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def server(valkey: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a running server."""
    directory = tmp_path_factory.mktemp("gunicorn")
    running = Server(directory)
    process = start(
        directory, REDIS_URL=valkey, QSTASH_TOKEN=DEVELOPMENT_TOKEN, QSTASH_ALLOW_PRIVATE_NETWORKS="true"
    )
    try:
        wait_until(running.answers, "gunicorn answers")
        yield running
    finally:
        stop(process, directory)


@pytest.mark.parametrize(
    "destination",
    [
        "https://example.com//a/../b/./c//",
        "https://example.com/a%20b%2Fc%25",
        "https://example.com/?x=1&y=%2F?z#f",
        "http://localhost:3000",
    ],
)
@pytest.mark.parametrize("base", ["", "http://localhost:8080"])
def test_destinations_arrive_as_sent(server: Server, base: str, destination: str) -> None:
    """Nothing between the wire and the stored URL merges, decodes or drops anything."""
    status, receipt = server.send(f"POST {base}/V2/publish/{destination}")

    assert status == 200
    assert receipt["url"] == destination
    assert server.send(f"GET /v2/messages/{receipt['messageId']}/")[1]["url"] == destination


def test_repeated_headers_stay_apart(server: Server) -> None:
    """Two fields of one name are two values; one with a comma is one."""
    fields = ("Upstash-Forward-X-A: 1, 2", "Upstash-Forward-X-A: é", "Upstash-Forward-X-B: 3")

    _, receipt = server.send(
        "POST /v2/publish/https://example.com", headers=(f"Authorization: {BEARER}", *fields)
    )

    message = server.send(f"GET /v2/messages/{receipt['messageId']}")[1]
    assert message["header"] == {"X-A": ["1, 2", "é"], "X-B": ["3"]}


def test_control_characters_cannot_be_smuggled(server: Server) -> None:
    """The character that keeps repeated fields apart cannot come from outside."""
    headers = (f"Authorization: {BEARER}", "Upstash-Forward-X-A: 1\x1f2")

    assert server.send("POST /v2/publish/https://example.com", headers=headers)[0] == 400


def test_chunked_bodies(server: Server) -> None:
    """Chunked bodies are read on every method that has one."""
    chunked = (f"Authorization: {BEARER}", "Transfer-Encoding: chunked")
    _, receipt = server.send(
        "POST /v2/publish/https://example.com", b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", headers=chunked
    )
    assert server.send(f"GET /v2/messages/{receipt['messageId']}")[1]["body"] == "abcde"

    wanted = b'{"messageIds": ["%s"]}' % receipt["messageId"].encode()
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(wanted), wanted)
    assert server.send("DELETE /v2/messages", body, headers=chunked) == (200, {"cancelled": 1})


def test_broken_chunks(server: Server) -> None:
    """A body that breaks the rules of chunked encoding is the sender's fault."""
    headers = (f"Authorization: {BEARER}", "Transfer-Encoding: chunked")

    status, answer = server.send("POST /v2/publish/https://example.com", b"zz\r\nabc\r\n", headers=headers)

    assert (status, answer) == (400, {"error": "body: could not be read to its end"})


def test_too_large_bodies_are_refused_unread(server: Server) -> None:
    """A length over the limit is refused before the body comes."""
    headers = (f"Authorization: {BEARER}", "Content-Length: 10000001")

    status, answer = server.send("POST /v2/publish/https://example.com", headers=headers)

    assert (status, answer) == (413, {"error": "body: larger than 10000000 bytes"})


def test_the_log_never_shows_a_token(server: Server) -> None:
    """A token in the query authenticates and does not reach the access log."""
    target = f"/v2/publish/https://example.com/logged?a=1&qstash_token={DEVELOPMENT_TOKEN}"

    status, receipt = server.send(f"POST {target}", headers=())

    assert (status, receipt["url"]) == (200, "https://example.com/logged?a=1")
    logged = wait_until(
        lambda: [line for line in server.access_log.read_text().splitlines() if "/logged" in line],
        "the request is logged",
    )
    assert "POST /v2/publish/https://example.com/logged?a=1 HTTP/1.1" in logged[0]
    assert DEVELOPMENT_TOKEN not in server.access_log.read_text() + server.error_log.read_text()


def test_refuses_to_start_without_a_token(valkey: str, tmp_path: Path) -> None:
    """Without a token the server ends by itself, with a status and a message that names the setting."""
    process = start(tmp_path, REDIS_URL=valkey)
    try:
        assert process.wait(timeout=20) != 0
    finally:
        process.kill()
        process.wait()
    assert "cannot start: QSTASH_TOKEN: " in Server(tmp_path).error_log.read_text()


def test_starts_without_redis(tmp_path: Path) -> None:
    """Redis being away is no reason not to start: requests are answered 503 until it comes."""
    process = start(tmp_path, REDIS_URL=f"unix://{tmp_path}/nothing", QSTASH_TOKEN=DEVELOPMENT_TOKEN)
    server = Server(tmp_path)
    try:
        wait_until(server.answers, "gunicorn answers")
        assert server.send("GET /health")[0] == 503
        assert server.send("POST /v2/publish/https://example.com")[0] == 503
    finally:
        stop(process, tmp_path)
