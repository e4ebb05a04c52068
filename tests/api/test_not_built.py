"""Parts of the contract that come later."""

import pytest

from tests.api.serving import Caller, contents, error


@pytest.mark.parametrize(
    ("method", "target", "resource"),
    [
        ("POST", "/v2/batch", "/v2/batch"),
        ("GET", "/v2/topics", "/v2/topics"),
        ("POST", "/v2/topics/g/endpoints", "/v2/topics"),
        ("PATCH", "/v2/topics/g", "/v2/topics"),
        ("DELETE", "/v2/topics/g", "/v2/topics"),
        ("GET", "/v2/schedules/", "/v2/schedules"),
        ("POST", "/v2/Schedules/https://example.com//a", "/v2/schedules"),
        ("PUT", "/v2/schedules/s/pause", "/v2/schedules"),
        ("GET", "/v2/flowControl", "/v2/flowcontrol"),
        ("POST", "/v2/flowControl/a%2Fb/pin?rate=1", "/v2/flowcontrol"),
        ("GET", "/v2/globalParallelism", "/v2/globalparallelism"),
    ],
)
def test_says_so(caller: Caller, redis_url: str, method: str, target: str, resource: str) -> None:
    """A resource that is not built yet answers 400 naming it, and stores nothing."""
    before = contents(redis_url)

    assert error(caller.call(method, target), 400) == f"{resource} is not supported yet"
    assert contents(redis_url) == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Upstash-Cron": "* * * * *"},
        {"Upstash-Callback": "https://example.com"},
        {"Upstash-Failure-Callback": "https://example.com"},
        {"Upstash-Flow-Control-Key": "k"},
        {"Upstash-Deduplication-Id": "d"},
        {"Upstash-Content-Based-Deduplication": "True"},
        {"Upstash-Redact-Fields": "body"},
        {"Upstash-Header-Forward": "true"},
    ],
)
def test_refuses_options_it_would_ignore(caller: Caller, redis_url: str, headers: dict[str, str]) -> None:
    """An option that is not built yet is refused, because ignoring it would change what is delivered."""
    before = contents(redis_url)
    name = next(iter(headers))

    response = caller.post("/v2/publish/https://example.com", headers=headers)

    assert error(response, 400) == f"{name} is not supported yet"
    assert contents(redis_url) == before
