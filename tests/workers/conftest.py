"""Fixtures of the workers: a core with its first user."""

from collections.abc import Iterator

import pytest

from qstash_rq.core import Core, open_core
from qstash_rq.settings import Settings
from qstash_rq.users import ensure_first_user
from tests.clock import FakeClock


@pytest.fixture
def core(settings: Settings, clock: FakeClock) -> Iterator[Core]:
    """Give a core with its first user."""
    opened = open_core(settings, clock)
    ensure_first_user(opened)
    yield opened
    opened.store.client.close()
