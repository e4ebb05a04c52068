import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_rq.errors import InvalidInput
from qstash_rq.urls import check_url, split_url


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "path"),
    [
        ("https://a.io", "https", "a.io", None, "/"),
        ("https://a.io?x=/1", "https", "a.io", None, "/"),
        ("https://a.io#x/1", "https", "a.io", None, "/"),
        ("HTTP://A.io:8080/x//y%2F?q#f", "http", "A.io", "8080", "/x//y%2F"),
        ("http://u:p@h/x", "http", "h", None, "/x"),
        ("http://u@x:1@h:2/", "http", "h", "2", "/"),
        ("http://[::1]:80/", "http", "[::1]", "80", "/"),
        ("http://[::1]/", "http", "[::1]", None, "/"),
        ("http://a.io:/", "http", "a.io", "", "/"),
        ("http://a.io/u@b.io:1/", "http", "a.io", None, "/u@b.io:1/"),
        ("http://::1/", "http", "", ":1", "/"),
        ("nonsense", "nonsense", "", None, "/"),
    ],
)
def test_a_url_comes_apart_as_written(url: str, scheme: str, host: str, port: str | None, path: str) -> None:
    """Every part is the very text of the URL; only the scheme is lower-cased and an empty path is a slash."""
    parts = split_url(url)

    assert (scheme, host, port, path) == (parts.scheme, parts.host, parts.port, parts.path)


@given(st.text(st.characters()) | st.from_regex(r"https?://[\[\]:@/?#a1.\\]*", fullmatch=True))
def test_taking_apart_never_fails(text: str) -> None:
    """Any text has parts, and a host never holds what ends it."""
    assert not set(split_url(text).host) & set("/?#@")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com/",
        "HTTPS://EXAMPLE.COM/a//b/%2F/%zz?x=%20&&y#f",
        "http://user:p%40ss@example.com:8080/x",
        "http://localhost:3000",
        "http://127.0.0.1:1/",
        "http://0x7f.1/",
        "http://[::1]:65535/",
        "http://[fe80::1%25eth0]/",
        "http://a_b.example/~x",
        "http://example.com./",
        "http://example.com:/",
        "http://example.com:00080/",
        "https://bücher.example/straße?ü=1",
    ],
)
def test_a_deliverable_url_is_returned_unchanged(url: str) -> None:
    """Nothing is normalised: ports, dots, escapes and characters outside ASCII stay."""
    assert url == check_url(url)


@pytest.mark.parametrize(
    ("url", "detail"),
    [
        ("ftp://a.io", "endpoint has invalid scheme, add http:// or https://"),
        ("https:/a.io", "endpoint has invalid scheme, add http:// or https://"),
        ("http", "endpoint has invalid scheme, add http:// or https://"),
        ("http://", "empty host"),
        ("http:///x", "empty host"),
        ("http://?x", "empty host"),
        ("http://#x", "empty host"),
        ("http://user@/", "empty host"),
        ("http://:80/", "empty host"),
        ("http://./", "empty host"),
        ("http://[]/", "empty host"),
        ("http://::1/", "empty host"),
        ("http://a b.io/", "blanks"),
        ("http://a.io/x y", "blanks"),
        ("http://a.io/\r\nX: y", "blanks"),
        ("http://a.io/\x00", "blanks"),
        ("http://a.io/\x7f", "blanks"),
        ("http://a.io/\x85", "blanks"),
        ("http://a.io/?q=\t", "blanks"),
        ("http://a.io/\udcff", "blanks"),
        ("http://a.io\\@127.0.0.1/", "malformed host"),
        ("http://127.0.0.1\\@a.io/", "malformed host"),
        ("http://x@y@a.io/", "malformed host"),
        ("http://%31.0.0.1/", "malformed host"),
        ("http://[::1", "malformed host"),
        ("http://[::1]x/", "malformed host"),
        ("http://[1.2.3.4]/", "malformed host"),
        ("http://[v1.x]/", "malformed host"),
        ("http://a|b/", "malformed host"),
        ("http://a.io:x/", "port must"),
        ("http://a.io:80:80/", "port must"),
        ("http://a.io:-1/", "port must"),
        ("http://a.io:+80/", "port must"),
        ("http://a.io:8_0/", "port must"),
        ("http://a.io:٨٠/", "port must"),
        ("http://a.io:0/", "port must"),
        ("http://a.io:65536/", "port must"),
        ("http://a.io:" + "9" * 5000 + "/", "port must"),
    ],
)
def test_an_undeliverable_url_is_refused_with_its_fault(url: str, detail: str) -> None:
    """The text says what is wrong after the words all destination errors begin with."""
    with pytest.raises(InvalidInput) as caught:
        check_url(url)

    assert str(caught.value).startswith(f"invalid destination url: {detail}")


def test_further_schemes_are_accepted_when_named() -> None:
    """A plug-in's scheme makes a destination like http does."""
    assert check_url("Sqs://queue/x", schemes=frozenset({"sqs"})) == "Sqs://queue/x"


@given(st.text() | st.from_regex(r"https?://[\[\]:@%a1.\\ ]*/?", fullmatch=True))
def test_every_text_is_a_url_or_refused(text: str) -> None:
    """The check answers the text itself or InvalidInput, nothing else."""
    try:
        checked = check_url(text)
    except InvalidInput:
        return
    assert checked == text
    assert split_url(text).host.isprintable()
