"""Calls from pages in a browser (contract 0.1, CORS)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from api.app import create_app
from qstash_rq.settings import Settings
from tests.api.conftest import OpenCore
from tests.api.serving import BEARER, Caller, error

CONSOLE = "https://console.example.com"
ALLOW_ORIGIN = "Access-Control-Allow-Origin"

MakeCaller = Callable[..., Caller]


@pytest.fixture
def caller_of(core_with: OpenCore, settings: Settings) -> MakeCaller:
    """Give a function that makes a caller of a server which lets these origins in."""

    def make(origins: str, authorization: str | None = BEARER) -> Caller:
        core = core_with(replace(settings, cors_origins=origins))
        return Caller(create_app(core).test_client(), authorization)

    return make


@pytest.mark.parametrize("origins", [CONSOLE, f"https://a.io, {CONSOLE} ,", "*"])
def test_marks_answers_for_the_page(caller_of: MakeCaller, origins: str) -> None:
    """A page of a configured origin may read every answer, errors and burst headers too."""
    caller = caller_of(origins)

    for target, status in (("/v2/queues", 200), ("/v2/queues/nope", 404), ("/v2/nope", 404)):
        response = caller.get(target, headers={"Origin": CONSOLE})
        assert response.status_code == status
        assert response.headers[ALLOW_ORIGIN] == CONSOLE
        assert "Burst-RateLimit-Limit" in response.headers["Access-Control-Expose-Headers"]
        assert response.headers["Vary"] == "Origin"
    refused = caller_of(origins, None).get("/v2/queues", headers={"Origin": CONSOLE})
    assert (refused.status_code, refused.headers[ALLOW_ORIGIN]) == (401, CONSOLE)


@pytest.mark.parametrize(
    "target", ["/v2/queues", "/v2/publish/https://a.io//b", "/v2/schedules/s/pause", "/v2/nope"]
)
def test_answers_a_preflight_without_a_token(caller_of: MakeCaller, target: str) -> None:
    """A browser asks first, without a token, and is told methods and the headers it asked for."""
    asked = {
        "Origin": CONSOLE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,upstash-forward-x",
    }

    response = caller_of(CONSOLE, None).call("OPTIONS", target, headers=asked)

    assert (response.status_code, response.data) == (204, b"")
    assert response.headers[ALLOW_ORIGIN] == CONSOLE
    assert response.headers["Access-Control-Allow-Methods"] == "GET, POST, PUT, PATCH, DELETE"
    assert response.headers["Access-Control-Allow-Headers"] == "authorization,upstash-forward-x"
    assert response.headers["Access-Control-Max-Age"] == "600"


def test_tells_other_pages_nothing(caller_of: MakeCaller) -> None:
    """A page of another origin gets answers it may not read, and no permission beforehand."""
    asked = {"Origin": "https://evil.example.com", "Access-Control-Request-Method": "POST"}
    caller = caller_of(f"{CONSOLE},https://a.io")

    preflight = caller.call("OPTIONS", "/v2/queues", headers=asked)
    answer = caller.get("/v2/queues", headers=asked)

    assert (preflight.status_code, answer.status_code) == (204, 200)
    for response in (preflight, answer):
        assert not [name for name in response.headers.keys() if name.startswith("Access-Control-")]  # noqa: SIM118
        assert response.headers["Vary"] == "Origin"


def test_other_calls_stay_as_they_are(caller_of: MakeCaller) -> None:
    """Without an origin nothing is added; an OPTIONS that is no preflight is a 405."""
    caller = caller_of("*")

    assert ALLOW_ORIGIN not in caller.get("/v2/queues").headers
    error(caller.call("OPTIONS", "/v2/queues", headers={"Origin": CONSOLE}), 405)


def test_is_off_unless_set(caller: Caller) -> None:
    """Without the setting a preflight is a 405, and no answer tells of origins."""
    asked = {"Origin": CONSOLE, "Access-Control-Request-Method": "POST"}

    error(caller.call("OPTIONS", "/v2/queues", headers=asked), 405)
    response = caller.get("/v2/queues", headers=asked)
    assert ALLOW_ORIGIN not in response.headers
    assert "Vary" not in response.headers
