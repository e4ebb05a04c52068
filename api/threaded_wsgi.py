"""Run a WSGI application, which may block, beside an event loop: each call in a thread of a small pool.

The body is handed over piece by piece as the application reads it, so that one that is refused unread is
never held in memory, and a sender that waits for `100 Continue` gets it only when its body is wanted.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from api.asgi_messages import Answer, Receive, Send, next_piece, send_answer
from api.body_room import BodyLease, BodyRoom

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

_THREADS = 16


class ThreadedWsgi:
    """One WSGI application and its threads."""

    def __init__(self, application: "WSGIApplication", room: BodyRoom) -> None:
        self._application = application
        self._room = room
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="wsgi")

    async def __call__(self, environ: "WSGIEnvironment", receive: Receive, send: Send) -> None:
        """Answer one request; `environ` may bring a `wsgi.input` of its own, else the body is received."""
        loop = asyncio.get_running_loop()
        lease = self._room.lease()
        environ.setdefault("wsgi.input", _Body(receive, loop, lease))
        try:
            answer = await loop.run_in_executor(self._threads, self._run, environ)
        finally:
            lease.end()
        await send_answer(send, answer)

    def _run(self, environ: "WSGIEnvironment") -> Answer:
        started: list[tuple[int, list[tuple[bytes, bytes]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _trouble: Any = None) -> Any:  # noqa: ANN401 - WSGI
            fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
            started[:] = [(int(status.split(" ", 1)[0]), fields)]

        pieces = self._application(environ, start_response)
        try:
            body = b"".join(pieces)
        finally:
            # PEP 3333 asks for it, and so Flask learns that the request is over.
            close = getattr(pieces, "close", None)
            if close is not None:
                close()
        ((code, fields),) = started
        return Answer(code, fields, body)


class _Body:
    """A request's body as a file: `read` waits in its thread until the loop has received enough."""

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop, lease: BodyLease) -> None:
        self._receive = receive
        self._loop = loop
        self._lease = lease
        self._held = b""
        self._more = True

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size`, none at the end.

        Raises OSError when the client hung up, Overloaded when there is no room for more bodies.
        """
        while self._more and not self._held:
            waiting = asyncio.run_coroutine_threadsafe(next_piece(self._receive), self._loop)
            self._held, self._more = waiting.result()
            self._lease.take(len(self._held))
        piece, self._held = self._held[:size], self._held[size:]
        return piece
