"""/v2/flowControl and /v2/globalParallelism (contract 2.9)."""

from typing import Any

import pytest

from qstash_rq.core import Core
from tests.api.serving import Caller, claim, contents, error
from tests.clock import FakeClock


def publish(caller: Caller, key: str, value: str, **headers: str) -> str:
    """Publish one message under a key."""
    flow = {"Upstash-Flow-Control-Key": key, "Upstash-Flow-Control-Value": value}
    return caller.publish(headers=flow | headers)


def shown(caller: Caller, key: str) -> Any:
    """Return a key as the API shows it."""
    response = caller.get(f"/v2/flowControl/{key}")
    assert response.status_code == 200, response.text
    return response.get_json()


def change(caller: Caller, target: str) -> None:
    """Change a key; the answer is empty."""
    response = caller.post(f"/v2/flowControl/{target}")
    assert (response.status_code, response.get_json()) == (200, {}), response.text


def test_shows_every_field(caller: Caller, core: Core, clock: FakeClock) -> None:
    """Every field is always there: what waits, what is in flight, limits, window, and three switches."""
    for _ in range(3):
        publish(caller, "k", "parallelism=2, rate=10, period=1m")
    claim(core)

    expected = {
        "flowControlKey": "k",
        "waitListSize": 1,
        "waitlistSize": 1,
        "parallelismMax": 2,
        "parallelismCount": 2,
        "rateMax": 10,
        "rateCount": 2,
        "ratePeriod": 60,
        "ratePeriodStart": clock.now_ms() // 1_000,
        "isPaused": False,
        "isPinnedParallelism": False,
        "isPinnedRate": False,
    }
    assert shown(caller, "k") == expected
    assert caller.get("/V2/FlowControl/").get_json() == [expected]


def test_a_key_is_there_with_its_first_message(caller: Caller) -> None:
    """A key exists from its first publish on, also when the message is delayed; zeros are shown."""
    publish(caller, "k", "rate=1", **{"Upstash-Delay": "1h"})

    state = shown(caller, "k")

    assert (state["parallelismMax"], state["waitListSize"], state["rateCount"]) == (0, 0, 0)
    assert (state["rateMax"], state["ratePeriod"], state["isPaused"]) == (1, 1, False)


@pytest.mark.parametrize(
    ("key", "sent"),
    [
        ("a/b", ["a/b", "a%2Fb", "a%2fb"]),
        ("/", ["%2F"]),
        ("a//b", ["a//b", "a%2F%2Fb"]),
        ("Pause", ["Pause"]),
        ("a/pause", ["a%2Fpause"]),
        ("50%", ["50%25"]),
        ("a b?c#d", ["a%20b%3Fc%23d"]),
        ("é:~*", ["%C3%A9:~*", "%C3%A9%3A%7E%2A"]),
        ("..", ["..", "%2E%2E"]),
        ("x" * 1_024, ["x" * 1_024]),
    ],
)
def test_keys_are_free_text(caller: Caller, key: str, sent: list[str]) -> None:
    """A key is decoded once, may hold slashes, sent as they are or encoded, and keeps its case."""
    publish(caller, key, "rate=1")

    for form in sent:
        assert shown(caller, form)["flowControlKey"] == key
        change(caller, f"{form}/pause")
        assert shown(caller, form)["isPaused"] is True
        change(caller, f"{form}/RESUME/")
        assert shown(caller, form + "/")["isPaused"] is False
    assert len(caller.get("/v2/flowControl").get_json()) == 1


def test_searches(caller: Caller) -> None:
    """A search finds the keys that contain the text; an empty one finds all."""
    for key in ("user-1", "user-2", "User-3"):
        change(caller, f"{key}/resume")

    def found(query: str) -> list[str]:
        return [one["flowControlKey"] for one in caller.get(f"/v2/flowControl{query}").get_json()]

    assert found("?search=user") == ["user-1", "user-2"]
    assert found("?search=-2") == ["user-2"]
    assert found("?search=%2F") == []
    assert sorted(found("?search=")) == sorted(found("")) == ["User-3", "user-1", "user-2"]


def test_pauses_and_resumes(caller: Caller, core: Core) -> None:
    """A paused key keeps its messages; an unknown one is made in that state."""
    change(caller, "k/pause")
    publish(caller, "k", "parallelism=1")

    assert (shown(caller, "k")["isPaused"], claim(core)) == (True, ())
    change(caller, "k/pause")
    change(caller, "k/resume")
    assert shown(caller, "k")["isPaused"] is False
    assert len(claim(core)) == 1
    change(caller, "new/resume")
    assert shown(caller, "new")["isPaused"] is False


def test_pins_and_unpins(caller: Caller) -> None:
    """Pinned limits stay whatever messages bring; unpinned ones stay until a message brings others."""
    publish(caller, "k", "parallelism=1,rate=1,period=2s")
    change(caller, "k/pin?parallelism=5")

    publish(caller, "k", "parallelism=2,rate=3,period=4s")
    state = shown(caller, "k")
    assert (state["parallelismMax"], state["rateMax"], state["ratePeriod"]) == (5, 3, 4)
    assert (state["isPinnedParallelism"], state["isPinnedRate"]) == (True, False)

    change(caller, "k/pin?rate=7&period=604800")
    publish(caller, "k", "parallelism=2,rate=3,period=4s")
    state = shown(caller, "k")
    assert (state["parallelismMax"], state["rateMax"], state["ratePeriod"]) == (5, 7, 604_800)

    change(caller, "k/unpin?parallelism=true&rate=false")
    state = shown(caller, "k")
    assert (state["isPinnedParallelism"], state["isPinnedRate"]) == (False, True)
    assert state["parallelismMax"] == 5
    publish(caller, "k", "parallelism=2")
    state = shown(caller, "k")
    assert (state["parallelismMax"], state["rateMax"]) == (2, 7)
    change(caller, "k/unpin")
    assert shown(caller, "k")["isPinnedRate"] is True
    change(caller, "k/unpin?rate=True")
    assert shown(caller, "k")["isPinnedRate"] is False


@pytest.mark.parametrize("action", ["resetRate", "RESETRATE", "reset", "pin?rate=9"])
def test_starts_a_new_window(caller: Caller, core: Core, clock: FakeClock, action: str) -> None:
    """A reset and a pin set the count to zero and let the period start now."""
    publish(caller, "k", "rate=9,period=1m")
    claim(core)
    assert shown(caller, "k")["rateCount"] == 1
    clock.advance(5_000)

    change(caller, f"k/{action}")

    state = shown(caller, "k")
    assert (state["rateCount"], state["ratePeriodStart"]) == (0, clock.now_ms() // 1_000)


def test_global_parallelism(caller: Caller, core: Core) -> None:
    """The cap over all workers and what is in flight are always there."""
    assert caller.get("/v2/globalParallelism").get_json() == {
        "parallelismMax": core.settings.max_global_parallelism,
        "parallelismCount": 0,
    }
    caller.publish()
    claim(core)
    assert caller.get("/v2/GlobalParallelism/").get_json()["parallelismCount"] == 1


def test_hides_keys_of_other_users(caller: Caller, other: Caller) -> None:
    """A key belongs to its user."""
    change(caller, "k/resume")

    assert other.get("/v2/flowControl").get_json() == []
    error(other.get("/v2/flowControl/k"), 404)
    change(other, "k/pin?rate=5")
    assert shown(caller, "k")["rateMax"] == 0
    change(other, "k/unpin?rate=true")


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("k/pin", "parallelism, rate: "),
        ("k/pin?period=5", "parallelism, rate: "),
        ("k/pin?parallelism=", "parallelism, rate: "),
        ("k/pin?parallelism=0", "parallelism: "),
        ("k/pin?parallelism=-1", "parallelism: "),
        ("k/pin?parallelism=1.5", "parallelism: "),
        ("k/pin?parallelism=x", "parallelism: "),
        ("k/pin?parallelism=1&parallelism=2", "parallelism: "),
        ("k/pin?parallelism=" + "9" * 40, "parallelism: "),
        ("k/pin?rate=0", "rate: "),
        ("k/pin?rate=1&period=0", "period: "),
        ("k/pin?rate=1&period=604801", "period: "),
        ("k/pin?rate=1&period=1m", "period: "),
        ("k/unpin?parallelism=1", "parallelism: must be true or false"),
        ("k/unpin?rate=yes", "rate: must be true or false"),
        ("k/unpin?rate=true&rate=false", "rate: must be given once"),
        ("k/pin?rate=%zz", "query: "),
        ("/pause", "flowControlKey: "),
        ("/resume", "flowControlKey: "),
        ("/pin?rate=1", "flowControlKey: "),
        ("/unpin", "flowControlKey: "),
        ("/resetRate", "flowControlKey: "),
        ("x" * 1_025 + "/pause", "flowControlKey: "),
        ("a%00b/pause", "flowControlKey: "),
        ("a%0Ab/pin?rate=1", "flowControlKey: "),
        ("%ff/pause", "path: "),
        ("%zz/pause", "path: "),
    ],
)
def test_refuses_bad_values(caller: Caller, redis_url: str, target: str, text: str) -> None:
    """A value out of range, a missing one and a key that no message can have are a 400 and change nothing."""
    change(caller, "k/resetRate")
    before = contents(redis_url)

    assert error(caller.post(f"/v2/flowControl/{target}"), 400).startswith(text)
    assert contents(redis_url) == before


def test_unknown_keys(caller: Caller, redis_url: str) -> None:
    """Only looking at an unknown key is a 404; looking makes none."""
    before = contents(redis_url)

    assert error(caller.get("/v2/flowControl/k"), 404) == "flow control key k not found"
    assert error(caller.get("/v2/flowControl//"), 400).startswith("flowControlKey: ")
    assert contents(redis_url) == before


@pytest.mark.parametrize(
    ("method", "target", "allowed"),
    [
        ("POST", "/v2/flowControl/k", "GET, HEAD"),
        ("GET", "/v2/flowControl/k/pause", "POST"),
        ("POST", "/v2/flowControl", "GET, HEAD"),
        ("POST", "/v2/globalParallelism", "GET, HEAD"),
    ],
)
def test_wrong_methods(caller: Caller, method: str, target: str, allowed: str) -> None:
    """A method that a path does not have is a 405 that says which it has."""
    response = caller.call(method, target)

    error(response, 405)
    assert response.headers["Allow"] == allowed
