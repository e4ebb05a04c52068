"""Sends requests to the whole front, as its server would, without one."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from api.app import assemble
from api.asgi_environ import environ_of
from api.asgi_messages import Message
from api.auth import Gate
from api.errors import ErrorAnswers
from api.front import Front
from api.publish_lane import PublishLane
from qstash_rq.core import Core
from qstash_rq.group_commit import GroupCommit
from qstash_rq.waiting import open_async_store

Fields = dict[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    fields: Fields
    body: str


class AsgiCaller:
    """`front` is the whole of it, `lane` its short way alone, each with a gate of its own."""

    def __init__(self, core: Core, commit: GroupCommit, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._front = Front(core, commit)
        gate = Gate(core)
        errors = ErrorAnswers(core.clock, on_outage=gate.forget)
        self.gate = gate
        self.flask = assemble(core, gate, errors)
        self._lane = PublishLane(core, gate, errors, commit)

    def front(self, target: str, fields: Fields, body: bytes = b"", method: str = "POST") -> Answer:
        """Send a request to the whole front."""
        exchange = _Exchange(fields, body)
        self._runner.run(
            self._front(http_scope(method, target, fields, body), exchange.receive, exchange.send)
        )
        return exchange.answer()

    def lane(self, target: str, fields: Fields, body: bytes = b"", method: str = "POST") -> Answer | None:
        """Send a request to the lane; None when it does not take it."""
        exchange = _Exchange(fields, body)
        environ = environ_of(http_scope(method, target, fields, body))
        taken = self._runner.run(self._lane.answer(environ, exchange.receive))
        if taken is None:
            return None
        found = {name.decode(): value.decode() for name, value in taken.fields}
        return Answer(taken.status, found, taken.body.decode())


@contextmanager
def asgi_caller(core: Core) -> Iterator[AsgiCaller]:
    """Give a caller of `core`."""
    with asyncio.Runner() as runner:
        store = open_async_store(core.settings)
        yield AsgiCaller(core, GroupCommit(core, store), runner)
        runner.run(store.aclose())


class _Exchange:
    """What the server has: a body, which ends early when more was announced, and room for an answer."""

    def __init__(self, fields: Fields, body: bytes) -> None:
        self._body: bytes | None = body
        self._cut = int(fields.get("Content-Length", "0")) > len(body)
        self._sent: list[Message] = []

    async def receive(self) -> Message:
        if self._body is None:
            return {"type": "http.disconnect"}
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": self._cut}

    async def send(self, message: Message) -> None:
        self._sent.append(message)

    def answer(self) -> Answer:
        start, *pieces = self._sent
        fields = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], fields, b"".join(piece["body"] for piece in pieces).decode())


def http_scope(method: str, target: str, fields: Fields, body: bytes) -> dict[str, Any]:
    """Return what a server tells of a request with this body."""
    path, _, query = target.partition("?")
    headers = [
        (name.lower().encode(), text.encode(errors="surrogateescape")) for name, text in fields.items()
    ]
    if body and fields.keys().isdisjoint(("Transfer-Encoding", "Content-Length")):
        headers.append((b"content-length", b"%d" % len(body)))
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(errors="surrogatepass"),
        "query_string": query.encode(errors="surrogatepass"),
        "headers": headers,
        "client": ("192.0.2.7", 1234),
    }
