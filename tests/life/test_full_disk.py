"""The disk of Redis is full: publishers hear 503, everybody else waits, and then all goes on."""

import resource
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from qstash_rq.cli.embedded_valkey import valkey_command, valkey_environ
from tests.life.caller import Caller
from tests.life.outage import be_refused, until_back
from tests.process import Process
from tests.receiver import Gate, Receiver, Reply
from tests.running import Product
from tests.waiting import wait_until

LASTS_S = 1.5
# Of one process: each of its loops tells the beginning and the end, the front once a second what it answers.
MOST_LINES = 12
# Without this the kernel would kill the server where a full disk tells it that there is no room.
_IGNORING = ("/bin/sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh")


class EmbeddedValkey:
    """The server of `qstash-rq dev`, whose disk can be filled."""

    def __init__(self, directory: Path, fsync: str) -> None:
        self._socket = directory / "valkey.sock"
        self._directory = directory
        self._settings = {
            "port": "0",
            "unixsocket": str(self._socket),
            "dir": str(directory),
            "appendfsync": fsync,
        }
        self.url = f"unix://{self._socket}?db=0"
        self.start()

    def start(self) -> None:
        """Start it on what its directory holds."""
        self.process = Process(
            "valkey", [*_IGNORING, *valkey_command(self._settings)], valkey_environ({}), self._directory
        )
        wait_until(self._answers, "Valkey answers")

    @contextmanager
    def full_disk(self) -> Generator[None]:
        """In this block its log can grow by a few bytes and no more."""
        log = max(self._directory.glob("appendonlydir/*.incr.aof"))
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (log.stat().st_size + 30, -1))
        yield
        if self.process.running:
            resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (-1, -1))

    def refuses(self) -> bool:
        """Whether it has found out that it cannot write, and says so."""
        with Redis.from_url(self.url) as redis:
            try:
                redis.set("padding", "x" * 100, ex=60)
            except ResponseError as error:
                return str(error).startswith("MISCONF")
        return False

    def _answers(self) -> bool:
        with Redis.from_url(self.url) as redis:
            try:
                return redis.ping()
            except RedisError:
                return False


@pytest.fixture
def fsync() -> str:
    """Say when the server writes its log; `everysec` is what `qstash-rq dev` has."""
    return "everysec"


@pytest.fixture
def valkey_server(tmp_path: Path, fsync: str) -> Iterator[EmbeddedValkey]:
    """Give a running server."""
    directory = tmp_path / "redis"
    directory.mkdir()
    server = EmbeddedValkey(directory, fsync)
    yield server
    server.process.stop()


@pytest.fixture
def product(valkey_server: EmbeddedValkey, tmp_path: Path) -> Iterator[Product]:
    """Give one of each process on that server."""
    with Product(valkey_server.url, tmp_path) as product:
        product.start_all()
        with product.watched():
            yield product


def test_a_full_disk_is_told_survived_and_over_at_once(
    product: Product, api: Caller, valkey_server: EmbeddedValkey, receiver: Receiver
) -> None:
    """503 while the disk is full, reading goes on, what was in flight is settled when there is room again."""
    gate = Gate()
    receiver.script("/flying", Reply(gate=gate))
    flying = api.publish(receiver.url("/flying"))
    later = api.publish(receiver.url("/later"), headers={"Upstash-Delay": "1s"})
    receiver.wait_for(1, "/flying")
    wrote = {process: process.output_bytes() for process in product.processes}
    with valkey_server.full_disk():
        wait_until(valkey_server.refuses, "the server has found out")
        end = monotonic() + LASTS_S
        gate.open()
        while monotonic() < end:
            be_refused(api, receiver)
        assert api.states(flying) == ["CREATED", "ACTIVE"]

    until_back(api, receiver)
    for message_id in (flying, later):
        api.wait_until_delivered(message_id)
    assert len(receiver.requests_to("/flying")) == len(receiver.requests_to("/later")) == 1
    assert receiver.requests_to("/refused") == ()
    lines = {process.name: process.output(start).count("\n") for process, start in wrote.items()}
    assert max(lines.values()) <= MOST_LINES, lines
    assert all("MISCONF" in process.output(start) for process, start in wrote.items())


@pytest.mark.parametrize("fsync", ["always"])
def test_a_server_that_writes_before_it_answers_ends_and_can_be_started_again(
    product: Product, api: Caller, valkey_server: EmbeddedValkey, receiver: Receiver
) -> None:
    """With `appendfsync always` a full disk ends the server; started again it has all that was accepted."""
    kept = api.publish(receiver.url("/kept"), headers={"Upstash-Delay": "3s"})
    with valkey_server.full_disk():
        be_refused(api, receiver)
        assert valkey_server.process.wait() == 1
        be_refused(api, receiver)

    valkey_server.start()
    until_back(api, receiver)
    api.wait_until_delivered(kept)
    assert len(receiver.requests_to("/kept")) == 1
    assert receiver.requests_to("/refused") == ()
    product.check()


def test_an_idle_scheduler_tells_the_end_when_it_is_over(
    valkey_server: EmbeddedValkey, tmp_path: Path
) -> None:
    """A server with a full disk lets an idle scheduler read, and refuses to let it wait: that is no end."""
    with Product(valkey_server.url, tmp_path, QSTASH_LEASE_MS="400") as product, product.watched():
        scheduler = product.start_scheduler()
        with valkey_server.full_disk():
            wait_until(valkey_server.refuses, "the server has found out")
            scheduler.wait_for_output("store.unavailable")
            end = monotonic() + 1
            while monotonic() < end:
                assert valkey_server.refuses()
                assert "store.back" not in scheduler.output()
        scheduler.wait_for_output("store.back")
