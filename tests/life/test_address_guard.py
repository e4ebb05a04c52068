"""With the guard on nothing goes into private networks: refused at publish, and by a worker later."""

from pathlib import Path

import pytest

from tests.life.caller import Caller
from tests.receiver import Receiver
from tests.running import Product

GUARDED = {"QSTASH_ALLOW_PRIVATE_NETWORKS": "false"}


def _spellings(port: int) -> list[str]:
    hosts = [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "0",
    ]
    return [f"http://{host}:{port}/" for host in (*hosts, "user@127.0.0.1", "10.0.0.1", "169.254.169.254")]


def test_private_destinations_are_refused(own: Product, tmp_path: Path, receiver: Receiver) -> None:
    """However the address is spelled, the publisher hears 400 and nothing is stored."""
    with Product(own.redis_url, tmp_path / "guarded", **GUARDED) as guarded:
        guarded.start_api()
        api = Caller(guarded.port)
        for url in _spellings(receiver.port):
            answer = api.call("POST", f"/v2/publish/{url}")
            assert answer.status == 400, (url, answer)
            assert "invalid destination url: " in answer.json()["error"], url
        assert api.get("/v2/events")["events"] == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_worker_looks_at_the_address_itself(
    own: Product, tmp_path: Path, receiver: Receiver, host: str
) -> None:
    """A message that was let in when the guard was off fails at the worker that has it on."""
    own.start_api()
    api = Caller(own.port)
    url = f"http://{host}:{receiver.port}/"
    message_id = api.publish(url, headers={"Upstash-Retries": "0"})
    with Product(own.redis_url, tmp_path / "guarded", **GUARDED) as guarded:
        guarded.start_worker()
        assert api.wait_for(message_id, "FAILED") == ["CREATED", "ACTIVE", "ERROR", "FAILED"]

    assert "not a public address" in api.log(message_id)[2]["error"]
    assert api.dead_letters()[0]["responseStatus"] == 0
    assert receiver.requests == ()
