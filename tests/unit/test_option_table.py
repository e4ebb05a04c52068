from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qstash_rq.errors import InvalidInput, LimitExceeded, QStashError
from qstash_rq.headers import PublishOptions, parse_options
from qstash_rq.message import Callback, Headers, Redaction
from qstash_rq.option_table import DELIVERY_OPTIONS, MESSAGE_OPTIONS
from qstash_rq.settings import Settings

_NOW_MS = 1_700_000_000_500
_SETTINGS = Settings()

_VALUES = (
    st.text()
    | st.integers().map(str)
    | st.from_regex(r"[0-9.]{1,20}[dhms]?([0-9]+[hms])*", fullmatch=True)
    | st.from_regex(r"[a-z0-9.+*/(), -]*", fullmatch=True)
    | st.from_regex(r"https?://[ -~]{0,20}", fullmatch=True)
    | st.sampled_from(["GET", "true", "False", "1h", "retried", "0", "-1", "", "body,header[X]", "@hourly"])
)


def _parse(*headers: tuple[str, str], query: Headers = ()) -> PublishOptions:
    return parse_options(headers, query, settings=_SETTINGS, now_ms=_NOW_MS)


def _parse_callback(*headers: tuple[str, str]) -> Callback:
    callback = _parse(("Upstash-Callback", "https://cb.io"), *headers).callback
    assert callback is not None
    return callback


def _refusal(kind: type[QStashError], *headers: tuple[str, str]) -> str:
    with pytest.raises(QStashError) as caught:
        _parse(*headers)
    assert type(caught.value) is kind
    return str(caught.value)


_OF_A_DELIVERY = [
    ("Method", "GET", "method", "GET"),
    ("Method", "Patch", "method", "PATCH"),
    ("Method", "delete", "method", "DELETE"),
    ("Delay", "0", "delay_ms", 0),
    ("Delay", "2", "delay_ms", 2_000),
    ("Delay", "0.5s", "delay_ms", 500),
    ("Delay", "10d", "delay_ms", 864_000_000),
    ("Delay", "365d", "delay_ms", 31_536_000_000),
    ("Not-Before", "1700000001", "not_before_ms", 1_700_000_001_000),
    ("Not-Before", "1700000000", "not_before_ms", _NOW_MS),
    ("Not-Before", "0", "not_before_ms", _NOW_MS),
    ("Not-Before", "-5", "not_before_ms", _NOW_MS),
    ("Retries", "0", "max_retries", 0),
    ("Retries", "007", "max_retries", 7),
    ("Retries", "1000", "max_retries", 1_000),
    ("Retry-Delay", " 7000 * retried ", "retry_delay", " 7000 * retried "),
    ("Timeout", "1", "timeout_ms", 1_000),
    ("Timeout", "2h", "timeout_ms", 7_200_000),
    ("Label", "b,,a , b", "labels", ("b", "a", "b")),
    ("Label", "", "labels", ()),
    ("Label", "grün", "labels", ("grün",)),
    ("Forward-Upstash-Retried", "1", "headers", ()),
    ("Redact-Fields", "body, header[X]", "redaction", Redaction(body=True, header_names=("x",))),
    ("Callback", "HTTPS://b.io//x?y", "callback", Callback(url="HTTPS://b.io//x?y")),
    ("Failure-Callback", "http://127.0.0.1:8000", "failure_callback", Callback(url="http://127.0.0.1:8000")),
]


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        *_OF_A_DELIVERY,
        ("Delay", "2", "not_before_ms", _NOW_MS + 2_000),
        ("Queue-Name", "my.queue-1", "queue_name", "my.queue-1"),
        ("Deduplication-Id", "any: Text\tü", "deduplication_id", "any: Text\tü"),
        ("Content-Based-Deduplication", "True", "content_based", True),
        ("Content-Based-Deduplication", "False", "content_based", False),
        ("Header-Forward", "TRUE", "header_forward", True),
        ("Header-Forward", "false", "header_forward", False),
        ("Cron", "\t CRON_TZ=Europe/Berlin 0 9 * * MON ", "cron", "CRON_TZ=Europe/Berlin 0 9 * * MON"),
        ("Schedule-Id", "my.schedule_1", "schedule_id", "my.schedule_1"),
    ],
)
def test_a_value_of_the_grammar_is_read(name: str, text: str, field: str, value: Any) -> None:
    """Each grammar of contract 3.2 ends in the field it configures, also as a query option."""
    header = f"Upstash-{name}"

    assert value == getattr(_parse((header, text)), field)
    assert _parse((header, text)) == _parse((header.upper(), text)) == _parse(query=((header.lower(), text),))


@pytest.mark.parametrize(("name", "text", "field", "value"), _OF_A_DELIVERY)
def test_a_callback_reads_the_same_grammar(name: str, text: str, field: str, value: Any) -> None:
    """Contract 3.4: behind the longer prefix a header configures the callback as it does a message."""
    header = f"Upstash-Callback-{name}"

    assert value == getattr(_parse_callback((header, text)), field)
    assert _parse_callback((header, text)) == _parse_callback((header.lower(), text))


@pytest.mark.parametrize("prefix", ["Upstash-", "Upstash-Callback-", "Upstash-Callback-Failure-Callback-"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Method", ""),
        ("Method", "HEAD"),
        ("Method", "PO\N{LATIN SMALL LETTER LONG S}T"),
        ("Method", "POST "),
        ("Delay", ""),
        ("Delay", "-1"),
        ("Delay", "1s1h"),
        ("Delay", "1 h"),
        ("Not-Before", ""),
        ("Not-Before", "-"),
        ("Not-Before", "--1"),
        ("Not-Before", "1.5"),
        ("Not-Before", "1h"),
        ("Retries", ""),
        ("Retries", "-1"),
        ("Retries", "+1"),
        ("Retries", "1.0"),
        ("Retries", "1_0"),
        ("Retries", "٣"),
        ("Retries", "3, 3"),
        ("Retry-Delay", ""),
        ("Retry-Delay", "retries * 2"),
        ("Retry-Delay", "__import__('os')"),
        ("Timeout", "0"),
        ("Timeout", "0.999s"),
        ("Timeout", "soon"),
        ("Label", "a\nb"),
        ("Label", "\udcff"),
        ("Redact-Fields", "bodies"),
        ("Redact-Fields", ""),
        ("Callback", ""),
        ("Callback", "a.io"),
        ("Callback", "ftp://a.io"),
        ("Callback", "https://"),
        ("Callback", "https://a.io/b c"),
        ("Failure-Callback", "https://a.io:99999"),
        ("Failure-Callback", "my-group"),
    ],
)
def test_a_value_outside_the_grammar_is_refused_by_name(prefix: str, name: str, text: str) -> None:
    """The text begins with the header as the contract spells it, however the caller did."""
    urls = (
        ("Upstash-Callback", "https://cb.io"),
        ("Upstash-Callback-Failure-Callback", "https://cb.io"),
    )
    header = prefix + name
    fields = [field for field in urls if field[0] != header]

    assert _refusal(InvalidInput, *fields, (header.lower(), text)).startswith(f"{header}: ")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Queue-Name", ""),
        ("Queue-Name", "a/b"),
        ("Deduplication-Id", "a\r\nb"),
        ("Deduplication-Id", "\udcff"),
        ("Content-Based-Deduplication", "yes"),
        ("Content-Based-Deduplication", ""),
        ("Header-Forward", "1"),
        ("Schedule-Id", ""),
        ("Schedule-Id", "a b"),
    ],
)
def test_options_of_the_call_are_refused_by_name(name: str, text: str) -> None:
    """As headers of a message they are judged; as sub-headers of a callback they are unknown, so ignored."""
    assert _refusal(InvalidInput, (f"upstash-{name.lower()}", text)).startswith(f"Upstash-{name}: ")
    assert _parse_callback((f"Upstash-Callback-{name}", text)) == _parse_callback()


@pytest.mark.parametrize("text", ["", " ", "* * * *", "60 * * * *", "CRON_TZ=Nowhere * * * * *"])
def test_a_bad_cron_is_refused_in_its_own_words(text: str) -> None:
    """Contract 0.2 knows the text of this one, so the header is not named."""
    assert _refusal(InvalidInput, ("Upstash-Cron", text)).startswith("Invalid cron expression ")


@pytest.mark.parametrize("prefix", ["Upstash-", "Upstash-Callback-"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Delay", "365d1s"),
        ("Delay", "9" * 60),
        ("Not-Before", str(1_700_000_000 + 31_536_001)),
        ("Not-Before", str(_NOW_MS)),
        ("Not-Before", "9" * 5_000),
        ("Retries", "1001"),
        ("Retries", "1000000"),
        ("Retries", "9" * 5_000),
        ("Timeout", "2h1s"),
    ],
)
def test_a_value_above_its_maximum_exceeds_a_limit(prefix: str, name: str, text: str) -> None:
    """Above the maximum is not malformed: it is the 412 of contract 0.2, for callbacks too."""
    fields = (("Upstash-Callback", "https://cb.io"), (prefix + name, text))

    assert _refusal(LimitExceeded, *fields) == f"{prefix}{name}: exceeds the configured maximum"


@pytest.mark.parametrize(
    "name", [option.name for option in MESSAGE_OPTIONS.values() if not option.repeatable]
)
def test_a_header_given_twice_is_refused_by_name(name: str) -> None:
    """Which of two values was meant cannot be known, in headers and in the query alike."""
    header = f"Upstash-{name}"
    fields = ((header, "1"), (header.lower(), "1"))

    assert _refusal(InvalidInput, *fields) == f"{header}: must be given once"
    with pytest.raises(InvalidInput, match=f"^{header}: must be given once$"):
        _parse(query=fields)


def test_lists_given_twice_are_joined() -> None:
    """Labels and redacted fields are lists, so several headers are one longer list."""
    options = _parse(
        ("Upstash-Label", "a,b"),
        ("upstash-label", "c"),
        ("Upstash-Redact-Fields", "body"),
        ("Upstash-Redact-Fields", "header"),
    )

    assert options.labels == ("a", "b", "c")
    assert options.redaction == Redaction(body=True, all_headers=True)


@given(
    st.sampled_from(["Upstash-", "Upstash-Callback-", "Upstash-Callback-Callback-"]),
    st.sampled_from([option.name for option in MESSAGE_OPTIONS.values()]),
    _VALUES,
)
@example("Upstash-", "Retries", "9" * 10_000)
@example("Upstash-", "Not-Before", "-" + "9" * 10_000)
@example("Upstash-", "Delay", "9" * 10_000 + "d")
@example("Upstash-", "Retry-Delay", "(" * 10_000)
def test_every_value_of_every_option_is_read_or_refused_by_name(prefix: str, name: str, text: str) -> None:
    """The answer is an option within the limits or one of two errors naming the header, nothing else."""
    header = prefix + name
    urls = (("Upstash-Callback", "https://a.io"), ("Upstash-Callback-Callback", "https://a.io"))
    fields = [field for field in urls if field[0] != header and header.startswith(field[0])]
    try:
        options = _parse(*fields, (header, text))
    except (InvalidInput, LimitExceeded) as error:
        refusal = str(error)
    else:
        refusal = None
        assert _NOW_MS <= options.not_before_ms <= _NOW_MS + _SETTINGS.max_delay_ms
        assert 0 <= options.max_retries <= _SETTINGS.max_retries
        assert options.timeout_ms is None or 1_000 <= options.timeout_ms <= _SETTINGS.max_timeout_ms
    # One half of the flow control misses the other; a cron has texts of its own (contract 0.2).
    texts = (prefix + name.removesuffix("Key").removesuffix("Value"), "Invalid cron expression ")
    assert refusal is None or refusal.startswith(texts)


def test_every_delivery_option_is_an_option_of_a_message() -> None:
    """One table serves messages and callbacks; a message has more rows, not other ones."""
    assert DELIVERY_OPTIONS.items() <= MESSAGE_OPTIONS.items()
