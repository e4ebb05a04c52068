"""Sentinel and Cluster: the primary dies, freezes and comes back, and nobody is started anew."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import count
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

from tests.life.caller import Caller
from tests.receiver import Receiver
from tests.replicated import Servers, cluster, sentinels
from tests.running import Product
from tests.waiting import wait_until

# A server counts as dead after a second, the others agree and elect; then ours find the new one.
BACK_S = 10
MESSAGES = 100
AGAIN_S = 0.05
PATIENCE_S = 30


def _publish_until_accepted(api: Caller, receiver: Receiver, number: int) -> str:
    headers = {"Upstash-Deduplication-Id": str(number), "Upstash-Delay": f"{number % 5}s"}
    pause, end_s = Event(), monotonic() + PATIENCE_S
    while monotonic() < end_s:
        answer = api.call("POST", f"/v2/publish/{receiver.url(f'/{number}')}", headers=headers)
        if answer.status in (200, 202):
            return answer.json()["messageId"]
        assert answer.status == 503, answer
        pause.wait(AGAIN_S)
    pytest.fail(f"message {number} was not accepted within {PATIENCE_S} s")


pytestmark = pytest.mark.chaos


@pytest.mark.parametrize("start", [sentinels, cluster])
def test_a_failover_is_survived(
    start: Callable[[Path], AbstractContextManager[Servers]],
    tmp_path: Path,
    receiver: Receiver,
    report: Callable[[str], None],
) -> None:
    """Publishers hear 503 for some seconds; what was accepted is delivered, and by the same processes."""
    settings = {
        "RQ_CONNECTION_CLASS": "qstash_rq.store.rq_connection.RqConnection",
        "RQ_KEY_PREFIX": "{qstash}",
        "QSTASH_WAIT_REPLICAS": "1",
        "QSTASH_LEASE_MS": "3000",
    }
    with start(tmp_path) as servers, Product(servers.url, tmp_path / "product", **settings) as product:
        product.start_all()
        api = Caller(product.port)
        ids: list[str] = []
        numbers = count()
        waited_s: list[float] = []
        with product.watched():
            for harm in ("kill", "freeze"):
                primary = servers.primary()
                ids += [_publish_until_accepted(api, receiver, next(numbers)) for _ in range(MESSAGES)]
                began = monotonic()
                getattr(primary.process, harm)()
                ids.append(_publish_until_accepted(api, receiver, next(numbers)))
                waited_s.append(monotonic() - began)
                ids += [_publish_until_accepted(api, receiver, next(numbers)) for _ in range(MESSAGES)]
                if harm == "freeze":
                    primary.process.thaw()
                    wait_until(lambda one=primary: one.role() == "slave", "the old one follows", PATIENCE_S)
            for message_id in ids:
                assert api.wait_for(message_id, "DELIVERED", timeout_s=PATIENCE_S)[-1] == "DELIVERED"
            workers = product.rq("info", "--only-workers", "--raw")
    report(f"accepted again {waited_s[0]:.1f} s after a kill, {waited_s[1]:.1f} s after a freeze")
    assert len({*ids}) == len(ids)
    assert {request.path for request in receiver.requests} == {f"/{number}" for number in range(len(ids))}
    assert workers.strip()
    assert max(waited_s) < BACK_S
