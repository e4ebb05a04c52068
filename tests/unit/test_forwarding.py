import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_rq.errors import InvalidInput
from qstash_rq.forwarding import (
    as_forwarded,
    check_value,
    delivered_headers,
    forwarded_headers,
    only_value,
    overlay,
)
from qstash_rq.message import Headers

_NAMES = st.sampled_from(["X", "x", "Y", "Upstash-Forward-X", "Content-Type"])
_FIELDS = st.lists(st.tuples(_NAMES, st.text())).map(tuple)


def test_forwarded_headers_travel_without_prefix_in_order() -> None:
    """Several values stay several, a value with a comma stays one, and the name keeps its case."""
    fields = (
        ("Upstash-Forward-X-Api-Key", "k, l"),
        ("upstash-forward-a", "1"),
        ("UPSTASH-FORWARD-A", "2"),
        ("Accept", "*/*"),
        ("Upstash-Retries", "3"),
        ("Upstash-Telemetry-Sdk", ""),
        ("Upstash-Forward-Empty", ""),
    )

    assert delivered_headers(fields) == (("X-Api-Key", "k, l"), ("a", "1"), ("A", "2"), ("Empty", ""))


def test_the_content_type_of_the_publish_comes_first() -> None:
    """The plain content type is delivered, a forwarded one never."""
    fields = (
        ("Upstash-Forward-A", "1"),
        ("Upstash-Forward-Content-Type", "text/html"),
        ("content-type", "application/json"),
    )

    assert delivered_headers(fields) == (("Content-Type", "application/json"), ("A", "1"))


@pytest.mark.parametrize("fields", [(), (("Content-Type", ""),), (("Upstash-Forward-Content-Type", "a/b"),)])
def test_no_content_type_is_invented(fields: Headers) -> None:
    """Without one, or with an empty one as WSGI hands it out, the delivery has none."""
    assert delivered_headers(fields) == ()


def test_a_second_content_type_is_refused() -> None:
    """One body has one type."""
    with pytest.raises(InvalidInput, match=r"^Content-Type: must be given once$"):
        delivered_headers((("Content-Type", "a/b"), ("content-type", "a/b")))


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "Upstash-Signature",
        "Upstash-Message-Id",
        "Upstash-Retried",
        "Upstash-Caller-Ip",
        "Upstash-Region",
        "Upstash-Topic-Name",
        "Upstash-Schedule-Id",
        "Upstash-Workflow-RunId",
        "Upstash-Workflow-Init",
        "Upstash-Workflow-Url",
        "Upstash-Workflow-CreatedAt",
    ],
)
@pytest.mark.parametrize("prefix", ["Upstash-Forward-", "upstash-forward-"])
def test_headers_the_server_sets_are_dropped(prefix: str, name: str) -> None:
    """Clients that echo all headers they received are heard, but override nothing."""
    fields = ((prefix + name, "v"), (prefix + name.lower(), "w"))

    assert delivered_headers(fields) == ()


@pytest.mark.parametrize(
    "name",
    [
        "User-Agent",
        "Authorization",
        "Upstash-Workflow-Sdk-Version",
        "Upstash-Forward-X",
        "Host-Name",
        "!#$%&'*+.^_`|~1",
    ],
)
def test_all_other_headers_may_be_forwarded(name: str) -> None:
    """A user agent, an authorization and workflow headers travel, and only one prefix is taken off."""
    assert delivered_headers(((f"Upstash-Forward-{name}", "v"),)) == ((name, "v"),)


@pytest.mark.parametrize("name", ["", "X Y", "X:", "X\r\nY", "é", "X\n", "(x)", "\udcff"])
def test_a_name_that_is_no_token_is_refused(name: str) -> None:
    """RFC 9110: a header name is a token; the text names the header in a printable way."""
    with pytest.raises(InvalidInput, match=r"^'Upstash-Forward-.*': is not a valid header name$") as caught:
        delivered_headers(((f"Upstash-Forward-{name}", "v"),))

    assert str(caught.value).isprintable()


@pytest.mark.parametrize("value", ["a\r\nB: c", "a\n", "\r", "\x00", "\x1f", "\x7f", "\x85", "\udcff"])
def test_a_value_with_control_characters_is_refused_by_name(value: str) -> None:
    """Nothing can break out of a header line, and what was no UTF-8 is not sent on."""
    with pytest.raises(InvalidInput, match=r"^Upstash-Forward-X: must be UTF-8 without control characters$"):
        delivered_headers((("Upstash-Forward-X", value),))
    with pytest.raises(InvalidInput, match=r"^Content-Type: "):
        delivered_headers((("Content-Type", value),))


@pytest.mark.parametrize("value", ["", "a\tb", " padded ", "Grüße, 世界", "\xa0"])
def test_tabs_and_characters_outside_ascii_are_kept(value: str) -> None:
    """Header values are UTF-8 text and arrive as given."""
    assert delivered_headers((("Upstash-Forward-X", value),)) == (("X", value),)
    assert value == check_value("X", value)


def test_one_value_is_expected_once() -> None:
    """A repeated header is refused by name, also when the values agree."""
    assert only_value("X", ["v"]) == "v"
    with pytest.raises(InvalidInput, match=r"^X: must be given once$"):
        only_value("X", ["v", "v"])


def test_the_stronger_fields_hide_the_weaker_of_the_same_name() -> None:
    """Names are compared in any case, and all values of a hidden name go."""
    stronger = (("X", "1"), ("x", "2"))
    weaker = (("x", "3"), ("Y", "4"), ("X", "5"), ("y", "6"))

    assert overlay(stronger, weaker) == (("X", "1"), ("x", "2"), ("Y", "4"), ("y", "6"))


@given(_FIELDS, _FIELDS)
def test_an_overlay_never_mixes_the_values_of_one_name(stronger: Headers, weaker: Headers) -> None:
    """Each name has all its values from the stronger side if it is there, else all from the weaker."""
    merged = overlay(stronger, weaker)
    for wanted in {name.lower() for name, _ in stronger + weaker}:
        of = [
            [value for name, value in side if name.lower() == wanted] for side in (merged, stronger, weaker)
        ]
        assert of[0] == (of[1] or of[2])


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Content-Type", "Accept"]) | st.text().map("Upstash-Forward-".__add__), st.text()
        )
    ).map(tuple)
)
def test_every_set_of_fields_is_deliverable_or_refused(fields: Headers) -> None:
    """What is delivered can stand in an HTTP request; everything else is InvalidInput."""
    try:
        delivered = delivered_headers(fields)
    except InvalidInput:
        return
    for name, value in delivered:
        assert re.fullmatch(r"[!-~]+", name)
        assert not re.search(r"[\r\n\x00]", value)


def test_the_prefix_of_a_callback_takes_its_own_fields() -> None:
    """What is forwarded to a callback is marked by a longer prefix, and the shorter one does not take it."""
    fields = (
        ("Upstash-Forward-A", "1"),
        ("upstash-callback-forward-A", "2"),
        ("Upstash-Callback-Forward-Host", "h"),
        ("Upstash-Forward-Callback-Forward-B", "3"),
    )

    assert forwarded_headers(fields, "Upstash-Callback-") == (("A", "2"),)
    assert forwarded_headers(fields) == (("A", "1"), ("Callback-Forward-B", "3"))


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "Content-Length",
        "Content-Type",
        "Connection",
        "Transfer-Encoding",
        "TE",
        "Upgrade",
        "Keep-Alive",
        "Proxy-Authorization",
        "proxy-connection",
        "Expect",
        "Upstash-Retries",
        "upstash-forward-x",
        "Upstash-Signature",
        "Upstash-Anything Else",
    ],
)
def test_headers_of_the_call_itself_stay_behind(name: str) -> None:
    """What is about the connection or configures the message does not travel, however it is spelled."""
    for spelled in (name, name.lower(), name.upper()):
        assert as_forwarded(((spelled, "v"),), authorization_is_ours=False) == ()


def test_all_other_plain_headers_travel() -> None:
    """In order, repeated ones too, as if each had been prefixed."""
    fields = (("X", "1"), ("Cookie", "c"), ("x", "2"), ("User-Agent", "u"), ("Proxy", "p"), ("Te2", ""))

    forwarded = as_forwarded(fields, authorization_is_ours=True)

    assert delivered_headers(forwarded) == fields


def test_only_a_foreign_authorization_travels() -> None:
    """The credential of this API never leaves it; that of a webhook's sender does."""
    fields = (("authorization", "Bearer t"),)

    assert as_forwarded(fields, authorization_is_ours=True) == ()
    assert as_forwarded(fields, authorization_is_ours=False) == (
        ("Upstash-Forward-authorization", "Bearer t"),
    )


@pytest.mark.parametrize(("name", "text"), [("X", "a\nb"), ("X", "\udcff"), ("X Y", "v"), ("", "v")])
def test_a_plain_header_that_cannot_travel_is_refused(name: str, text: str) -> None:
    """The text names the header as it was given, without a prefix."""
    with pytest.raises(InvalidInput, match=r"^X: |^'X Y': |^'': "):
        as_forwarded(((name, text),), authorization_is_ours=True)


@given(st.lists(st.tuples(_NAMES | st.text(), st.text())).map(tuple), st.booleans())
def test_every_call_is_forwardable_or_refused(fields: Headers, authorization_is_ours: bool) -> None:
    """What header forward makes of a call is always deliverable, and only what the call had."""
    try:
        forwarded = as_forwarded(fields, authorization_is_ours=authorization_is_ours)
    except InvalidInput:
        return
    delivered = delivered_headers(forwarded)
    assert len(delivered) == len(forwarded)
    assert set(delivered) <= set(fields)
