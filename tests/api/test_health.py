"""GET /health and /v2/readiness (contract 2.11)."""

from dataclasses import replace
from pathlib import Path

import pytest

from api.app import create_app
from qstash_rq.core import open_core
from qstash_rq.settings import Settings
from tests.api.serving import Caller, error


@pytest.mark.parametrize("path", ["/health", "/Health/", "/v2/readiness", "/V2/Readiness/"])
def test_is_open_to_everybody(stranger: Caller, path: str) -> None:
    """A load balancer needs no token."""
    response = stranger.get(path)

    assert (response.status_code, response.get_json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/health", "/v2/readiness"])
def test_answers_503_without_redis(settings: Settings, tmp_path: Path, path: str) -> None:
    """Without Redis the server says that it cannot work."""
    away = replace(settings, redis_url=f"unix://{tmp_path}/nothing")
    caller = Caller(create_app(open_core(away)).test_client(), None)

    assert error(caller.get(path), 503) == "redis is unavailable, try again later"
