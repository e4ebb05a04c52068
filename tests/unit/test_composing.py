"""Messages as composed from a request; what a request must not be is tested where it comes in."""

import pytest

from qstash_rq.composing import PublishRequest, compose
from qstash_rq.destination import parse_destination
from qstash_rq.headers import parse_options
from qstash_rq.settings import Settings

NOW_MS = 1_700_000_000_000
URL = "https://example.com/hook"


@pytest.mark.parametrize(
    ("headers", "wait_ms"),
    [
        ((), 0),
        ((("Upstash-Delay", "1h"),), 3_600_000),
        ((("Upstash-Not-Before", "1700000010"),), 10_000),
        ((("Upstash-Not-Before", "1600000000"),), 0),
    ],
    ids=["at-once", "delay", "not-before", "past"],
)
def test_a_message_waits_from_its_creation(headers: tuple[tuple[str, str], ...], wait_ms: int) -> None:
    """The clock is read once: `notBefore` is exactly the delay after `createdAt`, or equal to it."""
    destination = parse_destination(URL, schemes=frozenset({"https"}))
    options = parse_options(headers, (), settings=Settings(), now_ms=NOW_MS)
    request = PublishRequest(destination=URL, headers=headers, body=b"")

    (message,) = compose("user", request, destination, options, {}).messages
    assert message.created_at_ms == NOW_MS
    assert message.not_before_ms == NOW_MS + wait_ms
