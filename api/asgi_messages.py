"""The messages by which an ASGI server and an application speak of one request and its answer."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Fields = Iterable[tuple[bytes, bytes]]


class Answer(NamedTuple):
    """A whole answer; `fields` are its headers, `Content-Length` among them."""

    status: int
    fields: Fields
    body: bytes


async def send_answer(send: Send, answer: Answer) -> None:
    """Send a whole answer."""
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.fields})
    await send({"type": "http.response.body", "body": answer.body})


async def next_piece(receive: Receive) -> tuple[bytes, bool]:
    """Return the next piece of a body and whether there may be more; raises OSError after a hang-up."""
    message = await receive()
    if message["type"] != "http.request":
        msg = "the client hung up"
        raise ConnectionResetError(msg)
    return message.get("body", b""), message.get("more_body", False)
