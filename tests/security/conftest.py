"""Fixtures of the intruders: the front over the core."""

import pytest
from flask import Flask

from api.app import create_app
from qstash_rq.core import Core


@pytest.fixture
def app(core: Core) -> Flask:
    """Give the app over the core."""
    return create_app(core)
