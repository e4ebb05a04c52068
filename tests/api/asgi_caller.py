"""Sends requests to the whole front as its server would: to the lane first, then to the application."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from api.app import assemble
from api.asgi_messages import Message
from api.auth import Gate
from api.errors import ErrorAnswers
from api.front import Front
from api.plain_publish import plain_publish
from api.publish_lane import PublishLane
from qstash_rq.core import Core
from qstash_rq.group_commit import GroupCommit
from qstash_rq.waiting import open_async_store

T = TypeVar("T")
Fields = dict[str, str]

PEER = "192.0.2.7"


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
        self.lane_alone = PublishLane(core, gate, errors, commit)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something on the event loop of this caller."""
        return self._runner.run(work)

    def front(self, target: str, fields: Fields, body: bytes = b"", method: str = "POST") -> Answer:
        """Send a request to the whole front."""
        taken = self._runner.run(_taken(self._front.lane, _wire(method, target, fields, body)))
        if taken is not None:
            return taken
        exchange = _Exchange(fields, body)
        self._runner.run(
            self._front(http_scope(method, target, fields, body), exchange.receive, exchange.send)
        )
        return exchange.answer()

    def lane(self, target: str, fields: Fields, body: bytes = b"", method: str = "POST") -> Answer | None:
        """Send a request to the lane; None when it does not take it."""
        return self._runner.run(_taken(self.lane_alone, _wire(method, target, fields, body)))


async def _taken(lane: PublishLane, wire: bytes) -> Answer | None:
    publish = plain_publish(wire)
    if publish is None or publish.end != len(wire):
        return None
    begun = lane.begin(publish, wire[publish.body_at :], PEER)
    if begun is None:
        return None
    await asyncio.wait((begun.stored,))
    taken = lane.answer(begun)
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


def _wire(method: str, target: str, fields: Fields, body: bytes) -> bytes:
    lines = [f"{method} ".encode() + target.encode(errors="surrogatepass") + b" HTTP/1.1"]
    lines += [name + b": " + value for name, value in _fields(fields, body)]
    return b"\r\n".join((*lines, b"", body))


def _fields(fields: Fields, body: bytes) -> list[tuple[bytes, bytes]]:
    sent = [(name.lower().encode(), text.encode(errors="surrogateescape")) for name, text in fields.items()]
    if body and fields.keys().isdisjoint(("Transfer-Encoding", "Content-Length")):
        sent.append((b"content-length", b"%d" % len(body)))
    return sent


def http_scope(method: str, target: str, fields: Fields, body: bytes) -> dict[str, Any]:
    """Return what a server tells of a request with this body."""
    path, _, query = target.partition("?")
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(errors="surrogatepass"),
        "query_string": query.encode(errors="surrogatepass"),
        "headers": _fields(fields, body),
        "client": (PEER, 1234),
    }
