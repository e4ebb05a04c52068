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
