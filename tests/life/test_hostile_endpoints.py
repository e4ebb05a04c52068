"""A hostile endpoint costs one slot until its time-out, and nobody else anything (promise 7)."""

import asyncio
import base64
import datetime as dt
import re
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.life.caller import Caller
from tests.life.hostile import FAILING_AT_ONCE, HANGING
from tests.receiver import Receiver
from tests.running import Process, Product
from tests.waiting import wait_until
from tests.workers.raw_server import OK, Player, raw_server, say

_LARGEST_BODY = 1_000_000
_EACH = 2
_TIMEOUT_S = 8
# What a worker may grow by. Each body is held a few times over while it is settled.
_GROWTH_BYTES = 150_000_000
_ONCE = {"Upstash-Retries": "1", "Upstash-Retry-Delay": "86400000"}
_STATUS = Path("/proc/self/status")

_has_proc = pytest.mark.skipif(not _STATUS.exists(), reason="this system does not show what a process uses")


def _play_by_path(players: dict[str, Player]) -> Player:
    """Return a player of many parts: the first segment of a path is the number of one of them."""
    numbered = [*players.values()]

    async def play(request: bytes, writer: asyncio.StreamWriter) -> None:
        found = re.match(rb"POST /(\d+)", request)
        assert found is not None
        await numbered[int(found[1])](request, writer)

    return play


def _most_memory(process: Process) -> int:
    text = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    found = re.search(r"VmHWM:\s+(\d+) kB", text)
    assert found is not None
    return int(found[1]) * 1_024


@pytest.fixture
def api(own: Product) -> Iterator[Caller]:
    """Give a caller of a product without a worker."""
    own.start_api()
    caller = Caller(own.port)
    yield caller
    assert caller.call("DELETE", "/v2/messages").status == 200


@pytest.fixture
def small(own: Product, tmp_path: Path) -> Iterator[Product]:
    """Give a deployment beside it whose worker has one slot more than there are endpoints that hang."""
    slots = (len(HANGING) + 1) * _EACH + 1
    settings = {
        "QSTASH_WORKER_CONCURRENCY": str(slots),
        "QSTASH_MAX_BODY_BYTES": str(_LARGEST_BODY),
    }
    with Product(own.redis_url, tmp_path / "small", **settings) as product:
        yield product


@pytest.mark.timeout(120)
def test_hanging_endpoints_leave_the_other_slots_to_others(
    api: Caller, small: Product, receiver: Receiver
) -> None:
    """With every slot but one held, deliveries go on through that one; then each ends as timed out."""
    small.start_worker()
    headers = _ONCE | {"Upstash-Timeout": f"{_TIMEOUT_S}s"}
    with raw_server(_play_by_path(HANGING)) as server, raw_server(say(OK)) as plain:
        urls = [f"http://127.0.0.1:{server.port}/{number}" for number in range(len(HANGING))] * _EACH
        # One that speaks no TLS leaves the handshake hanging.
        urls += [f"https://127.0.0.1:{plain.port}/"] * _EACH
        hanging = {api.publish(url, headers=headers): url for url in urls}
        wait_until(lambda: server.connections + plain.connections == len(urls), "all slots but one are held")
        for number in range(20):
            api.publish(receiver.url(f"/{number}"))
        receiver.wait_for(20)

        assert receiver.most_open_requests == 1
        assert {api.states(one)[-1] for one in hanging} == {"ACTIVE"}
        for one, url in hanging.items():
            assert api.wait_for(one, "RETRY") == ["CREATED", "ACTIVE", "ERROR", "RETRY"]
            expected = "timed out connecting" if url.startswith("https") else "timed out"
            assert api.log(one)[2]["error"] == expected, url
        assert server.connections + plain.connections == len(urls)


@_has_proc
@pytest.mark.timeout(120)
def test_every_trick_is_logged_for_what_it_is_and_fills_no_memory(
    api: Caller, small: Product, receiver: Receiver
) -> None:
    """Endless, garbled, broken off: each a failed attempt with a clear text, and others go in between."""
    worker = small.start_worker()
    api.wait_until_delivered(api.publish(receiver.url("/first")))
    before = _most_memory(worker)
    players = {name: player for name, (player, _) in FAILING_AT_ONCE.items()}
    with raw_server(_play_by_path(players)) as server:
        published: list[tuple[str, str, str]] = []
        for _ in range(_EACH):
            for number, (name, (_, text)) in enumerate(FAILING_AT_ONCE.items()):
                url = f"http://127.0.0.1:{server.port}/{number}"
                published.append((api.publish(url, headers=_ONCE | {"Upstash-Timeout": "30s"}), name, text))
            api.publish(receiver.url("/between"))
        receiver.wait_for(_EACH, "/between")
        for message_id, name, text in published:
            assert api.wait_for(message_id, "RETRY")[:3] == ["CREATED", "ACTIVE", "ERROR"], name
            record = api.log(message_id)[2]
            assert record["error"] == text, name
            assert len(base64.b64decode(record.get("responseBody", ""))) <= _LARGEST_BODY
        # Nothing was sent twice, and no redirect was followed.
        assert len(server.requests) == len(published)
    assert _most_memory(worker) - before < _GROWTH_BYTES


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Give an authority that signs certificates for this machine."""
    return trustme.CA()


@pytest.mark.parametrize(
    ("host", "days", "trusted", "text"),
    [
        ("localhost", 1, True, None),
        ("localhost", -1, True, "certificate has expired"),
        ("localhost", 1, False, "certificate"),
        ("other.example", 1, True, "certificate"),
    ],
)
def test_only_a_valid_certificate_is_spoken_to(
    own: Product, tmp_path: Path, authority: trustme.CA, host: str, days: int, trusted: bool, text: str | None
) -> None:
    """Expired, signed by nobody known, or somebody else's: nothing is sent, and the log says why."""
    issued = authority.issue_cert(host, not_after=dt.datetime.now(dt.UTC) + dt.timedelta(days=days))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    bundle = tmp_path / "authority.pem"
    (authority if trusted else trustme.CA()).cert_pem.write_to_path(str(bundle))
    own.start_api()
    api = Caller(own.port)
    with (
        raw_server(say(OK), tls=context) as server,
        Product(own.redis_url, tmp_path / "trusting", SSL_CERT_FILE=str(bundle)) as product,
    ):
        product.start_worker()
        message_id = api.publish(f"https://localhost:{server.port}/", headers={"Upstash-Retries": "0"})
        states = api.wait_for(message_id, "DELIVERED", "FAILED")

        assert states[-1] == ("DELIVERED" if text is None else "FAILED")
        assert len(server.requests) == (text is None)
        error = api.log(message_id)[2].get("error", "")
        assert text is None or (error.startswith("TLS error: ") and text in error)
