"""Fixtures of the store: after each test every index must say what the records say."""

from collections.abc import Iterator

import pytest

from qstash_rq.core import Core
from tests.store.audit import Audit


@pytest.fixture
def tampered() -> None:
    """Say that a test writes into lines past the scripts: they may end up with ids too many."""


@pytest.fixture
def core(core: Core, request: pytest.FixtureRequest) -> Iterator[Core]:
    """Give the core of every test; afterwards audit what is in Redis."""
    yield core
    Audit(core).check(tampered="tampered" in request.fixturenames)
