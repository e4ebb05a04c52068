"""A short way for plain publishes: answered on the event loop, without Flask and without a thread.

It takes a publish or enqueue of a known token to a URL and asks the core the same questions as Flask's route
does. Whatever it does not take, and whatever the core refuses, goes to Flask as if it had come there first,
so that there is one place that writes errors. Of Flask's 300 microseconds a publish this needs a tenth.
"""

from io import BytesIO
from typing import TYPE_CHECKING

from api.answer import JSON, accepted_status, encode
from api.asgi_messages import Answer, Receive, next_piece
from api.auth import Gate, request_token
from api.body import content_length
from api.cors import Cors
from api.errors import ErrorAnswers
from api.known_users import KnownUsers
from api.publish_request import publish_request_of
from api.raw_target import rewrite
from api.wire.messages import receipt_json
from qstash_rq.core import Core
from qstash_rq.errors import QStashError
from qstash_rq.group_commit import GroupCommit
from qstash_rq.publish import Item, plain_item, receipts_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# A larger body is received in a thread, of which there are few: so it is not the memory that gives out.
_LARGEST_BODY = 65_536

_PUBLISH = "/v2/publish"
_ENQUEUE = "/v2/enqueue/"

_JSON_TYPE = (b"Content-Type", JSON.encode())


class PublishLane:
    """Answers the plain publishes of one application."""

    def __init__(self, core: Core, gate: Gate, errors: ErrorAnswers, commit: GroupCommit) -> None:
        self._core = core
        self._users = KnownUsers(gate)
        self._errors = errors
        self._commit = commit
        self._always = Cors(core.settings).fields_without_origin

    async def answer(self, environ: "WSGIEnvironment", receive: Receive) -> Answer | None:
        """Do what a request asks and return the answer, or None if it is none for this lane.

        One that is not can still be answered by others; if its body has been received by then, `wsgi.input`
        has it.
        """
        if environ["REQUEST_METHOD"] != "POST":
            return None
        rewrite(environ)
        user_id = self._user_of(environ)
        if user_id is None or not _is_here(environ["PATH_INFO"]):
            return None
        try:
            item = self._item(user_id, environ) if await _receive_body(environ, receive) else None
        except QStashError:
            return None
        return None if item is None else await self._stored(user_id, item)

    async def _stored(self, user_id: str, item: Item) -> Answer:
        try:
            receipts = receipts_of(item, await self._commit.store(user_id, item))
        except QStashError as error:
            refusal = self._errors.answer(error)
            return self._answer(refusal.status_code, refusal.get_data())
        # A plain item is one message.
        return self._answer(accepted_status(receipts), encode(receipt_json(receipts[0])).encode())

    def _user_of(self, environ: "WSGIEnvironment") -> str | None:
        """Return who may publish with the token of a request, if nothing more has to be asked."""
        identity = self._users.recall(request_token(environ))
        if identity is None or identity.read_only or "HTTP_ORIGIN" in environ:
            return None
        return identity.user_id

    def _item(self, user_id: str, environ: "WSGIEnvironment") -> Item | None:
        path: str = environ["PATH_INFO"]
        queue_name = path.removeprefix(_ENQUEUE) if path != _PUBLISH else None
        try:
            request = publish_request_of(environ, self._core.settings, queue_name)
        finally:
            environ["wsgi.input"].seek(0)  # the route may have to read it again
        return plain_item(self._core, user_id, request)

    def _answer(self, status: int, body: bytes) -> Answer:
        length = (b"Content-Length", b"%d" % len(body))
        return Answer(status, (_JSON_TYPE, length, *self._always), body)


def _is_here(path: str) -> bool:
    # A name that has to be decoded is decoded by the route.
    return path == _PUBLISH or (path.startswith(_ENQUEUE) and path.isascii() and "%" not in path)


async def _receive_body(environ: "WSGIEnvironment", receive: Receive) -> bool:
    """Receive a small body into `wsgi.input`; tell whether that was possible."""
    if environ["wsgi.input_terminated"] or (content_length(environ) or 0) > _LARGEST_BODY:
        return False
    pieces: list[bytes] = []
    more = bool(content_length(environ))
    try:
        while more:
            piece, more = await next_piece(receive)
            pieces.append(piece)
    except OSError:
        # The client hung up; what has come is too short, and the route says so.
        return False
    finally:
        environ["wsgi.input"] = BytesIO(b"".join(pieces))
    return True
