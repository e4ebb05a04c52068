"""What a web process holds of request bodies is bounded: the call that would go over it hears 503."""

import asyncio
import json
import logging
from dataclasses import replace

import pytest

from api.asgi_messages import Message
from api.body_room import BodyRoom
from api.front import Front
from qstash_rq.core import Core
from qstash_rq.errors import Overloaded
from qstash_rq.group_commit import GroupCommit
from qstash_rq.waiting import open_async_store
from tests.api.asgi_caller import http_scope
from tests.api.serving import BEARER

_PIECE = bytes(400_000)
_TARGET = "/v2/publish/https://example.com/hook"
_FIELDS = {"Authorization": BEARER}


def test_room_is_given_back() -> None:
    """Room is what others have left: whoever ends gives it back, and who is alone is never refused."""
    room = BodyRoom(100)
    first, second = room.lease(), room.lease()
    first.take(60)
    second.take(40)
    with pytest.raises(Overloaded):
        second.take(1)
    with pytest.raises(Overloaded):
        first.take(1)

    first.end()
    second.take(60)
    second.take(1000)
    second.end()
    room.lease().take(100)


class _Sender:
    """Sends a body in two pieces, the second one when told; `status` is what it heard."""

    def __init__(self) -> None:
        self.half_taken = asyncio.Event()
        self.go_on = asyncio.Event()
        self.status = 0
        self.body = b""
        self._pieces = 0

    async def receive(self) -> Message:
        self._pieces += 1
        if self._pieces == 2:
            self.half_taken.set()
            await self.go_on.wait()
        return {"type": "http.request", "body": _PIECE, "more_body": self._pieces == 1}

    async def send(self, message: Message) -> None:
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")


def test_bodies_that_come_together_have_so_much_room(core: Core, caplog: pytest.LogCaptureFixture) -> None:
    """While one body fills the room another is refused, which is told; each alone is taken."""
    core = replace(core, settings=replace(core.settings, web_body_bytes=len(_PIECE) + 1))
    caplog.set_level(logging.ERROR, "api")

    async def story() -> list[_Sender]:
        store = open_async_store(core.settings)
        front = Front(core, GroupCommit(core, store))

        async def call(sender: _Sender) -> None:
            scope = http_scope("POST", _TARGET, _FIELDS, _PIECE + _PIECE)
            await front(scope, sender.receive, sender.send)

        first, second, third = senders = [_Sender() for _ in range(3)]
        slow = asyncio.create_task(call(first))
        await first.half_taken.wait()
        await call(second)
        third.go_on.set()
        first.go_on.set()
        await slow
        await call(third)
        await store.aclose()
        return senders

    first, second, third = asyncio.run(asyncio.wait_for(story(), 20))

    assert [one.status for one in (first, second, third)] == [200, 503, 200]
    assert list(json.loads(second.body)) == ["error"]
    assert [record.getMessage() for record in caplog.records] == [
        "api.unavailable: this process holds too many request bodies now, try again later"
    ]
