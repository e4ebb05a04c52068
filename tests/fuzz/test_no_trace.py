"""Bad input gets a clear 4xx and leaves no trace, however it is made: never a 5xx (promise 9).

`FUZZ_EXAMPLES` says how many requests are tried, over all three parts.
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from qstash_rq.core import open_core
from qstash_rq.settings import DEVELOPMENT_TOKEN, Settings
from tests.api.asgi_caller import asgi_caller
from tests.fuzz import strategies
from tests.fuzz.front import Front

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "200000"))

pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(7_200)]

# What was found is printed with the blob that brings it back; nothing is kept between runs.
third = settings(
    max_examples=-(-EXAMPLES // 3),
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
_METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"])
_PUBLISHING = st.sampled_from(
    [
        *(
            "/v2/publish/http://a.io/x",
            "/v2/enqueue/q/http://a.io",
            "/v2/schedules/http://a.io",
            "/v2/dlq/retry",
        ),
        *("/v2/publish/my-group", "/v2/enqueue/new/my-group", "/v2/schedules/my-group"),
    ]
)
_TAKING_JSON = st.sampled_from(
    [
        *(("POST", "/v2/batch"), ("POST", "/v2/queues"), ("POST", "/v2/topics/g/endpoints")),
        *(("DELETE", "/v2/topics/my-group/endpoints"), ("PATCH", "/v2/topics/my-group")),
        *(("DELETE", "/v2/messages"), ("DELETE", "/v2/dlq"), ("POST", "/v2/dlq/retry")),
    ]
)


@pytest.fixture(scope="module")
def front(valkey: str) -> Iterator[Front]:
    """Give the front on a server that saves nothing by itself, so that it counts every change."""
    core = open_core(Settings(redis_url=valkey, token=DEVELOPMENT_TOKEN, allow_private_networks=True))
    core.store.command("CONFIG", "SET", "save", "")
    with asgi_caller(core) as caller:
        running = Front(core, caller)
        yield running
    print(f"\n{running.calls} requests, {running.refused} refused")  # noqa: T201 - what a long run is asked for
    core.store.command("FLUSHALL")
    core.store.client.close()


@third
@given(target=_PUBLISHING, headers=strategies.headers, body=st.binary(max_size=20))
def test_headers(front: Front, target: str, headers: dict[str, str], body: bytes) -> None:
    """Option headers of every kind, on every call that takes them."""
    front.check("POST", target, headers, body)


@third
@given(method=_METHODS, target=strategies.targets)
@example(method="GET", target="?")
def test_targets(front: Front, method: str, target: str) -> None:
    """Paths, destinations, names and queries, with every method."""
    front.check(method, target, {}, b"")


@third
@given(call=_TAKING_JSON, body=strategies.bodies)
def test_bodies(front: Front, call: tuple[str, str], body: object) -> None:
    """JSON that fits, that nearly fits, and bytes that are none."""
    front.check(*call, {"Content-Type": "application/json"}, body)
