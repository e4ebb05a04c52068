"""Fixtures of the stories: the running product, shared or one's own, and a way to its API."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.life.caller import Caller
from tests.running import Product, open_product


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Run the product once for all tests of this test process; each uses names of its own."""
    with open_product(tmp_path_factory.mktemp("product")) as product:
        product.start_all()
        yield product


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Run API and scheduler, with a lease short enough to wait for."""
    with open_product(tmp_path_factory.mktemp("product"), QSTASH_LEASE_MS="2000") as product:
        product.start_scheduler()
        product.start_api()
        yield product


@pytest.fixture
def unmanned(standing: Product) -> Iterator[Product]:
    """Give that product; each test brings workers of its own, and they are stopped at its end."""
    with standing.watched():
        yield standing
        _cancel_all(standing)
        standing.stop_workers()


@pytest.fixture
def product(running: Product) -> Iterator[Product]:
    """Give the shared product, one worker and one scheduler."""
    with running.watched():
        yield running
        _cancel_all(running)


@pytest.fixture
def api(product: Product) -> Caller:
    """Give a caller of the product."""
    return Caller(product.port)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Product]:
    """Give a product that the test starts, kills and suspends as it likes."""
    with open_product(tmp_path) as product, product.watched():
        yield product


def _cancel_all(product: Product) -> None:
    """Cancel what a test leaves behind: it must not knock at the next one's door."""
    for user in product.users:
        assert Caller(product.port, user.token).call("DELETE", "/v2/messages").status == 200
