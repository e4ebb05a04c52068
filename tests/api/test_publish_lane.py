"""The short way of plain publishes: what it takes, and that nobody can tell it from the long one."""

import json
import re
from collections.abc import Iterator
from dataclasses import fields as fields_of
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qstash_rq.core import Core
from qstash_rq.message import Message
from qstash_rq.settings import DEVELOPMENT_TOKEN, Settings
from qstash_rq.store.messages import read_messages
from qstash_rq.users import FIRST_USER, replace_token
from tests.api.asgi_caller import Answer, AsgiCaller, asgi_caller
from tests.api.conftest import OpenCore
from tests.api.serving import BEARER
from tests.clock import FakeClock
from tests.fuzz import strategies
from tests.waiting import wait_until

URL = "https://example.com/a//b?x=%31"
PLAIN = f"/v2/publish/{URL}"
OURS = {"Authorization": BEARER}
PUBLISHES = st.builds(
    lambda way, target: f"{way}{target}",
    st.sampled_from(["/v2/publish/", "/v2/enqueue/q/", "/V2/publish/", "/v2/enqueue/"]),
    st.sampled_from(["https://a.io", "http://a.io/x?y=1&upstash-delay=5s", "api/llm"]) | strategies.urls,
)
# The second of two publishes would be a duplicate; and no server hands on a line break.
FIELDS = strategies.headers.map(
    lambda fields: {
        name: re.sub(r"[\r\n\0]", "", text) for name, text in fields.items() if "dup" not in name.lower()
    }
)


@pytest.fixture
def sender(core: Core) -> Iterator[AsgiCaller]:
    """Give a caller whose token the gate of the lane knows."""
    with asgi_caller(core) as caller:
        caller.gate.renew(DEVELOPMENT_TOKEN)
        yield caller


def latin(text: str) -> str:
    """Return text as WSGI has it: its bytes, one character each."""
    return text.encode(errors="surrogatepass").decode("latin-1")


def by_flask(sender: AsgiCaller, target: str, fields: dict[str, str], body: bytes = b"") -> Answer:
    """Send a publish to Flask's route."""
    environ = {"RAW_URI": latin(target), "REMOTE_ADDR": "192.0.2.7"}
    client = sender.flask.test_client()
    headers = {name: latin(text) for name, text in fields.items()}
    response = client.post("/", headers=headers, data=body, environ_overrides=environ)
    return Answer(response.status_code, dict(response.headers), response.text)


def without_id(core: Core, answer: Answer) -> tuple[Any, ...]:
    """Return an answer and the message it speaks of, both without its random id."""
    value = json.loads(answer.body)
    message_id = value.pop("messageId")
    message = read_messages(core.store, FIRST_USER, [message_id])[message_id].message
    held = {field.name: getattr(message, field.name) for field in fields_of(Message)}
    assert held.pop("message_id") == message_id
    assert message_id.startswith("msg_")
    return answer.status, answer.fields, value, held


@pytest.mark.parametrize(
    ("target", "fields", "body"),
    [
        (PLAIN, {}, b"hello"),
        (PLAIN, {}, b""),
        ("/V2/Publish/https://example.com/", {"Content-Type": "text/plain"}, b"\xff\x00"),
        ("/v2/enqueue/q.1/https://example.com", {}, b"1"),
        (PLAIN, {"Upstash-Queue-Name": "q"}, b"1"),
        (PLAIN, {"Upstash-Delay": "10s", "Upstash-Retries": "1", "Upstash-Method": "PUT"}, b"1"),
        (PLAIN, {"Upstash-Forward-X-A": "é", "Upstash-Label": "a,b", "X-Not-Forwarded": "1"}, b"1"),
        (PLAIN, {"Upstash-Callback": "https://a.io", "Upstash-Failure-Callback": "https://b.io"}, b"1"),
        (PLAIN, {"Upstash-Header-Forward": "true", "User-Agent": "t"}, b"1"),
        (f"{PLAIN}&upstash-delay=5s&qstash_token=other", {}, b"1"),
    ],
)
def test_does_what_the_route_does(
    sender: AsgiCaller, core: Core, target: str, fields: dict[str, str], body: bytes
) -> None:
    """Status, headers and body of the answer are the route's, and so is the message that is stored."""
    taken = sender.lane(target, OURS | fields, body)

    assert taken is not None
    assert without_id(core, taken) == without_id(core, by_flask(sender, target, OURS | fields, body))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(target=PUBLISHES, fields=FIELDS, body=st.binary(max_size=20))
def test_nobody_can_tell_the_ways_apart(
    sender: AsgiCaller, core: Core, target: str, fields: dict[str, str], body: bytes
) -> None:
    """Whatever is published, the front answers and stores what the route alone does."""
    short = sender.front(target, OURS | fields, body)
    long = by_flask(sender, target, OURS | fields, body)

    if short.status < 300:
        assert without_id(core, short) == without_id(core, long)
    else:
        assert short == long


def test_answers_duplicates_like_the_route(sender: AsgiCaller) -> None:
    """The second use of a deduplication id is a 202 with the message of the first."""
    fields = OURS | {"Upstash-Deduplication-Id": "d"}
    first = sender.lane(PLAIN, fields)
    second = sender.lane(PLAIN, fields)

    assert first is not None
    assert second is not None
    assert second.status == 202
    assert json.loads(second.body) == json.loads(first.body) | {"deduplicated": True}
    assert second == by_flask(sender, PLAIN, fields)


@pytest.mark.parametrize(
    ("target", "fields", "body", "method", "status"),
    [
        (PLAIN, {"Authorization": "Bearer nobody"}, b"body", "POST", 401),
        (PLAIN, {"Authorization": "Basic x"}, b"body", "POST", 401),
        (PLAIN, OURS, b"", "GET", 405),
        (PLAIN, OURS | {"Origin": "https://a.io"}, b"body", "POST", 200),
        (PLAIN, OURS | {"Upstash-Cron": "* * * * *"}, b"body", "POST", 200),
        (PLAIN, OURS | {"Upstash-Retries": "x"}, b"body", "POST", 400),
        (PLAIN, OURS | {"Upstash-Delay": "10000d"}, b"body", "POST", 412),
        (PLAIN, OURS, b"x" * 65_537, "POST", 200),
        (PLAIN, OURS | {"Transfer-Encoding": "chunked"}, b"abc", "POST", 200),
        (PLAIN, OURS | {"Content-Length": "5"}, b"abc", "POST", 400),
        (PLAIN, OURS | {"Content-Length": "70000"}, b"abc", "POST", 400),
        (PLAIN, OURS | {"Upstash-Forward-X": "\udcff"}, b"body", "POST", 400),
        ("http://localhost/v2/publish/https://example.com", OURS, b"body", "POST", 200),
        ("/v2/publish/nobody-knows", OURS, b"body", "POST", 404),
        ("/v2/publish/", OURS, b"body", "POST", 400),
        ("/v2/publish/ftp://a.io", OURS, b"body", "POST", 400),
        ("/v2/enqueue/a%20b/https://a.io", OURS, b"body", "POST", 400),
        ("/v2/enqueue/q", OURS, b"body", "POST", 400),
        ("/v2/queues", OURS, b"body", "POST", 400),
        ("/v2/schedules/https://a.io", OURS | {"Upstash-Cron": "* * * * *"}, b"body", "POST", 200),
    ],
)
def test_leaves_everything_else_to_the_routes(
    sender: AsgiCaller, target: str, fields: dict[str, str], body: bytes, method: str, status: int
) -> None:
    """What is no plain publish, and what is refused, is answered by Flask, with the body it came with."""
    assert sender.lane(target, fields, body, method) is None

    assert sender.front(target, fields, body, method).status == status


def test_a_large_body_arrives_whole(sender: AsgiCaller, core: Core) -> None:
    """A body that is received in a thread is stored as it was sent."""
    body = bytes(range(256)) * 1_000

    answer = sender.front(PLAIN, OURS, body)

    assert without_id(core, answer)[3]["body"] == body


def test_a_read_only_token_does_not_publish(sender: AsgiCaller, core: Core) -> None:
    """The gate may know it, the lane does not take it."""
    token = replace_token(core, FIRST_USER, read_only=True)
    sender.gate.renew(token)
    fields = {"Authorization": f"Bearer {token}"}

    assert sender.lane(PLAIN, fields) is None
    assert sender.front(PLAIN, fields).status == 403


def test_forgets_a_token_in_time(sender: AsgiCaller, core: Core, clock: FakeClock) -> None:
    """A token that was replaced is let in for less than a second."""
    replace_token(core, FIRST_USER)
    assert sender.lane(PLAIN, OURS) is not None
    clock.advance(1_000)

    assert sender.lane(PLAIN, OURS) is None
    assert sender.front(PLAIN, OURS).status == 401


def test_asks_again_before_it_forgets(sender: AsgiCaller, core: Core, clock: FakeClock) -> None:
    """While publishes go on, a replaced token is found out after half a second, and nobody waits for that."""
    replace_token(core, FIRST_USER)
    clock.advance(500)

    assert sender.lane(PLAIN, OURS) is not None
    wait_until(lambda: sender.lane(PLAIN, OURS) is None, "the token is forgotten")


def test_marks_answers_for_browsers(core_with: OpenCore, settings: Settings) -> None:
    """Where pages may call, every answer varies by origin."""
    with asgi_caller(core_with(replace(settings, cors_origins="https://a.io"))) as caller:
        caller.gate.renew(DEVELOPMENT_TOKEN)
        taken = caller.lane(PLAIN, OURS)

        assert taken is not None
        assert taken.fields == by_flask(caller, PLAIN, OURS).fields
        assert taken.fields["Vary"] == "Origin"


def test_refuses_a_queue_too_many_like_the_route(core_with: OpenCore, settings: Settings) -> None:
    """A limit that only the store knows of is answered as by the route."""
    with asgi_caller(core_with(replace(settings, max_queues=0))) as caller:
        caller.gate.renew(DEVELOPMENT_TOKEN)
        taken = caller.lane("/v2/enqueue/q/https://a.io", OURS)

        assert taken is not None
        assert taken.status == 412
        assert taken == by_flask(caller, "/v2/enqueue/q/https://a.io", OURS)


def test_waits_for_replicas_like_the_route(core_with: OpenCore, settings: Settings) -> None:
    """A message that too few replicas have is not said to be accepted."""
    with asgi_caller(core_with(replace(settings, wait_replicas=1))) as caller:
        caller.gate.renew(DEVELOPMENT_TOKEN)
        taken = caller.lane(PLAIN, OURS)

        assert taken is not None
        assert taken.status == 503
        assert "stored it on 0 of 1 replicas" in taken.body


def test_looks_no_name_up(core_with: OpenCore, settings: Settings) -> None:
    """With the address guard on, a name is looked up in a thread first, then for a while by nobody."""
    asked: list[str] = []

    def resolve(host: str) -> tuple[str, ...]:
        asked.append(host)
        return ("1.1.1.1",)

    core = replace(core_with(replace(settings, allow_private_networks=False)), resolve=resolve)
    with asgi_caller(core) as caller:
        statuses = [caller.front(PLAIN, OURS).status for _ in range(3)]
        refused = caller.front("/v2/publish/http://127.0.0.1/", OURS)

    assert statuses == [200, 200, 200]
    assert asked == ["example.com"]
    assert refused.status == 400


def test_answers_an_outage_like_the_route(sender: AsgiCaller, settings: Settings, core: Core) -> None:
    """Without Redis the answer is the route's 503, and the gate forgets whom it knew."""
    away = replace(core, settings=replace(settings, redis_url="redis://127.0.0.1:1/0"))
    with asgi_caller(away) as caller:
        caller.gate.renew(DEVELOPMENT_TOKEN)
        taken = caller.lane(PLAIN, OURS)

        assert taken is not None
        assert taken.status == 503
        assert json.loads(taken.body) == {"error": "redis is unavailable, try again later"}
        assert caller.gate.recall(DEVELOPMENT_TOKEN) is None
    assert sender.lane(PLAIN, OURS) is not None
