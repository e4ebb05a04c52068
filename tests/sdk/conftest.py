"""Fixtures for the official client: the running product, and a client of a user of its own for each test."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from qstash import QStash
from qstash.log import LogFilter, LogState

from tests.running import Product, User, open_product
from tests.waiting import wait_until

WaitFor = Callable[[str, str], list[str]]


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Run the product once for all tests of this test process."""
    with open_product(tmp_path_factory.mktemp("product")) as product:
        product.start_all()
        yield product


@pytest.fixture(scope="session")
def user_numbers() -> Iterator[int]:
    """Count the users of this test process."""
    return count(1)


@pytest.fixture
def product(running: Product) -> Iterator[Product]:
    """Give the running product."""
    with running.watched():
        yield running


@pytest.fixture
def user(product: Product, user_numbers: Iterator[int]) -> User:
    """Give a user who owns nothing yet."""
    return product.add_user(f"user-{next(user_numbers)}")


@pytest.fixture
def client(product: Product, user: User) -> Iterator[QStash]:
    """Give that user's client, which does not try again: a dropped connection must not go unseen."""
    client = QStash(user.token, base_url=product.url, retry=False)
    yield client
    # What a test leaves behind must not knock at the next one's door.
    client.message.cancel_all()
    close(client)


def close(client: QStash) -> None:
    """Close the connections of a client, which has no call for that."""
    client.http._client.close()  # noqa: SLF001 - see above


@pytest.fixture
def wait_for(client: QStash) -> WaitFor:
    """Give a function that waits until a message is in a state, and returns the states it went through."""

    def wait(message_id: str, state: str) -> list[str]:
        def states() -> list[str]:
            logs = client.log.list(filter=LogFilter(message_id=message_id)).logs
            return [entry.state.value for entry in reversed(logs)]

        wait_until(lambda: LogState(state).value in states()[-1:], f"{message_id} is {state}", timeout_s=15)
        return states()

    return wait
