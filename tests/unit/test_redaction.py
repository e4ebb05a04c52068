from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_rq.errors import InvalidInput
from qstash_rq.message import Callback, Message, Redaction
from qstash_rq.redaction import marker, parse_redaction, redact
from qstash_rq.schedule import Schedule

_HEADERS = (("Content-Type", "text/plain"), ("Authorization", "s1"), ("authorization", "s2"), ("X", "s1"))
_MESSAGE = Message(
    message_id="msg_1",
    user_id="u",
    url="https://a.io",
    created_at_ms=1,
    not_before_ms=2,
    headers=_HEADERS,
    body=b"secret",
)
_SCHEDULE = Schedule(
    schedule_id="scd_1",
    user_id="u",
    cron="* * * * *",
    destination="g",
    created_at_ms=1,
    headers=_HEADERS,
    body=b"secret",
)


def _marker(original: str) -> str:
    return "REDACTED:" + sha256(original.encode()).hexdigest()


@pytest.mark.parametrize(
    ("text", "redaction"),
    [
        ("body", Redaction(body=True)),
        ("header", Redaction(all_headers=True)),
        ("headers", Redaction(all_headers=True)),
        ("header[Authorization]", Redaction(header_names=("authorization",))),
        ("headers[X-Key]", Redaction(header_names=("x-key",))),
        ("header[A],header[b],headers[a]", Redaction(header_names=("a", "b"))),
        (" body ,\theader[A] , header", Redaction(body=True, all_headers=True, header_names=("a",))),
        ("body,body", Redaction(body=True)),
        ("header[!#$%&'*+.^_`|~1]", Redaction(header_names=("!#$%&'*+.^_`|~1",))),
    ],
)
def test_the_grammar_lists_body_and_headers(text: str, redaction: Redaction) -> None:
    """Blanks around commas are free, names are compared in any case, repetitions are harmless."""
    assert redaction == parse_redaction(text, "f")


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "body,",
        ",body",
        "bodies",
        "Body",
        "HEADER",
        "header[]",
        "header[ ]",
        "header[A B]",
        "header[A",
        "header]",
        "header[A]]",
        "header [A]",
        "header[[A]]",
        "header[A,B]",
        "header(A)",
        "body[A]",
        "body header",
        "header[ü]",
        "body\n",
        "url",
    ],
)
def test_anything_else_is_refused_by_name(text: str) -> None:
    """A typo must not leave a secret in the open."""
    with pytest.raises(
        InvalidInput, match=r"^Upstash-Redact-Fields: must list body, header or header\[Name\]"
    ):
        parse_redaction(text, "Upstash-Redact-Fields")


@pytest.mark.parametrize("shown", [_MESSAGE, _SCHEDULE])
def test_named_headers_show_markers(shown: Message | Schedule) -> None:
    """Names stay, in their own case; several values are replaced one by one, other headers stay."""
    hidden = redact(replace(shown, redaction=Redaction(header_names=("AUTHORIZATION", "absent"))))

    assert hidden.headers == (
        ("Content-Type", "text/plain"),
        ("Authorization", _marker("s1")),
        ("authorization", _marker("s2")),
        ("X", "s1"),
    )
    assert hidden.body == b"secret"


@pytest.mark.parametrize("shown", [_MESSAGE, _SCHEDULE])
def test_all_headers_show_markers(shown: Message | Schedule) -> None:
    """The content type is a header like any other."""
    hidden = redact(replace(shown, redaction=Redaction(all_headers=True)))

    assert hidden.headers == tuple((name, _marker(text)) for name, text in _HEADERS)


@pytest.mark.parametrize("shown", [_MESSAGE, _SCHEDULE])
def test_the_body_shows_its_marker_as_text(shown: Message | Schedule) -> None:
    """Also a body that is no text, and nothing but the body."""
    redacted = replace(shown, body=b"\xff\x00", redaction=Redaction(body=True))

    hidden = redact(redacted)

    assert hidden == replace(redacted, body=b"REDACTED:" + sha256(b"\xff\x00").hexdigest().encode())


def test_an_empty_body_stays_empty() -> None:
    """There is nothing to hide, and its absence shows."""
    assert redact(replace(_MESSAGE, body=b"", redaction=Redaction(body=True))).body == b""


@pytest.mark.parametrize("redaction", [None, Redaction()])
def test_without_redaction_everything_shows(redaction: Redaction | None) -> None:
    """What nobody marked is shown as it is."""
    shown = replace(_MESSAGE, redaction=redaction, callback=Callback(url="https://b.io", headers=_HEADERS))

    assert redact(shown) == shown


def test_headers_of_callbacks_hide_as_their_messages_will() -> None:
    """By the callback's own redaction, else by that of whoever it calls back for (contract 3.4)."""
    fields = (("A", "1"), ("B", "2"))
    nested = Callback(url="https://c.io", headers=fields)
    shown = replace(
        _MESSAGE,
        redaction=Redaction(header_names=("a",)),
        callback=Callback(url="https://b.io", headers=fields),
        failure_callback=Callback(
            url="https://b.io", headers=fields, redaction=Redaction(header_names=("b",)), callback=nested
        ),
    )

    hidden = redact(shown)

    assert hidden.callback == Callback(url="https://b.io", headers=(("A", _marker("1")), ("B", "2")))
    assert hidden.failure_callback is not None
    assert hidden.failure_callback.headers == (("A", "1"), ("B", _marker("2")))
    assert hidden.failure_callback.callback == replace(nested, headers=(("A", "1"), ("B", _marker("2"))))


def test_the_marker_is_the_hash_of_the_original() -> None:
    """Whoever knows the original can recognise it (contract 4.12)."""
    assert marker(b"") == "REDACTED:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


_FIELDS = st.sampled_from(["body", "header", "headers[X]", "header[Authorization]", "header[", "]", " ", ""])


@given(st.text() | st.lists(_FIELDS).map(",".join))
def test_every_text_is_a_redaction_or_refused(text: str) -> None:
    """What is accepted hides something, and can be applied."""
    try:
        redaction = parse_redaction(text, "f")
    except InvalidInput:
        return
    assert redaction != Redaction()
    hidden = redact(replace(_MESSAGE, redaction=redaction))
    assert [name for name, _ in hidden.headers] == [name for name, _ in _HEADERS]
    assert (hidden.body != b"secret") == redaction.body
