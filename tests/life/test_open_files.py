"""Processes that may open no more files do what they can, and go on when they may again."""

import socket
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic

import pytest
from redis import Redis

from qstash_rq.settings import DEVELOPMENT_TOKEN
from tests.life.caller import Caller
from tests.life.outage import until_back
from tests.open_files import family, no_files, no_more_files
from tests.receiver import Gate, Receiver, Reply
from tests.running import Product, open_product

_LASTS_S = 1
# Of one process: each of its loops tells the beginning and the end, the front once a second what it answers.
_MOST_LINES = 12


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    """Give one of each process."""
    with open_product(tmp_path) as product:
        product.start_all()
        # Everything has been done once: what is opened once and kept is open.
        api = Caller(product.port)
        with Receiver() as receiver:
            api.wait_until_delivered(api.publish(receiver.url("/warm")))
        with product.watched():
            yield product


def test_a_worker_without_files_goes_on(product: Product, api: Caller, receiver: Receiver) -> None:
    """What is in flight ends, the rest waits for its next attempt and is delivered then."""
    gate = Gate()
    receiver.script("/flying", Reply(gate=gate))
    flying = api.publish(receiver.url("/flying"))
    receiver.wait_for(1)
    worker = product.processes[0]
    with no_more_files(family(worker.pid)):
        ids = [
            api.publish(receiver.url("/"), headers={"Upstash-Retry-Delay": "1000", "Upstash-Retries": "60"})
            for _ in range(10)
        ]
        for message_id in ids:
            api.wait_for(message_id, "RETRY")
        gate.open()
        api.wait_until_delivered(flying)

    for message_id in ids:
        api.wait_until_delivered(message_id)


def test_nobody_can_connect_to_redis_without_files(product: Product, api: Caller, receiver: Receiver) -> None:
    """503 to those who are connected, no answer yet to others, some lines in each log; then all goes on."""
    later = api.publish(receiver.url("/later"), headers={"Upstash-Delay": "1s"})
    wrote = {process: process.output_bytes() for process in product.processes}
    with closing(HTTPConnection("127.0.0.1", product.port, timeout=10)) as kept:
        assert _call(kept, "GET", "/health") == 200
        with no_files([pid for process in product.processes for pid in family(process.pid)]):
            with Redis.from_url(product.redis_url) as redis:
                redis.client_kill_filter(skipme=True)
            end = monotonic() + _LASTS_S
            while monotonic() < end:
                assert _call(kept, "POST", f"/v2/publish/{receiver.url('/refused')}") == 503
            with socket.create_connection(("127.0.0.1", product.port)) as waiting:
                waiting.sendall(b"GET /v2/readiness HTTP/1.1\r\nHost: api\r\n\r\n")
        until_back(api, receiver)

    api.wait_until_delivered(later)
    product.check()
    assert receiver.requests_to("/refused") == ()
    assert len(receiver.requests_to("/later")) == 1
    lines = {process.name: process.output(start).count("\n") for process, start in wrote.items()}
    assert max(lines.values()) <= _MOST_LINES, lines


def _call(connection: HTTPConnection, method: str, target: str) -> int:
    connection.request(method, target, headers={"Authorization": f"Bearer {DEVELOPMENT_TOKEN}"})
    answer = connection.getresponse()
    answer.read()
    return answer.status
