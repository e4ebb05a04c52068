import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_rq.destination import Destination, DestinationKind, Target, parse_destination, split_target
from qstash_rq.errors import InvalidInput
from qstash_rq.names import is_name

_SCHEME_TEXT = "invalid destination url: endpoint has invalid scheme, add http:// or https://"
_CLEAN_PAIR = st.from_regex(r"[a-t]=[a-z0-9%/]*", fullmatch=True)


def _url(raw: str) -> str:
    destination = parse_destination(raw)
    assert destination.kind is DestinationKind.URL
    return destination.value


def test_the_worked_example_of_the_contract() -> None:
    """Section 10: configuration leaves the query, everything else stays byte for byte."""
    raw = "https://a.io/hook?src=gh&upstash-retries=1&qstash_token=T&x=%2F1"

    assert parse_destination(raw) == Destination(
        kind=DestinationKind.URL,
        value="https://a.io/hook?src=gh&x=%2F1",
        query_options=(("upstash-retries", "1"),),
    )


@pytest.mark.parametrize(
    ("raw", "path", "query", "options"),
    [
        ("p", "p", "", ()),
        ("p?", "p", "", ()),
        ("p?a=1?b=2", "p", "a=1?b=2", ()),
        ("p?b=2&a=1&&b=3&", "p", "b=2&a=1&&b=3&", ()),
        ("p?a&=&%41=+", "p", "a&=&%41=+", ()),
        (
            "p?Upstash-Delay=1h&UPSTASH-RETRIES=2",
            "p",
            "",
            (("Upstash-Delay", "1h"), ("UPSTASH-RETRIES", "2")),
        ),
        ("p?upstash-label=a%2Cb+c%26d", "p", "", (("upstash-label", "a,b c&d"),)),
        ("p?upstash-forward-x=%C3%A9", "p", "", (("upstash-forward-x", "é"),)),
        ("p?upstash-delay", "p", "", (("upstash-delay", ""),)),
        ("p?upstash-delay=1=2", "p", "", (("upstash-delay", "1=2"),)),
        ("p?upstash%2Ddelay=5", "p", "", (("upstash-delay", "5"),)),
        ("p?QSTASH_TOKEN=T&qstash%5Ftoken=U&qstash_token", "p", "", ()),
        ("p?xupstash-delay=1&qstash_tokens=2", "p", "xupstash-delay=1&qstash_tokens=2", ()),
        ("p?%FF=%FF", "p", "%FF=%FF", ()),
    ],
)
def test_a_target_is_split_and_its_options_taken_out(
    raw: str, path: str, query: str, options: tuple[tuple[str, str], ...]
) -> None:
    """Options are told by their decoded key in any case; the rest of the query is not touched."""
    assert Target(path=path, query=query, options=options) == split_target(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "https://example.com",
        "https://example.com/",
        "http://example.com//a//b%20c/%2F/../.?x=1",
        "HTTPS://Example.COM:8443/x",
        "http://u:p@example.com/?a=1&a=2&&b",
        "https://example.com/?u=http://other.example/?x",
        "https://example.com/x#y",
        "https://example.com/é?ü=ö",
        "http://localhost:3000/x",
    ],
)
def test_a_url_is_kept_verbatim(raw: str) -> None:
    """Slashes, escapes, case, port, userinfo, query and characters outside ASCII are unchanged."""
    assert raw == _url(raw)


@pytest.mark.parametrize(
    "raw", ["https://a.io?", "https://a.io?upstash-delay=1", "https://a.io?qstash_token=T"]
)
def test_no_question_mark_stays_when_the_query_is_used_up(raw: str) -> None:
    """A URL whose query held only options, or nothing, ends before the question mark."""
    assert _url(raw) == "https://a.io"


@pytest.mark.parametrize(
    ("raw", "url"),
    [
        ("http:/a.io", "http://a.io"),
        ("https:/a.io/x//y?z=1", "https://a.io/x//y?z=1"),
        ("HTTPS:/a.io", "HTTPS://a.io"),
    ],
)
def test_a_collapsed_double_slash_is_repaired(raw: str, url: str) -> None:
    """A proxy that merges slashes does not break the destination."""
    assert url == _url(raw)


@pytest.mark.parametrize(
    ("raw", "url", "options"),
    [
        ("https%3A%2F%2Fa.io%2Fx", "https://a.io/x", ()),
        ("HTTP%3a%2f%2fa.io", "HTTP://a.io", ()),
        ("https%3A//a.io/x", "https://a.io/x", ()),
        ("https%3A%2Fa.io", "https://a.io", ()),
        ("https%3A%2F%2Fa.io%2F%2520", "https://a.io/%20", ()),
        ("https%3A%2F%2Fa.io%2F+%C3%A9", "https://a.io/+é", ()),
        ("https%3A%2F%2Fa.io%3Fx%3D1%26upstash-retries%3D2", "https://a.io?x=1", (("upstash-retries", "2"),)),
        (
            "https%3A%2F%2Fa.io%3Fqstash_token%3DT%26upstash-label%3Da%252Cb",
            "https://a.io",
            (("upstash-label", "a,b"),),
        ),
        (
            "https%3A%2F%2Fa.io%3Fx%3D1%26upstash-delay%3D1?y=%20&upstash-retries=0",
            "https://a.io?x=1&y=%20",
            (("upstash-delay", "1"), ("upstash-retries", "0")),
        ),
        ("https%3A%2F%2Fa.io?y=1", "https://a.io?y=1", ()),
    ],
)
def test_a_wholly_encoded_url_is_decoded_once(
    raw: str, url: str, options: tuple[tuple[str, str], ...]
) -> None:
    """The decoded text is read like a raw one, options included; pairs outside it follow its own."""
    expected = Destination(kind=DestinationKind.URL, value=url, query_options=options)

    assert expected == parse_destination(raw)


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("group", "group"),
        ("my.group-1_x", "my.group-1_x"),
        ("group/", "group"),
        ("example.com", "example.com"),
    ],
)
def test_a_bare_word_names_a_group(raw: str, name: str) -> None:
    """Letters, digits, dots, dashes and underscores, with one trailing slash tolerated."""
    assert Destination(kind=DestinationKind.GROUP, value=name) == parse_destination(raw)


def test_the_query_of_a_group_is_dropped_but_its_options_count() -> None:
    """A group has no URL of its own that a query could belong to."""
    assert parse_destination("group?x=1&upstash-delay=2") == Destination(
        kind=DestinationKind.GROUP, value="group", query_options=(("upstash-delay", "2"),)
    )


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("", "a non-empty destination must be provided"),
        ("?upstash-delay=1", "a non-empty destination must be provided"),
        ("api/llm", "api/llm is not supported, use a full provider URL"),
        ("api/llm/", "api/llm is not supported, use a full provider URL"),
        ("api/email", "api/llm is not supported, use a full provider URL"),
        ("example.com/path", _SCHEME_TEXT),
        ("ftp://example.com", _SCHEME_TEXT),
        ("localhost:3000/x", _SCHEME_TEXT),
        ("//example.com", _SCHEME_TEXT),
        ("/", _SCHEME_TEXT),
        ("group//", _SCHEME_TEXT),
        ("gr%6Fup", _SCHEME_TEXT),
        ("group\n", _SCHEME_TEXT),
        ("http", None),
        ("http:", _SCHEME_TEXT),
        ("http:/", _SCHEME_TEXT),
        ("http:a.io", _SCHEME_TEXT),
        ("https%253A%252F%252Fa.io", _SCHEME_TEXT),
        ("https:%2F%2Fa.io", _SCHEME_TEXT),
        ("https%3Aa.io", _SCHEME_TEXT),
        ("ftp%3A%2F%2Fa.io", _SCHEME_TEXT),
        (" https://a.io", _SCHEME_TEXT),
        ("https://", "invalid destination url: empty host"),
        ("https:///x", "invalid destination url: empty host"),
        ("https://?x=1", "invalid destination url: empty host"),
        ("https://a.io:port/", "invalid destination url: port must be a number from 1 to 65535"),
        ("https://a.io:65536/", "invalid destination url: port must be a number from 1 to 65535"),
    ],
)
def test_what_is_no_destination_is_refused_with_the_known_text(raw: str, text: str | None) -> None:
    """The texts are those of contract 0.2 and 3.1; the word `http` alone is a group name."""
    if text is None:
        assert parse_destination(raw).kind is DestinationKind.GROUP
        return
    with pytest.raises(InvalidInput) as caught:
        parse_destination(raw)

    assert text == str(caught.value)


@pytest.mark.parametrize(
    "raw",
    [
        "https://a.io/\r\nHost: b",
        "https://a.io/a b",
        "https://a.io/?x=\n",
        "https://a.io/\udcff",
        "https%3A%2F%2Fa.io%2F%0D%0AHost:b",
        "https%3A%2F%2Fa.io%2F%00",
        "https%3A%2F%2Fa.io%2F%FF",
        "https%3A%2F%2F%3Fx",
    ],
)
def test_raw_and_decoded_control_characters_are_refused(raw: str) -> None:
    """Line breaks, blanks and broken UTF-8 reach no request line, however they were written."""
    with pytest.raises(InvalidInput, match=r"^invalid destination url: "):
        parse_destination(raw)


def test_an_option_that_is_not_utf_8_is_refused_by_name() -> None:
    """A header value is text; bytes that are none are an error of that option."""
    with pytest.raises(InvalidInput, match=r"^upstash-label: must be UTF-8$"):
        parse_destination("https://a.io?upstash-label=%FF")


@pytest.mark.parametrize("raw", ["sqs://queue/x", "SQS:/queue", "sqs%3A%2F%2Fqueue"])
def test_further_schemes_make_urls_when_they_can_be_delivered(raw: str) -> None:
    """A plug-in's scheme is a URL with it and the known error without it."""
    assert parse_destination(raw, schemes=frozenset({"http", "sqs"})).kind is DestinationKind.URL
    with pytest.raises(InvalidInput) as caught:
        parse_destination(raw)
    assert str(caught.value) == _SCHEME_TEXT


@given(
    st.text()
    | st.from_regex(r"https?(:|%3[aA])(/|%2[fF])*[a-z0-9.:@\[\]%]*([/?&=]|%..|[a-z])*", fullmatch=True)
)
def test_every_text_is_a_destination_or_refused(raw: str) -> None:
    """The answer is a URL with a web scheme, a group name or InvalidInput, nothing else."""
    try:
        destination = parse_destination(raw)
    except InvalidInput:
        return
    if destination.kind is DestinationKind.GROUP:
        assert is_name(destination.value)
    else:
        assert destination.value.lower().startswith(("http://", "https://"))


@given(st.lists(_CLEAN_PAIR), st.data())
def test_pairs_that_are_no_options_keep_their_bytes_and_order(pairs: list[str], data: st.DataObject) -> None:
    """Wherever options stand in the query, the rest of it comes out as if they had never been there."""
    mixed = list(pairs)
    for option in ("upstash-retries=1", "Upstash-Delay=2s", "qstash_token=T"):
        mixed.insert(data.draw(st.integers(0, len(mixed))), option)
    rest = "&".join(pairs)

    assert _url("https://a.io/?" + "&".join(mixed)) == "https://a.io/" + (f"?{rest}" if rest else "")
