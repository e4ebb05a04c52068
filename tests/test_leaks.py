"""The leak check itself: a check that never finds anything would be no check."""

from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from qstash_rq.store import keys
from tests.leaks import find_leaks


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    """Give a client, and leave nothing behind."""
    with Redis.from_url(redis_url) as opened:
        yield opened
        opened.flushall()


def test_finds_a_key_that_never_goes(client: Any, redis_url: str) -> None:
    """A record without a time to live is a leak once no message lives; one with is none."""
    client.hset(keys.JOB("msg_a"), "state", "delivered")
    client.hset(keys.JOB("msg_b"), "state", "delivered")
    client.expire(keys.JOB("msg_b"), 60)

    assert find_leaks(redis_url) == [keys.JOB("msg_a")]


def test_living_messages_have_their_keys(client: Any, redis_url: str) -> None:
    """While a message lives its record, its place and its lease are no leaks."""
    client.hset(keys.JOB("msg_a"), "state", "active")
    client.zadd(keys.LIVE("alice"), {"msg_a": 1})
    client.zadd(keys.LEASES(), {"msg_a": 1})

    assert find_leaks(redis_url) == []


def test_permanent_keys_may_stay(client: Any, redis_url: str) -> None:
    """Users and queues outlive every message."""
    client.sadd(keys.USERS(), "alice")
    client.hset(keys.LANE("alice:q"), "paused", "0")

    assert find_leaks(redis_url) == []


def test_finds_a_key_that_nobody_declared(client: Any, redis_url: str) -> None:
    """A key that is spelled outside the one module of key names is a leak, with a time to live too."""
    client.set("rq:stray", "x", ex=60)

    assert find_leaks(redis_url) == ["rq:stray"]
