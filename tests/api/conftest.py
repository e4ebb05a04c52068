"""Fixtures of the front: the app over a real core, and callers with each kind of token."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from api.app import create_app
from qstash_rq.core import Core, open_core
from qstash_rq.settings import Settings
from qstash_rq.users import FIRST_USER, add_user, ensure_first_user, replace_token
from tests.api.serving import Caller
from tests.clock import FakeClock

OpenCore = Callable[[Settings], Core]


@pytest.fixture
def core_with(clock: FakeClock) -> Iterator[OpenCore]:
    """Give a function that opens a core with other settings, the first user being there."""
    opened: list[Core] = []

    def open_one(settings: Settings) -> Core:
        core = open_core(settings, clock)
        opened.append(core)
        ensure_first_user(core)
        return core

    yield open_one
    for core in opened:
        core.store.client.close()


@pytest.fixture
def core(core_with: OpenCore, settings: Settings) -> Core:
    """Give a core with its first user."""
    return core_with(settings)


@pytest.fixture
def app(core: Core) -> Flask:
    """Give the app over the core."""
    return create_app(core)


@pytest.fixture
def caller(app: Flask) -> Caller:
    """Give a caller with the first user's token."""
    return Caller(app.test_client())


@pytest.fixture
def reader(app: Flask, core: Core) -> Caller:
    """Give a caller with the first user's read-only token."""
    token = replace_token(core, FIRST_USER, read_only=True)
    return Caller(app.test_client(), f"Bearer {token}")


@pytest.fixture
def stranger(app: Flask) -> Caller:
    """Give a caller without a token."""
    return Caller(app.test_client(), None)


@pytest.fixture
def other(app: Flask, core: Core) -> Caller:
    """Give a caller who is another user."""
    return Caller(app.test_client(), f"Bearer {add_user(core, 'other').token}")
