"""No secret in any log, error or process title, however talkative the processes and whatever goes wrong."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from redis import Redis

from qstash_rq.settings import DEVELOPMENT_TOKEN
from tests.canaries import FORWARDED, READ_ONLY_TOKEN, REDACTED_BODY, WRONG_TOKEN, find_secrets
from tests.life.caller import Caller
from tests.receiver import Receiver, Reply
from tests.running import Product, RedisServer
from tests.waiting import wait_until

_TALKATIVE = {"GUNICORN_CMD_ARGS": "--access-logfile - --log-level debug", "PYTHONDEVMODE": "1"}
_SECRET_HEADERS = {
    "Upstash-Forward-Authorization": f"Bearer {FORWARDED}",
    "Upstash-Callback-Forward-Authorization": f"Bearer {FORWARDED}",
    "Upstash-Failure-Callback-Forward-Authorization": f"Bearer {FORWARDED}",
    "Upstash-Redact-Fields": "body, header",
    "Upstash-Retries": "0",
}


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """Give a server of the test's own."""
    server = RedisServer(tmp_path / "redis", persistent=True)
    server.start()
    yield server
    with contextlib.suppress(Exception):  # the story ends with it killed
        server.stop()


@pytest.fixture
def product(redis: RedisServer, tmp_path: Path) -> Iterator[Product]:
    """Give a product whose processes say all they can."""
    with Product(redis.url, tmp_path / "product", **_TALKATIVE) as running, running.watched():
        running.start_worker("--verbose")
        running.start_scheduler()
        running.start_api()
        yield running


def _publish(product: Product, api: Caller, receiver: Receiver) -> None:
    """Send secrets every way they can be sent, to endpoints that answer, fail, and are not there."""
    receiver.script("/failing", Reply(status=500, body=b"no"))
    callbacks = {
        "Upstash-Callback": receiver.url("/told"),
        "Upstash-Failure-Callback": receiver.url("/failing"),
    }
    body = REDACTED_BODY.encode()
    urls = (
        receiver.url("/"),
        receiver.url("/failing"),
        "http://127.0.0.1:9/",
        "http://no-such-host.invalid/",
    )
    published = [api.publish(url, body, headers=_SECRET_HEADERS | callbacks) for url in urls]
    # A webhook: the token stands in the URL.
    stranger = Caller(product.port, None)
    for token in (DEVELOPMENT_TOKEN, READ_ONLY_TOKEN, WRONG_TOKEN):
        target = f"/v2/publish/{receiver.url('/hook')}?qstash_token={quote(token, safe='')}"
        assert stranger.call("POST", target, headers=_SECRET_HEADERS, body=body).status in {200, 401, 403}
        assert stranger.call("GET", f"/v2/nothing?qstash_token={quote(token, safe='')}").status in {401, 404}
        assert Caller(product.port, token).call("GET", "/v2/queues").status in {200, 401}
    for message_id in published:
        api.wait_for(message_id, "DELIVERED", "FAILED")


def _refuse(api: Caller) -> None:
    """Send secrets in calls that are refused."""
    for headers in (
        {"Upstash-Delay": FORWARDED},
        {"Upstash-Cron": FORWARDED},
        {"Upstash-Callback": FORWARDED},
    ):
        assert api.call("POST", "/v2/publish/http://a.io", headers=headers).status == 400
    assert api.call("POST", "/v2/batch", body=REDACTED_BODY.encode()).status == 400
    assert api.call("POST", "/v2/queues", body=b"\xff" + REDACTED_BODY.encode()).status == 400


def _break(product: Product, api: Caller, redis: RedisServer) -> None:
    """Make the front fail: a key of another type, then no Redis at all."""
    with Redis.from_url(redis.url) as client:
        client.set(f"{product.prefix}:qstash:queue-names:defaultUser", "not a set")
    assert api.call("GET", "/v2/queues", headers={"X-Secret": FORWARDED}).status >= 500
    redis.kill()
    answer = api.call("POST", "/v2/publish/http://a.io", headers=_SECRET_HEADERS, body=REDACTED_BODY.encode())
    assert answer.status == 503
    wait_until(
        lambda: all("store.unavailable" in one.output() for one in product.processes[:2]), "all have noticed"
    )


@pytest.mark.timeout(120)
def test_nothing_tells_a_secret(product: Product, redis: RedisServer, receiver: Receiver) -> None:
    """Deliveries, webhooks, refusals, defects, an outage: no output and no title of a process tells one."""
    api = Caller(product.port)
    _publish(product, api, receiver)
    _refuse(api)
    shown = product.rq("info") + product.rq("info", "--by-queue")
    titles = [process.titles() for process in product.processes]
    _break(product, api, redis)

    outputs = [process.output() for process in product.processes]
    # They did talk: of attempts, of requests, of a defect and of the outage.
    assert "delivery.attempted" in outputs[0]
    assert "POST /v2/publish/" in outputs[2]
    assert "Traceback" in outputs[2] or "api.unavailable" in outputs[2]
    assert [find_secrets(text) for text in (*outputs, *titles, shown)] == [[]] * (2 * len(outputs) + 1)


def test_what_is_redacted_is_nowhere_in_the_answers(product: Product, receiver: Receiver) -> None:
    """The API shows marks in place of what was redacted: in messages, logs and dead letters."""
    api = Caller(product.port)
    receiver.script("/failing", Reply(status=500))
    message_id = api.publish(receiver.url("/failing"), REDACTED_BODY.encode(), headers=_SECRET_HEADERS)
    api.wait_for(message_id, "FAILED")

    for target in (
        f"/v2/messages/{message_id}",
        "/v2/events",
        "/v2/logs",
        "/v2/dlq",
        f"/v2/events?messageId={message_id}",
    ):
        answer = api.call("GET", target)
        assert answer.status == 200, target
        assert find_secrets(answer.body.decode()) == [], target
    (request,) = receiver.wait_for(1, "/failing")
    assert request.header("Authorization") == f"Bearer {FORWARDED}"
