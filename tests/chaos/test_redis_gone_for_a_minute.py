"""Redis gone for a minute, or frozen: nobody dies, nobody fills the log, and all is well at once after it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import pytest

from tests.life.caller import Caller
from tests.life.outage import be_refused, until_back
from tests.receiver import Receiver
from tests.redis_faults import RedisFault, frozen, killed
from tests.running import Product, RedisServer

# Each loop of a process says it every twenty seconds at the most, the web process once a second.
MOST_LINES = {"worker": 30, "scheduler": 12, "api": 70}

pytestmark = pytest.mark.chaos


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """Give a server that keeps what it has accepted on disk."""
    server = RedisServer(tmp_path / "redis", persistent=True)
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize(("fault", "gone_s"), [(killed, 60), (frozen, 20)])
def test_redis_is_gone_for_a_minute(
    server: RedisServer,
    tmp_path: Path,
    receiver: Receiver,
    report: Callable[[str], None],
    fault: RedisFault,
    gone_s: int,
) -> None:
    """503 all the time, some lines in each log, and five seconds after it a new message has arrived."""
    with Product(server.url, tmp_path) as product:
        product.start_all()
        api = Caller(product.port)
        with product.watched():
            delayed = api.publish(receiver.url("/delayed"), headers={"Upstash-Delay": "30s"})
            wrote = {process: process.output_bytes() for process in product.processes}
            with fault(server):
                end = monotonic() + gone_s
                while monotonic() < end:
                    be_refused(api, receiver)
            needed_s = until_back(api, receiver)
            api.wait_until_delivered(delayed)
        lines = {process.name: process.output(start).count("\n") for process, start in wrote.items()}
    report(f"{fault.__name__} for {gone_s} s: back after {needed_s:.2f} s, lines {lines}")
    assert {name: many for name, many in lines.items() if many > MOST_LINES[name.split("-")[0]]} == {}
