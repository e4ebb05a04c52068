"""The middleware that routes by the raw target, on bare environs."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest
from werkzeug.routing import Map

from api.raw_target import DESTINATION, QUERY_TOKEN, NameConverter, rewrite


def rewritten(target: str, method: str = "POST") -> dict[str, Any]:
    """Return the environ that a raw target becomes."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "RAW_URI": target,
        "PATH_INFO": "/decoded",
        "QUERY_STRING": "decoded",
    }
    rewrite(environ)
    return environ


@pytest.mark.parametrize(
    ("target", "path", "destination"),
    [
        ("/v2/publish/https://a.io", "/v2/publish", "https://a.io"),
        ("/v2/publish/https://a.io/", "/v2/publish", "https://a.io/"),
        ("/v2/publish/https://a.io//b/../c%20d%2Fe/", "/v2/publish", "https://a.io//b/../c%20d%2Fe/"),
        ("/v2/publish/https://a.io?x=%2F&y", "/v2/publish", "https://a.io?x=%2F&y"),
        ("/v2/publish/https://a.io/?a?b#c", "/v2/publish", "https://a.io/?a?b#c"),
        ("/v2/publish//https://a.io", "/v2/publish", "/https://a.io"),
        ("/V2/PubLish/Group", "/v2/publish", "Group"),
        ("/v2/publish/", "/v2/publish", ""),
        ("/v2/publish", "/v2/publish", ""),
        ("/v2/publish?a=1", "/v2/publish", "?a=1"),
        ("/v2/enqueue/Q/https://a.io/B", "/v2/enqueue/Q", "https://a.io/B"),
        ("/v2/Enqueue/a%2Fb/https://a.io?c=d", "/v2/enqueue/a%2Fb", "https://a.io?c=d"),
        ("/v2/enqueue/Q", "/v2/enqueue/Q", ""),
        ("/v2/enqueue/Q/", "/v2/enqueue/Q", ""),
        ("/v2/enqueue/", "/v2/enqueue", ""),
        ("/v2/enqueue//https://a.io", "/v2/enqueue", "https://a.io"),
        ("http://localhost:8080/v2/publish/https://a.io//b?c", "/v2/publish", "https://a.io//b?c"),
        ("/v2/schedules/https://a.io//b?c", "/v2/schedules/-", "https://a.io//b?c"),
        ("/v2/Schedules/Group", "/v2/schedules/-", "Group"),
        ("/v2/schedules/https://a.io/pause", "/v2/schedules/-", "https://a.io/pause"),
        ("/v2/schedules/https:/a.io/resume/", "/v2/schedules/-", "https:/a.io/resume/"),
        ("/v2/schedules/pause", "/v2/schedules/-", "pause"),
        ("/v2/schedules//pause", "/v2/schedules/-", "/pause"),
        ("/v2/schedules/a/b/pause", "/v2/schedules/-", "a/b/pause"),
        ("/v2/schedules/", "/v2/schedules", ""),
        ("/v2/schedules?a=1", "/v2/schedules", "?a=1"),
    ],
)
def test_cuts_the_destination_off(target: str, path: str, destination: str) -> None:
    """What follows publish, or the queue of an enqueue, is the destination, byte for byte."""
    environ = rewritten(target)

    assert (environ["PATH_INFO"], environ[DESTINATION]) == (path, destination)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("", ""),
        ("?", ""),
        ("/v2/queues", "/v2/queues"),
        ("/v2/queues/", "/v2/queues"),
        ("/v2/queues//", "/v2/queues/"),
        ("/V2/QUEUES/Name/PAUSE/", "/v2/queues/Name/pause"),
        ("/v2/queues/Pause/Pause", "/v2/queues/Pause/pause"),
        ("/v2/queues/a%2FB", "/v2/queues/a%2FB"),
        ("/v2/messages/msg_aB", "/v2/messages/msg_aB"),
        ("/v2/dlq/RETRY", "/v2/dlq/retry"),
        ("/v2/dlq/Retry/Ab/", "/v2/dlq/retry/Ab"),
        ("/v2/dlq/Ab", "/v2/dlq/Ab"),
        ("/v2/keys/Rotate", "/v2/keys/rotate"),
        ("/v2/queues/Rotate", "/v2/queues/Rotate"),
        ("/HEALTH/", "/health"),
        ("/v2", "/v2"),
        ("/", ""),
        ("*", ""),
        ("//v2/queues", "//v2/queues"),
        ("http://localhost:8080/v2/Queues/Q", "/v2/queues/Q"),
        ("http://localhost:8080", ""),
        ("http://localhost:8080?a=/v2/queues", ""),
    ],
)
def test_lowers_static_words(target: str, path: str) -> None:
    """Static words come in any case and may end in one slash; names and ids stay as they are."""
    environ = rewritten(target)

    assert environ["PATH_INFO"] == path
    assert DESTINATION not in environ


@pytest.mark.parametrize(
    ("method", "target", "path"),
    [
        ("POST", "/v2/Schedules/S/Pause/", "/v2/schedules/S/pause"),
        ("POST", "/v2/schedules/a%2Fb/resume?x", "/v2/schedules/a%2Fb/resume"),
        ("PATCH", "/v2/schedules/s/pause", "/v2/schedules/s/pause"),
        ("GET", "/v2/schedules/S", "/v2/schedules/S"),
        ("GET", "/v2/schedules/https://a.io", "/v2/schedules/https://a.io"),
        ("DELETE", "/v2/schedules/s", "/v2/schedules/s"),
    ],
)
def test_tells_schedules_from_destinations(method: str, target: str, path: str) -> None:
    """Only POST creates schedules, and not where one segment stands before the name of a change."""
    environ = rewritten(target, method)

    assert environ["PATH_INFO"] == path
    assert DESTINATION not in environ


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/v2/flowControl", "/v2/flowcontrol"),
        ("/v2/FlowControl/", "/v2/flowcontrol"),
        ("/v2/flowControl/K", "/v2/flowcontrol/K"),
        ("/v2/flowControl/K/", "/v2/flowcontrol/K"),
        ("/v2/flowControl/a/B", "/v2/flowcontrol/a%2FB"),
        ("/v2/flowControl/a%2Fb/resetRate", "/v2/flowcontrol/a%2Fb/resetrate"),
        ("/v2/flowControl/a//b/Pin/?rate=1", "/v2/flowcontrol/a%2F%2Fb/pin"),
        ("/v2/flowControl/a/pause/pause", "/v2/flowcontrol/a%2Fpause/pause"),
        ("/v2/flowControl/Pause", "/v2/flowcontrol/Pause"),
        ("/v2/flowControl//pause", "/v2/flowcontrol//pause"),
        ("/v2/flowControl//", "/v2/flowcontrol/"),
        ("/v2/globalParallelism/", "/v2/globalparallelism"),
    ],
)
def test_keeps_slashes_of_flow_control_keys(target: str, path: str) -> None:
    """All that stands before the action is the key, as one segment."""
    assert rewritten(target)["PATH_INFO"] == path


@pytest.mark.parametrize(
    ("query", "rest", "token"),
    [
        ("qstash_token=T", "", "T"),
        ("a=1&qstash_token=T&b=%2F", "a=1&b=%2F", "T"),
        ("a&&qstash_token=a%2Bb+c%3D%3D&b=", "a&&b=", "a+b+c=="),
        ("qstash_token=first&qstash_token=second", "", "first"),
        ("qstash%5Ftoken=T&QSTASH_TOKEN=U", "", "T"),
        ("qstash_token", "", ""),
        ("a=1", "a=1", None),
        ("xqstash_token=T&a=qstash_token", "xqstash_token=T&a=qstash_token", None),
        ("qstash_tokens=T", "qstash_tokens=T", None),
        ("", "", None),
    ],
)
def test_takes_the_token_out(query: str, rest: str, token: str | None) -> None:
    """The token leaves the query, and so all that is routed, stored or logged; the rest stays as it is."""
    environ = rewritten(f"/v2/publish/https://a.io?{query}")

    assert environ["QUERY_STRING"] == rest
    assert environ.get(QUERY_TOKEN) == token
    assert environ[DESTINATION] == "https://a.io" + (f"?{rest}" if rest else "")
    assert environ["RAW_URI"] == environ["REQUEST_URI"] == "/v2/publish/" + environ[DESTINATION]


def test_takes_the_target_other_servers_hand_on() -> None:
    """Other servers, such as uWSGI and mod_wsgi, call the raw target REQUEST_URI."""
    environ: dict[str, Any] = {"REQUEST_URI": "/v2/publish/https://a.io//b", "PATH_INFO": "/v2/publish/x"}

    rewrite(environ)

    assert environ[DESTINATION] == "https://a.io//b"


def test_refuses_servers_that_hide_the_target() -> None:
    """Without the raw target a destination would be guessed, so nothing is served."""
    with pytest.raises(KeyError, match="REQUEST_URI"):
        rewrite({"PATH_INFO": "/v2/publish/https:/a.io"})


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=60))
def test_never_loses_a_byte_of_a_destination(rest: str) -> None:
    """Whatever follows in the target is the destination, unless it has a token or an empty query."""
    expected = rest.removesuffix("?") if rest.count("?") == 1 else rest

    assert rewritten(f"/v2/publish/{rest}")[DESTINATION] == expected


def name(segment: str) -> str:
    """Decode one raw segment."""
    return NameConverter(Map()).to_python(segment)


@given(st.text(min_size=1))
def test_decodes_names_once(text: str) -> None:
    """A name that was percent-encoded comes back, slashes and percent signs included."""
    if "\N{REPLACEMENT CHARACTER}" in text:
        return
    assert name(quote(text, safe="")) == text


@pytest.mark.parametrize("segment", ["%", "%f", "%zz", "a%2", "%ff", "%c3", "%ed%a0%80", "\ufffd"])
def test_refuses_names_that_are_not_utf8(segment: str) -> None:
    """A name must be valid percent-encoding of valid UTF-8."""
    with pytest.raises(BadRequest, match="path: "):
        name(segment)
