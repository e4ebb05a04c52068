"""The request that is made of a claim: the table of contract 4.1."""

from typing import Any

import pytest
from qstash import Receiver

from qstash_rq.clock import SystemClock
from qstash_rq.delivery import Claim
from qstash_rq.message import Callback, Message
from qstash_rq.settings import DEVELOPMENT_CURRENT_SIGNING_KEY as KEY
from qstash_rq.settings import DEVELOPMENT_NEXT_SIGNING_KEY as NEXT_KEY
from qstash_rq.settings import Settings
from qstash_rq.signing import sign
from workers.preparation import prepare
from workers.prepared import PreparedDelivery

_NOW_MS = 1_700_000_000_000
_URL = "https://a.io/%2f//x?q=ä"


def _claim(*, retried: int = 0, **over: Any) -> Claim:
    message = Message(
        message_id="msg_1", user_id="u", url=_URL, created_at_ms=_NOW_MS, not_before_ms=_NOW_MS, **over
    )
    return Claim(message=message, attempt=retried + 1, retried=retried, signing_key=KEY)


def _prepared(claim: Claim, *, now_ms: int = _NOW_MS, **settings: Any) -> PreparedDelivery:
    return prepare(claim, settings=Settings(**settings), now_ms=now_ms, jwt_id="jwt_1")


def _named(prepared: PreparedDelivery, name: str) -> list[str]:
    return [value for key, value in prepared.headers if key.lower() == name.lower()]


def test_a_bare_message_has_the_headers_that_are_always_there() -> None:
    """Nothing forwarded: there are the user agent, id, retries, signature and region, in this order."""
    prepared = _prepared(_claim())

    signature = sign(key=KEY, url=_URL, body=b"", now_ms=_NOW_MS, jwt_id="jwt_1")
    assert prepared.headers == (
        ("User-Agent", "Upstash-QStash"),
        ("Upstash-Message-Id", "msg_1"),
        ("Upstash-Retried", "0"),
        ("Upstash-Signature", signature),
        ("Upstash-Region", "EU-CENTRAL-1"),
    )


def test_the_message_is_handed_on_untouched() -> None:
    """Method, URL and body are those of the message, byte for byte, also for a GET with a body."""
    prepared = _prepared(_claim(method="GET", body=b"\x00\xff"))

    assert (prepared.method, prepared.url, prepared.body) == ("GET", _URL, b"\x00\xff")


def test_the_vendors_verifier_accepts_the_signature() -> None:
    """What the receiver checks is the body and the URL that are sent."""
    prepared = _prepared(_claim(body=b"\x00body"), now_ms=SystemClock().now_ms())

    receiver = Receiver(current_signing_key=KEY, next_signing_key=NEXT_KEY)
    [signature] = _named(prepared, "Upstash-Signature")
    # It raises when it does not like what it sees.
    receiver.verify(signature=signature, body="\x00body", url=prepared.url)


def test_forwarded_fields_keep_their_order_and_their_doubles() -> None:
    """Forwarded fields go out as they were stored, the content type among them."""
    forwarded = (("Content-Type", "text/x"), ("X-B", "1"), ("x-b", "2"), ("X-A", ""))

    prepared = _prepared(_claim(headers=forwarded))

    assert prepared.headers[1:5] == forwarded


def test_a_forwarded_user_agent_replaces_ours() -> None:
    """There is one user agent, the publisher's, however it is spelled."""
    prepared = _prepared(_claim(headers=(("user-agent", "mine"),)))

    assert _named(prepared, "User-Agent") == ["mine"]


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "content-length",
        "Transfer-Encoding",
        "Connection",
        "Keep-Alive",
        "Upgrade",
        "TE",  # codespell:ignore te
        "Trailer",
        "Expect",
        "Accept-Encoding",
        "Proxy-Connection",
        "upstash-signature",
        "Upstash-Message-Id",
        "Upstash-Retried",
        "Upstash-Caller-Ip",
        "Upstash-Region",
        "Upstash-Topic-Name",
        "Upstash-Schedule-Id",
    ],
)
def test_what_the_server_sets_cannot_be_forwarded(name: str) -> None:
    """A field of the transport or of the server itself never carries the publisher's value."""
    prepared = _prepared(_claim(headers=((name, "forged"), ("X-Kept", "1"))))

    assert "forged" not in [value for _, value in prepared.headers]
    assert _named(prepared, "X-Kept") == ["1"]


def test_other_upstash_fields_are_forwarded() -> None:
    """Workflow clients send headers of their own under the same prefix."""
    prepared = _prepared(_claim(headers=(("Upstash-Workflow-RunId", "wfr_1"),)))

    assert _named(prepared, "Upstash-Workflow-RunId") == ["wfr_1"]


def test_retries_are_counted_from_the_claim() -> None:
    """`Upstash-Retried` is the number of retries so far, not of claims."""
    assert _named(_prepared(_claim(retried=2)), "Upstash-Retried") == ["2"]


@pytest.mark.parametrize(
    ("field", "header"),
    [
        ("caller_ip", "Upstash-Caller-Ip"),
        ("topic_name", "Upstash-Topic-Name"),
        ("schedule_id", "Upstash-Schedule-Id"),
    ],
)
def test_the_origin_of_a_message_is_named_when_it_has_one(field: str, header: str) -> None:
    """Caller, URL group and schedule are told when the message has them, and only then."""
    assert _named(_prepared(_claim(**{field: "value"})), header) == ["value"]
    assert _named(_prepared(_claim()), header) == []


@pytest.mark.parametrize(("region", "sent"), [("US-EAST-1", ["US-EAST-1"]), ("", [])])
def test_the_region_is_that_of_the_settings(region: str, sent: list[str]) -> None:
    """The region can be chosen, or left out."""
    assert _named(_prepared(_claim(), region=region), "Upstash-Region") == sent


@pytest.mark.parametrize(("timeout_ms", "expected_ms"), [(5_000, 5_000), (None, 900_000)])
def test_the_timeout_is_the_messages_or_the_longest(timeout_ms: int | None, expected_ms: int) -> None:
    """A message without a time-out gets the configured maximum."""
    prepared = _prepared(_claim(timeout_ms=timeout_ms), max_timeout_ms=900_000)

    assert prepared.timeout_ms == expected_ms


def test_the_limits_are_those_of_the_settings() -> None:
    """The address guard and the largest response are the process's."""
    prepared = _prepared(_claim(), allow_private_networks=True, max_body_bytes=77)

    assert (prepared.allow_private, prepared.max_response_bytes) == (True, 77)


@pytest.mark.parametrize("name", ["callback", "failure_callback"])
def test_a_success_is_read_for_a_callback_alone(name: str) -> None:
    """Headers and body of a 2xx answer are wanted if a callback tells them; a failure callback never does."""
    told = _prepared(_claim(**{name: Callback(url="https://b.io/")}))

    assert told.wants_success is (name == "callback")
    assert not _prepared(_claim()).wants_success
