"""The limit of calls in one second (contract 0.3)."""

from dataclasses import replace

import pytest

from api.app import create_app
from qstash_rq.settings import Settings
from qstash_rq.users import add_user
from tests.api.conftest import OpenCore
from tests.api.serving import BEARER, Caller, error
from tests.clock import FakeClock


@pytest.fixture
def limited(core_with: OpenCore, settings: Settings) -> Caller:
    """Give a caller who may call three times a second."""
    return Caller(create_app(core_with(replace(settings, burst_limit=3))).test_client())


def test_the_fourth_call_is_too_many(limited: Caller, clock: FakeClock) -> None:
    """Above the limit a call is a 429 with the headers of a burst, and without those of a daily limit."""
    clock.advance(999)
    for target in ("/v2/queues", "/v2/events", "/v2/nope"):
        assert limited.get(target).status_code in (200, 404)

    response = limited.get("/v2/queues")

    assert error(response, 429) == "rate limit: more than 3 calls in one second"
    assert response.headers["Burst-RateLimit-Limit"] == "3"
    assert response.headers["Burst-RateLimit-Remaining"] == "0"
    assert response.headers["Burst-RateLimit-Reset"] == "1700000001"
    assert "RateLimit-Limit" not in response.headers
    clock.advance(1)
    assert limited.get("/v2/queues").status_code == 200


def test_publishing_is_not_limited(limited: Caller) -> None:
    """Publish, enqueue and batch neither count nor are refused; nor are calls without a user."""
    for _ in range(4):
        limited.publish()
        limited.enqueue("q")
        assert limited.post("/v2/batch", json=[]).status_code == 200
        assert limited.get("/health").status_code == limited.get("/openapi.json").status_code == 200
    for _ in range(3):
        assert limited.get("/v2/queues").status_code == 200
    error(limited.get("/v2/queues"), 429)
    assert limited.publish()


def test_a_refused_call_does_nothing(limited: Caller, clock: FakeClock) -> None:
    """What is one too many is not carried out."""
    message_id = limited.publish()
    for _ in range(3):
        limited.get("/v2/queues")

    error(limited.delete("/v2/messages"), 429)
    error(limited.post("/v2/queues", json={"queueName": "q"}), 429)

    clock.advance(1_000)
    assert limited.get(f"/v2/messages/{message_id}").status_code == 200
    assert limited.get("/v2/queues").get_json() == []


def test_each_user_has_a_limit(core_with: OpenCore, settings: Settings) -> None:
    """Users count for themselves; one process counts what another has let through."""
    core = core_with(replace(settings, burst_limit=2))
    first, second = (Caller(create_app(core).test_client(), BEARER) for _ in range(2))
    other = Caller(create_app(core).test_client(), f"Bearer {add_user(core, 'other').token}")

    assert first.get("/v2/queues").status_code == second.get("/v2/queues").status_code == 200
    error(first.get("/v2/queues"), 429)
    assert other.get("/v2/queues").status_code == 200


def test_wrong_tokens_do_not_count(limited: Caller, core_with: OpenCore, settings: Settings) -> None:
    """Nobody can use up a limit without the token."""
    stranger = Caller(create_app(core_with(replace(settings, burst_limit=3))).test_client(), "Bearer no")
    for _ in range(5):
        error(stranger.get("/v2/queues"), 401)

    assert limited.get("/v2/queues").status_code == 200


def test_there_is_no_limit_unless_set(caller: Caller) -> None:
    """Without the setting nobody counts."""
    assert {caller.get("/v2/queues").status_code for _ in range(50)} == {200}
    assert "Burst-RateLimit-Limit" not in caller.get("/v2/queues").headers
