"""Who may do what (contract section 1)."""

from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask
from redis import Redis

from api.app import create_app
from qstash_rq.core import Core, open_core
from qstash_rq.settings import DEVELOPMENT_TOKEN, Settings
from qstash_rq.users import FIRST_USER, ensure_first_user, replace_token
from tests.api.serving import BEARER, Caller, contents, error
from tests.clock import FakeClock

INVALID = "unauthorized: invalid token"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_takes_a_bearer_token(app: Flask, scheme: str) -> None:
    """The scheme of the header may come in any case."""
    assert Caller(app.test_client(), f"{scheme} {DEVELOPMENT_TOKEN}").get("/v2/queues").status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        f"qstash_token={DEVELOPMENT_TOKEN}",
        f"qstash_token={quote(DEVELOPMENT_TOKEN, safe='')}",
        f"label=x&qstash%5Ftoken={DEVELOPMENT_TOKEN}&count=3",
    ],
)
def test_takes_a_query_token(stranger: Caller, query: str) -> None:
    """Callers that cannot set headers put the token into the query, which nothing else gets to see."""
    assert stranger.delete(f"/v2/messages?{query}").get_json() == {"cancelled": 0}


def test_the_header_wins(caller: Caller, app: Flask) -> None:
    """When both are there the header decides, right or wrong."""
    wrong = Caller(app.test_client(), "Bearer nope")

    assert caller.get("/v2/queues?qstash_token=nope").status_code == 200
    assert error(wrong.get(f"/v2/queues?qstash_token={DEVELOPMENT_TOKEN}"), 401) == INVALID


def test_a_webhook_may_have_its_own_authorization(app: Flask) -> None:
    """With a query token, an Authorization of another scheme belongs to the sender and is no obstacle."""
    webhook = Caller(app.test_client(), "Basic dXNlcjpwYXNz")

    response = webhook.post(f"/v2/publish/https://example.com/hook?qstash_token={DEVELOPMENT_TOKEN}")

    assert response.get_json()["url"] == "https://example.com/hook"


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer nope",
        DEVELOPMENT_TOKEN,
        f"Basic {DEVELOPMENT_TOKEN}",
        f"Bearer {DEVELOPMENT_TOKEN}x",
        f"Bearer {DEVELOPMENT_TOKEN} {DEVELOPMENT_TOKEN}",
        f"Bearer {DEVELOPMENT_TOKEN},Bearer {DEVELOPMENT_TOKEN}",
        "Bearer é",
        "Bearer " + b64encode(b'{"UserID":"defaultUser","Password":"x"}').decode(),
    ],
)
@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/v2/publish/https://example.com"),
        ("POST", "/v2/enqueue/q/https://example.com"),
        ("GET", "/v2/queues"),
        ("DELETE", "/v2/messages"),
        ("GET", "/v2/keys"),
        ("GET", "/v2/nope"),
        ("PUT", "/v2/queues"),
        ("GET", "/v2/queues/%ff"),
    ],
)
def test_refuses_everyone_else(
    app: Flask, redis_url: str, authorization: str | None, method: str, target: str
) -> None:
    """Without a valid token every path but the health checks answers 401, and nothing is stored."""
    before = contents(redis_url)

    response = Caller(app.test_client(), authorization).call(method, target, data=b"x")

    assert error(response, 401) == INVALID
    assert contents(redis_url) == before


@pytest.mark.parametrize("target", ["/health", "/v2/readiness", "/openapi.json", "/OpenAPI.json"])
def test_some_paths_are_open(stranger: Caller, target: str) -> None:
    """Health and description need no token."""
    assert stranger.get(target).status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        *("/v2/queues", "/v2/queues/", "/v2/dlq", "/v2/events", "/v2/logs", "/health", "/v2/readiness"),
        *("/v2/schedules", "/v2/topics", "/v2/flowControl", "/v2/globalParallelism", "/openapi.json"),
    ],
)
def test_a_read_only_token_reads(reader: Caller, target: str) -> None:
    """A read-only token may GET."""
    assert reader.get(target).status_code == 200


def test_a_read_only_token_reads_single_things(reader: Caller, caller: Caller) -> None:
    """A read-only token sees the messages of its user."""
    message_id = caller.publish()

    assert reader.get(f"/v2/messages/{message_id}").status_code == 200


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/v2/publish/https://example.com"),
        ("POST", "/v2/publish/"),
        ("POST", "/v2/enqueue/q/https://example.com"),
        ("DELETE", "/v2/messages"),
        ("DELETE", "/v2/messages/msg_1"),
        ("POST", "/v2/queues"),
        ("DELETE", "/v2/queues/q"),
        ("POST", "/v2/queues/q/pause"),
        ("POST", "/v2/queues/q/resume"),
        ("DELETE", "/v2/dlq"),
        ("DELETE", "/v2/dlq/1-0"),
        ("POST", "/v2/dlq/retry"),
        ("POST", "/v2/dlq/retry/1-0"),
        ("GET", "/v2/keys"),
        ("GET", "/V2/KEYS/"),
        ("HEAD", "/v2/keys"),
        ("POST", "/v2/keys/rotate"),
        ("POST", "/v2/batch"),
        ("POST", "/v2/schedules/https://example.com"),
        ("POST", "/v2/schedules/s/pause"),
        ("PATCH", "/v2/schedules/s/pause"),
        ("PUT", "/v2/schedules/s/resume"),
        ("DELETE", "/v2/schedules/s"),
        ("POST", "/v2/topics/g/endpoints"),
        ("DELETE", "/v2/topics/g/endpoints"),
        ("PATCH", "/v2/topics/g"),
        ("DELETE", "/v2/topics/g"),
        ("POST", "/v2/flowControl/k/pause"),
        ("POST", "/v2/flowControl/k/pin?rate=1"),
        ("POST", "/v2/flowControl/k/resetRate"),
        ("PUT", "/v2/queues"),
        ("POST", "/v2/nope"),
    ],
)
def test_a_read_only_token_writes_nothing(reader: Caller, redis_url: str, method: str, target: str) -> None:
    """A read-only token is refused everything but GET, and the signing keys, which allow forging."""
    before = contents(redis_url)

    response = reader.call(method, target, json={"queueName": "q"})

    assert response.status_code == 403
    if method != "HEAD":
        assert error(response, 403) == "forbidden: the token is read-only"
    assert contents(redis_url) == before


def test_a_query_token_can_be_read_only(core: Core, stranger: Caller) -> None:
    """A read-only token is one in the query too."""
    token = quote(replace_token(core, FIRST_USER, read_only=True), safe="")

    assert stranger.get(f"/v2/queues?qstash_token={token}").status_code == 200
    error(stranger.post(f"/v2/queues?qstash_token={token}", json={"queueName": "q"}), 403)


def test_a_replaced_token_ends_within_a_second(caller: Caller, core: Core, clock: FakeClock) -> None:
    """An identity is remembered for less than a second."""
    assert caller.get("/v2/queues").status_code == 200
    replace_token(core, FIRST_USER)

    clock.advance(999)
    assert caller.get("/v2/queues").status_code == 200
    clock.advance(1)
    error(caller.get("/v2/queues"), 401)


def test_a_clock_that_steps_back_prolongs_nothing(caller: Caller, core: Core, clock: FakeClock) -> None:
    """A remembered identity does not live on when the clock is set back."""
    caller.get("/v2/queues")
    replace_token(core, FIRST_USER)

    clock.advance(-3_600_000)

    error(caller.get("/v2/queues"), 401)


def test_a_refusal_is_not_remembered(app: Flask, core: Core) -> None:
    """A token that did not exist a moment ago works as soon as it does."""
    token = replace_token(core, FIRST_USER)
    caller = Caller(app.test_client(), f"Bearer {token}")
    first_caller = Caller(app.test_client())
    error(first_caller.get("/v2/queues"), 401)

    assert caller.get("/v2/queues").status_code == 200


def test_the_first_user_survives_an_empty_redis(caller: Caller, clock: FakeClock, redis_url: str) -> None:
    """When Redis comes back empty the configured token works again without a restart."""
    caller.get("/v2/queues")
    with Redis.from_url(redis_url) as client:
        client.flushall()
    clock.advance(1_000)

    assert caller.publish().startswith("msg_")


def test_a_replaced_first_token_stays_replaced(app: Flask, core: Core) -> None:
    """The configured token does not come back to life once it was replaced, whoever tries it."""
    replace_token(core, FIRST_USER)

    error(Caller(app.test_client()).get("/v2/queues"), 401)
    ensure_first_user(core)
    error(Caller(app.test_client()).get("/v2/queues"), 401)


def test_waits_for_redis(settings: Settings, tmp_path: Path, clock: FakeClock) -> None:
    """Without Redis a request is answered 503, not 401: nobody knows whether the token is good."""
    away = replace(settings, redis_url=f"unix://{tmp_path}/nothing")
    caller = Caller(create_app(open_core(away, clock)).test_client(), BEARER)

    error(caller.post("/v2/publish/https://example.com"), 503)
