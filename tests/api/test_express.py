"""What one connection takes for the lane, and when it gives up on a publish that does not become whole."""

import asyncio

import pytest

from api import express
from api.express import Express
from api.publish_lane import Begun
from qstash_rq.core import Core
from tests.api.asgi_caller import asgi_caller

_WHOLE = b"POST /v2/publish/https://a.io HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"


def _refuse(_: Begun) -> None:
    pytest.fail("a publish was begun")


def test_a_body_that_comes_late_is_left_to_the_server(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a moment the server gets what is there of a publish, and nothing is held any more."""
    monkeypatch.setattr(express, "_PATIENCE_S", 0)

    async def wait_for_server() -> bytes:
        given: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        connection = Express(caller.lane_alone, None, _refuse, given.set_result)
        assert connection.feed(_WHOLE[:-1]) == b""
        assert connection.is_busy
        data = await given
        assert not connection.is_busy
        return data

    with asgi_caller(core) as caller:
        assert caller.run(wait_for_server()) == _WHOLE[:-1]


@pytest.mark.parametrize("cut", range(1, len(_WHOLE)))
def test_what_the_lane_does_not_know_is_given_back_whole(core: Core, cut: int) -> None:
    """Of a publish of an unknown caller, wherever it is cut, the server gets every byte once."""

    async def feed() -> bytes:
        connection = Express(caller.lane_alone, None, _refuse, pytest.fail)
        return connection.feed(_WHOLE[:cut]) + connection.feed(_WHOLE[cut:])

    with asgi_caller(core) as caller:
        assert caller.run(feed()) == _WHOLE
