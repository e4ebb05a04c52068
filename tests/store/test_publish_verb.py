"""Publishing: checked first, stored in one step, seen at once (contract 2.1, 3)."""

from dataclasses import replace

import pytest

from qstash_rq.core import Core
from qstash_rq.errors import InvalidInput, LimitExceeded, NotFound, TooLarge
from qstash_rq.message import Message, State
from qstash_rq.messages import get_message
from qstash_rq.publish import PublishRequest, Receipt, publish
from qstash_rq.queues import get_queue
from qstash_rq.users import FIRST_USER
from tests import seed
from tests.factories import NOW_MS


def _request(destination: str = "https://example.com/a?b=1", **changes: object) -> PublishRequest:
    return replace(PublishRequest(destination=destination, headers=(), body=b""), **changes)  # type: ignore[arg-type]


def _publish(core: Core, request: PublishRequest) -> Receipt:
    published = publish(core, FIRST_USER, request)
    (receipt,) = published.receipts
    assert (published.to_group, published.schedule_id) == (False, None)
    return receipt


def test_what_is_published_is_stored(core: Core) -> None:
    """Destination, headers, options, body and caller come together in one message, seen at once."""
    receipt = _publish(
        core,
        _request(
            headers=(
                ("content-type", "text/plain"),
                ("Upstash-Method", "PUT"),
                ("Upstash-Retries", "5"),
                ("Upstash-Timeout", "9s"),
                ("Upstash-Delay", "1m"),
                ("Upstash-Label", "x,y"),
                ("Upstash-Retry-Delay", "100"),
                ("Upstash-Forward-X-A", "1"),
                ("Authorization", "Bearer t"),
                ("User-Agent", "curl"),
            ),
            body=b"\x00\xff",
            caller_ip="10.1.1.1",
        ),
    )

    view = get_message(core, FIRST_USER, receipt.message_id)
    assert (receipt.url, receipt.deduplicated) == ("https://example.com/a?b=1", False)
    assert (view.state, view.not_before_ms) == (State.DUE, NOW_MS + 60_000)
    assert view.message == Message(
        message_id=receipt.message_id,
        user_id=FIRST_USER,
        url="https://example.com/a?b=1",
        created_at_ms=NOW_MS,
        not_before_ms=NOW_MS + 60_000,
        method="PUT",
        headers=(("Content-Type", "text/plain"), ("X-A", "1")),
        body=b"\x00\xff",
        max_retries=5,
        retry_delay="100",
        timeout_ms=9000,
        caller_ip="10.1.1.1",
        labels=("x", "y"),
    )


def test_enqueueing_goes_to_the_queue_of_the_path(core: Core) -> None:
    """The queue of the path is made and wins over the one in a header."""
    first = _publish(core, _request(queue_name="q"))
    second = _publish(core, _request(queue_name="q", headers=(("Upstash-Queue-Name", "other"),)))

    assert seed.members(core, "q") == [first.message_id, second.message_id]
    assert (get_queue(core, FIRST_USER, "q").lag, get_queue(core, FIRST_USER, "q").parallelism) == (2, 1)


def test_each_publish_is_a_message_of_its_own(core: Core) -> None:
    """The same call twice is two messages."""
    ids = {_publish(core, _request()).message_id for _ in range(20)}

    assert len(ids) == 20
    assert seed.live(core) == ids


@pytest.mark.parametrize(
    ("request_", "error", "text"),
    [
        (_request(queue_name="a b"), InvalidInput, "queueName: "),
        (_request(queue_name=""), InvalidInput, "queueName: "),
        (_request("ftp://example.com"), InvalidInput, "scheme"),
        (_request(""), InvalidInput, "destination"),
        (_request("api/llm"), InvalidInput, "api/llm"),
        (_request("some-group"), NotFound, "some-group"),
        (_request(headers=(("Upstash-Retries", "-1"),)), InvalidInput, "Upstash-Retries"),
        (_request(headers=(("Upstash-Delay", "soon"),)), InvalidInput, "Upstash-Delay"),
        (_request(headers=(("Upstash-Retries", "1001"),)), LimitExceeded, "Upstash-Retries"),
        (_request(headers=(("Upstash-Callback", "ftp://a.io"),)), InvalidInput, "Upstash-Callback"),
        (_request(headers=(("Upstash-Forward-A", "x\r\ny: z"),)), InvalidInput, "(?i)upstash-forward-a"),
        (_request(body=b"x" * 11), TooLarge, "body: "),
    ],
)
def test_a_refused_request_leaves_no_trace(
    core: Core, request_: PublishRequest, error: type[Exception], text: str
) -> None:
    """Whatever is wrong, the text names it, and not a key is written: no queue, no log, no id."""
    small = replace(core, settings=replace(core.settings, max_body_bytes=10))
    before = seed.contents(core)

    with pytest.raises(error, match=text):
        publish(small, FIRST_USER, request_)

    assert seed.contents(core) == before


def test_a_queue_too_many_is_refused(core: Core) -> None:
    """Enqueueing into a new queue over the maximum is refused without a trace; existing queues still work."""
    small = replace(core, settings=replace(core.settings, max_queues=1))
    publish(small, FIRST_USER, _request(queue_name="q"))
    before = seed.contents(core)

    with pytest.raises(LimitExceeded, match="queueName: "):
        publish(small, FIRST_USER, _request(queue_name="other"))

    assert seed.contents(core) == before
    publish(small, FIRST_USER, _request(queue_name="q"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "[::1]", "0x7f.1"])
def test_private_addresses_are_refused_unless_allowed(core: Core, host: str) -> None:
    """The address guard holds at publish, whichever way the address is spelled; nothing is written."""
    guarded = replace(core, settings=replace(core.settings, allow_private_networks=False))
    before = seed.contents(core)

    with pytest.raises(InvalidInput):
        publish(guarded, FIRST_USER, _request(f"http://{host}/"))

    assert seed.contents(core) == before
    if host != "0x7f.1":
        assert _publish(core, _request(f"http://{host}/")).url == f"http://{host}/"
