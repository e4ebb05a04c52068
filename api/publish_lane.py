"""A short way for plain publishes: answered on the event loop, without Flask and without a thread.

It takes a publish or enqueue of a known token to a URL and asks the core the same questions as Flask's route
does. Whatever it does not take, and whatever the core refuses, goes to Flask as if it had come there first,
so that there is one place that writes errors. Of Flask's 300 microseconds a publish this needs a tenth.
"""

import asyncio
from dataclasses import dataclass

from api.answer import JSON, accepted_status, encode
from api.asgi_messages import Answer
from api.auth import Gate
from api.cors import Cors
from api.errors import ErrorAnswers
from api.known_users import KnownUsers
from api.plain_publish import PlainPublish
from api.wire.messages import receipt_json
from qstash_rq.core import Core
from qstash_rq.errors import QStashError
from qstash_rq.group_commit import GroupCommit
from qstash_rq.publish import Item, plain_item, receipts_of

_JSON_TYPE = (b"Content-Type", JSON.encode())


@dataclass(frozen=True, slots=True)
class Begun:
    """A publish on its way to Redis; `stored` is done when it is there, or could not be put there."""

    item: Item
    stored: "asyncio.Future[tuple[str, ...]]"


class PublishLane:
    """Takes the plain publishes of one application."""

    def __init__(self, core: Core, gate: Gate, errors: ErrorAnswers, commit: GroupCommit) -> None:
        self._core = core
        self._users = KnownUsers(gate)
        self._errors = errors
        self._commit = commit
        self._always = Cors(core.settings).fields_without_origin

    def begin(self, publish: PlainPublish, body: bytes, peer: str | None) -> Begun | None:
        """Begin to store a publish that `peer` sent; None, and nothing begun, if it is none for this lane."""
        identity = self._users.recall(publish.token)
        if identity is None or identity.read_only or len(body) > self._core.settings.max_body_bytes:
            return None
        request = publish.request(body, peer, self._core.settings.trusted_proxies)
        try:
            item = plain_item(self._core, identity.user_id, request)
        except Exception:  # noqa: BLE001 - a defect too: the route meets it again, logs it and answers 500
            return None
        return None if item is None else Begun(item, self._commit.store(identity.user_id, item))

    def answer(self, begun: Begun) -> Answer:
        """Return the answer to a publish once it is stored, or could not be; raises what is a defect."""
        try:
            receipts = receipts_of(begun.item, begun.stored.result())
        except QStashError as error:
            refusal = self._errors.answer(error)
            return self._answer(refusal.status_code, refusal.get_data())
        # A plain item is one message.
        return self._answer(accepted_status(receipts), encode(receipt_json(receipts[0])).encode())

    def _answer(self, status: int, body: bytes) -> Answer:
        length = (b"Content-Length", b"%d" % len(body))
        return Answer(status, (_JSON_TYPE, length, *self._always), body)
