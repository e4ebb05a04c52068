"""REDIS_URL: what each form of it says."""

from typing import Any

import pytest

from qstash_rq.errors import SettingsError
from qstash_rq.store.redis_url import Route, read_redis_url

SENTINEL: dict[str, tuple[tuple[tuple[str, int], ...], str, dict[str, Any]]] = {
    "redis+sentinel://one/main": ((("one", 26379),), "main", {"db": 0}),
    "redis+sentinel://one:7,two,[::1]:9/main/3": (
        (("one", 7), ("two", 26379), ("::1", 9)),
        "main",
        {"db": 3},
    ),
    "redis+sentinel://us%40er:p%2Fw@one/main": (
        (("one", 26379),),
        "main",
        {"db": 0, "username": "us@er", "password": "p/w"},
    ),
    "redis+sentinel://:pw@one/main/1?client_name=q&max_connections=9": (
        (("one", 26379),),
        "main",
        {"db": 1, "password": "pw", "client_name": "q", "max_connections": 9},
    ),
}


@pytest.mark.parametrize("url", ["redis://host:1/2", "rediss://:pw@host", "unix:///run/redis.sock"])
def test_an_ordinary_url_is_left_to_the_client(url: str) -> None:
    """What redis-py reads itself is not taken apart."""
    assert read_redis_url(url).route is Route.SERVER


@pytest.mark.parametrize(("url", "expected"), SENTINEL.items(), ids=SENTINEL)
def test_sentinels_and_the_master_they_watch(
    url: str, expected: tuple[tuple[tuple[str, int], ...], str, dict[str, Any]]
) -> None:
    """Several Sentinels, the name of the master, its database, and who we are to it."""
    found = read_redis_url(url)

    assert found.route is Route.SENTINEL
    assert (found.hosts, found.service, found.options) == expected
    assert not found.tls
    assert found.sentinel_options == {}


def test_sentinels_know_us_by_another_name() -> None:
    """Credentials for the Sentinels themselves are kept apart from those for the master."""
    found = read_redis_url("rediss+sentinel://:pw@one/main?sentinel_username=s&sentinel_password=t")

    assert found.tls
    assert found.options == {"db": 0, "password": "pw"}
    assert found.sentinel_options == {"username": "s", "password": "t"}


def test_nodes_of_a_cluster() -> None:
    """Any nodes of it will do; there is one database."""
    found = read_redis_url("redis+cluster://:pw@one,two:7/0")

    assert found.route is Route.CLUSTER
    assert found.hosts == (("one", 6379), ("two", 7))
    assert found.options == {"db": 0, "password": "pw"}


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("redis+sentinel://:secret@one", "name the master"),
        ("redis+sentinel://:secret@one/main/first", "name the master"),
        ("redis+sentinel://:secret@one/main/1/2", "name the master"),
        ("redis+sentinel://:secret@/main", "a host has no name"),
        ("redis+sentinel://:secret@one,,two/main", "a host has no name"),
        ("redis+sentinel://:secret@one:port/main", "Port could not be cast"),
        ("redis+cluster://:secret@one/1", "database 0 alone"),
        ("redis+cluster://:secret@one?socket_timeout=long", "Invalid value for 'socket_timeout'"),
    ],
)
def test_what_says_too_little_is_refused(url: str, text: str) -> None:
    """The text names the setting and what is wrong, and never the password."""
    with pytest.raises(SettingsError, match=text) as raised:
        read_redis_url(url)

    assert str(raised.value).startswith("REDIS_URL: ")
    assert "secret" not in str(raised.value)
