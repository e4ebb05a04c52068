"""Destinations are called exactly as they were published: nobody tidies their path or query."""

import pytest

from tests.life.caller import Caller
from tests.receiver import Receiver

TARGETS = [
    "/",
    "//",
    "/a//b///c",
    "/a%2Fb%2fc",
    "/a%20b",
    "/a/./b/../c/.",
    "/..%2f..",
    "/%7Euser/~user",
    "/%C3%A9",
    "/%ff%00",
    "/a;b=c,d:e@f!$&'()*+",
    "/a?",
    "/a?b=//c&d=http://x.y/z",
    "/a?x=1&x=2&&y=&z",
    "/a?q=%20+%2B%26",
    "/a?b?c=?d",
    "/A/b/C",
    "/v2/publish/http://x",
]


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_arrives_as_published(api: Caller, receiver: Receiver, target: str) -> None:
    """Slashes, dots, percent signs and the query come through as they stand."""
    message_id = api.publish(receiver.url(target))

    (request,) = receiver.wait_for(1)
    # A query that holds nothing is no query (contract 3.1).
    expected = target.removesuffix("?")
    assert request.target == expected
    assert api.get(f"/v2/messages/{message_id}")["url"] == receiver.url(expected)


def test_a_destination_without_a_path_is_called_at_its_root(api: Caller, receiver: Receiver) -> None:
    """The request needs a path; the message keeps the URL it was given."""
    message_id = api.publish(receiver.url(""))

    (request,) = receiver.wait_for(1)
    assert request.target == "/"
    assert api.get(f"/v2/messages/{message_id}")["url"] == receiver.url("")


def test_options_in_the_query_stay_here(api: Caller, receiver: Receiver) -> None:
    """What configures the publish is taken out of the query; the rest keeps its order and spelling."""
    target = "/hook?src=g%68&upstash-retries=0&qstash_token=x&UPSTASH-LABEL=a%20b&x=%2F1"
    message_id = api.publish(receiver.url(target))

    (request,) = receiver.wait_for(1)
    assert request.target == "/hook?src=g%68&x=%2F1"
    message = api.get(f"/v2/messages/{message_id}")
    assert (message["maxRetries"], message["label"]) == (0, "a b")


def test_an_encoded_destination_is_decoded_once(api: Caller, receiver: Receiver) -> None:
    """Some callers percent-encode the whole URL; what was encoded inside stays so."""
    encoded = receiver.url("/a%2520b?c=1").replace(":", "%3A").replace("/", "%2F").replace("?", "%3F")
    api.publish(encoded)

    (request,) = receiver.wait_for(1)
    assert request.target == "/a%20b?c=1"
