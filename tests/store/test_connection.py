"""Clients: which server they go to, and which servers are refused."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from redis import Redis

from qstash_rq.core import Core
from qstash_rq.errors import SettingsError
from qstash_rq.settings import Settings
from qstash_rq.starting import refuse_unfit_server
from qstash_rq.store.connection import open_client, url_of
from qstash_rq.store.executor import Executor
from tests import seed

_FALLBACK = "redis://:secret@main:6379/0"
_WHERE = ("host", "port", "db", "path", "username", "password")


def _where(url: str) -> dict[str, object]:
    options = Redis.from_url(url).connection_pool.connection_kwargs
    return {name: options.get(name) for name in _WHERE}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://other:7000/3", "redis://other:7000/3"),
        ("redis://other", "redis://other:6379/0"),
        ("rediss://other:7000", "rediss://other:7000/0"),
        ("redis://:p%40ss%2Fw%23@other", "redis://:p%40ss%2Fw%23@other:6379/0"),
        ("redis://us%3Aer:p@other", "redis://us%3Aer:p@other:6379/0"),
        ("redis://[::1]:7000/1", "redis://[::1]:7000/1"),
        ("unix:///run/redis.sock?db=2", "unix:///run/redis.sock?db=2"),
        ("unix://us:p%40@/run/redis.sock", "unix://us:p%40@/run/redis.sock?db=0"),
    ],
)
def test_the_url_of_a_client_leads_to_the_same_server(url: str, expected: str) -> None:
    """What the RQ command line connected to can be said as a URL, passwords and sockets included."""
    said = url_of(Redis.from_url(url), _FALLBACK)

    assert said == expected
    assert {name: value for name, value in _where(url).items() if value} == {
        name: value
        for name, value in _where(said).items()
        if value and (name != "port" or _where(url)["port"])
    }


@pytest.mark.parametrize(
    ("url", "fallback"),
    [
        ("redis://main:6379/0", _FALLBACK),
        ("redis://main", _FALLBACK),
        ("redis://main", "rediss://main:6379/0?ssl_ca_certs=/ca.pem"),
        ("redis://localhost", "redis://"),
        ("unix:///run/redis.sock", "unix://us:p@/run/redis.sock"),
    ],
)
def test_the_settings_win_for_the_same_server(url: str, fallback: str) -> None:
    """Where both name the same place the settings' URL is taken: it may say more."""
    assert url_of(Redis.from_url(url), fallback) == fallback


def test_a_client_that_no_url_describes_is_left_to_the_settings() -> None:
    """A pool without an address says nothing."""
    client = Redis.from_url("redis://other")
    client.connection_pool.connection_kwargs.clear()

    assert url_of(client, _FALLBACK) == _FALLBACK


def test_a_client_connects_only_when_it_is_used() -> None:
    """Opening a client for a server that is not there is no error."""
    open_client("redis://127.0.0.1:1/0").pipeline()


@contextmanager
def _configured(core: Core, **options: str) -> Iterator[None]:
    """Change the server's configuration for a while."""
    send = core.store.client.execute_command
    names = {name.replace("_", "-"): value for name, value in options.items()}
    before = {name: send("CONFIG GET", name)[name] for name in names}
    try:
        for name, value in names.items():
            send("CONFIG SET", name, value)
        yield
    finally:
        for name, value in before.items():
            send("CONFIG SET", name, value)


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-lru", "allkeys-random", "volatile-ttl"])
def test_a_server_that_may_evict_is_refused(core: Core, policy: str) -> None:
    """The text names the setting and the policy; nothing is written."""
    before = seed.contents(core)

    with (
        _configured(core, maxmemory_policy=policy),
        pytest.raises(SettingsError, match=f"REDIS_URL: maxmemory-policy is {policy}"),
    ):
        refuse_unfit_server(core)

    assert seed.contents(core) == before


@pytest.mark.parametrize(
    ("options", "warns"),
    [
        ({"appendonly": "yes", "save": ""}, False),
        ({"appendonly": "no", "save": "900 1"}, False),
        ({"appendonly": "no", "save": ""}, True),
    ],
)
def test_a_server_without_persistence_is_warned_about(
    core: Core, caplog: pytest.LogCaptureFixture, options: dict[str, str], warns: bool
) -> None:
    """A server that keeps nothing on disk may be used, but not without a word."""
    with _configured(core, **options), caplog.at_level(logging.WARNING):
        refuse_unfit_server(core)

    assert bool(caplog.records) == warns


def test_a_server_that_hides_its_configuration_is_taken(
    core: Core, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """A managed service that forbids CONFIG is used with a warning."""
    send = core.store.client.execute_command
    send("ACL", "SETUSER", "guest", "on", "nopass", "~*", "&*", "+@all", "-config")
    try:
        client = Redis.from_url(settings.redis_url, username="guest", password="any")
        with caplog.at_level(logging.WARNING):
            refuse_unfit_server(Core(settings, core.clock, Executor(client), core.schemes))  # type: ignore[arg-type]
        client.close()
    finally:
        send("ACL", "DELUSER", "guest")

    assert len(caplog.records) == 1


def test_a_server_that_is_not_there_yet_is_waited_for(
    core: Core, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """A process that starts before Redis starts all the same."""
    away = Core(settings, core.clock, Executor(open_client("redis://127.0.0.1:1/0")), core.schemes)
    with caplog.at_level(logging.WARNING):
        refuse_unfit_server(away)

    assert len(caplog.records) == 1
