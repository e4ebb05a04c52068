"""What the scripted receiver remembers and answers: requests, replies and gates."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from http import HTTPStatus

_BODILESS = frozenset({204, 304})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it arrived; header text is UTF-8 with lone bytes as surrogates."""

    method: str
    target: str  # undecoded, as on the wire
    headers: tuple[tuple[str, str], ...]
    body: bytes
    number: int  # arrival order, from 1
    open_requests: int  # unanswered requests at arrival, this one included
    arrived_ms: int  # monotonic

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def header(self, name: str) -> str | None:
        """Return the first value of the header `name`, whatever its case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class Gate:
    """Holds an answer back until the test calls `open`; one that is never opened is a hanging endpoint."""

    def __init__(self) -> None:
        self._future: Future[None] = Future()

    def open(self) -> None:
        """Let everything pass that waits here, now and later."""
        if not self._future.done():
            self._future.set_result(None)

    async def wait(self) -> None:
        """Return when the gate is open."""
        await asyncio.shield(asyncio.wrap_future(self._future))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What to answer; without arguments 200 and no body."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    gate: Gate | None = None  # nothing is sent before it opens
    body_gate: Gate | None = None  # the head and half of the body are sent before it opens
    raw: bytes | None = None  # sent instead of a response, then the connection is closed
    reset: bool = False  # the connection is reset instead of an answer
    close: bool = False  # the connection is closed after the answer
    endless: bool = False  # the body is repeated until the peer hangs up

    @property
    def bodiless(self) -> bool:
        """Whether the status forbids a body."""
        return self.status in _BODILESS

    def head(self) -> bytes:
        """Return the status line and the headers."""
        try:
            reason = HTTPStatus(self.status).phrase
        except ValueError:
            reason = "Unassigned"
        lines = [f"HTTP/1.1 {self.status} {reason}", *(f"{name}: {value}" for name, value in self.headers)]
        if not self.bodiless and not self.endless:
            lines.append(f"Content-Length: {len(self.body)}")
        if self.close or self.endless:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")


Script = Reply | Callable[[Request], Reply]


def hang() -> Reply:
    """Return an answer that never comes."""
    return Reply(gate=Gate())
