"""No case of the corpus reaches the canary: not past publish, and not past a worker it was handed to."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from qstash_rq.allowed_hosts import parse_allowed_hosts
from qstash_rq.core import Core
from qstash_rq.delivery import Attempt
from qstash_rq.errors import InvalidInput
from qstash_rq.hosts import system_resolver
from qstash_rq.publish import PublishRequest, publish
from qstash_rq.users import FIRST_USER
from tests import seed
from tests.security.canary import Canary, running_canary
from tests.security.corpus import CASES, DECOYS, NAME_CASES, NAMES, PRIVATE, PUBLIC, REACHING, URLS, flat
from tests.security.dns_server import Dns, dns_server
from tests.workers.sending import make_prepared, send_all

REFUSED = [f"http://{host}:{{port}}/" for host in (*flat(REACHING), *flat(PRIVATE), *NAME_CASES)] + [*URLS]
# The names that lead to the canary when nobody guards it, and whose every address can be tried at once.
REACHING_NAMES = (
    "loopback.test",
    "loopback2.test",
    "loopback6.test",
    "mapped.test",
    "two.test",
    "alias.test",
)
_PATIENCE_MS = 2_000


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    """Give the service that must not be reached."""
    with running_canary() as running:
        yield running


@pytest.fixture(scope="module")
def dns() -> Iterator[Dns]:
    """Give the name server that knows the names of the corpus."""
    with dns_server({name: [records] for name, records in NAMES.items()}) as running:
        yield running


@pytest.fixture
def own_dns(dns: Dns, monkeypatch: pytest.MonkeyPatch) -> Dns:
    """Let the operating system's resolver ask the test's name server for the names that it knows."""
    theirs = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if dns.knows(host) or host.endswith(".test"):
            return [(0, 0, 0, "", (address, port)) for address in dns.look_up(host)]
        return theirs(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return dns


@pytest.fixture
def guarded(core: Core) -> Core:
    """Give a core with the guard on, but for the addresses that stand for the public internet."""
    allowed = parse_allowed_hosts(f"{PUBLIC}/32")
    return replace(
        core, settings=replace(core.settings, allow_private_networks=False, allowed_private_hosts=allowed)
    )


def _deliver(url: str, core: Core, *, allow_private: bool = False) -> Attempt:
    prepared = make_prepared(url, allow_private=allow_private, timeout_ms=_PATIENCE_MS)
    [attempt] = send_all(prepared, resolve=system_resolver, settings=core.settings)
    return attempt


def test_the_corpus_is_large() -> None:
    """Enough cases, and none twice."""
    assert CASES >= 250
    assert len({*REFUSED, *DECOYS}) == CASES


@pytest.mark.parametrize("template", REFUSED)
@pytest.mark.usefixtures("own_dns")
def test_no_case_gets_in(guarded: Core, canary: Canary, template: str) -> None:
    """Publish refuses it and stores nothing; a worker that is handed it fails, and no word gets out."""
    url = template.format(port=canary.port)
    before, reached = seed.contents(guarded), canary.reached

    with pytest.raises(InvalidInput):
        publish(guarded, FIRST_USER, PublishRequest(destination=url, headers=(), body=b"x"))
    attempt = _deliver(url, guarded)

    assert seed.contents(guarded) == before
    assert attempt.status is None
    assert attempt.error
    assert canary.reached == reached


@pytest.mark.parametrize("host", DECOYS)
@pytest.mark.usefixtures("own_dns")
def test_a_public_host_is_not_taken_for_another(guarded: Core, canary: Canary, host: str) -> None:
    """What only looks like the canary, or hides it, leads to the public host that it names."""
    reached = canary.reached
    url = f"http://{host}:{canary.port}/"

    attempt = _deliver(url, guarded)

    assert attempt.status is None
    assert canary.reached == reached


@pytest.mark.parametrize("host", [*flat(REACHING), *REACHING_NAMES])
@pytest.mark.usefixtures("own_dns")
def test_the_canary_is_there_to_be_reached(core: Core, canary: Canary, host: str) -> None:
    """Without the guard the same hosts lead to it: what keeps them away is the guard and nothing else."""
    reached = canary.reached
    url = f"http://{host}:{canary.port}/"

    published = publish(core, FIRST_USER, PublishRequest(destination=url, headers=(), body=b"x"))
    attempt = _deliver(url, core, allow_private=True)

    assert published.receipts[0].url == url
    assert (attempt.status, canary.reached) == (200, reached + 1), attempt
