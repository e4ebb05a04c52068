"""Where calls in a second are limited, the official Python client says so with an error of its own."""

import time
from pathlib import Path

import pytest
from qstash import QStash
from qstash.errors import RateLimitExceededError

from qstash_rq.settings import DEVELOPMENT_TOKEN
from tests.receiver import Receiver
from tests.running import open_product
from tests.sdk.conftest import close

CALLS = 50


def _ask_often(client: QStash) -> None:
    for _ in range(CALLS):
        client.queue.list()


def test_a_burst(tmp_path: Path, receiver: Receiver) -> None:
    """The error tells the limit and when it ends; publishing is not limited."""
    with open_product(tmp_path, QSTASH_BURST_LIMIT="3") as product, product.watched():
        product.start_api()
        client = QStash(DEVELOPMENT_TOKEN, base_url=product.url, retry=False)
        for _ in range(CALLS):
            client.message.publish(url=receiver.url("/"))
        began_s = int(time.time())
        with pytest.raises(RateLimitExceededError) as caught:
            _ask_often(client)
        ended_s = time.time()
        close(client)

    assert (caught.value.limit, caught.value.remaining) == ("3", "0")
    assert began_s <= int(caught.value.reset or 0) <= ended_s + 2
