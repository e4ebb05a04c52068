from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_rq.errors import InvalidInput, LimitExceeded, QStashError
from qstash_rq.headers import PublishOptions, parse_options
from qstash_rq.message import Callback, Flow, Headers, Message, Redaction
from qstash_rq.option_table import MESSAGE_OPTIONS
from qstash_rq.settings import Settings

_NOW_MS = 1_700_000_000_500
_SETTINGS = Settings()
_URL = "https://a.io/cb"

_NAMES = (
    *(f"Upstash-{option.name}" for option in MESSAGE_OPTIONS.values()),
    "Content-Type",
    "Upstash-Forward-X",
    "Upstash-Callback-Retries",
)
_VALUES = st.text() | st.sampled_from(["GET", "true", "1h", "1", "rate=1", "body", "* * * * *", _URL])


def _parse(
    *headers: tuple[str, str],
    query: Headers = (),
    defaults: Headers = (),
    settings: Settings = _SETTINGS,
) -> PublishOptions:
    return parse_options(headers, query, settings=settings, now_ms=_NOW_MS, defaults=defaults)


def _refusal(kind: type[QStashError], *headers: tuple[str, str]) -> str:
    with pytest.raises(QStashError) as caught:
        _parse(*headers)
    assert type(caught.value) is kind
    return str(caught.value)


def test_without_headers_everything_has_its_default() -> None:
    """A bare publish is a POST at once with three retries, and nothing counts as explicit."""
    assert _parse() == PublishOptions(
        now_ms=_NOW_MS,
        not_before_ms=_NOW_MS,
        delayed=False,
        delay_ms=0,
        method="POST",
        headers=(),
        max_retries=3,
        retry_delay=None,
        timeout_ms=None,
        labels=(),
        queue_name=None,
        callback=None,
        failure_callback=None,
        flow=None,
        redaction=None,
        deduplication_id=None,
        content_based=False,
        header_forward=False,
        cron=None,
        schedule_id=None,
        explicit=frozenset(),
    )


_EVERY_HEADER = (
    ("content-type", "text/plain"),
    ("upstash-method", "put"),
    ("upstash-delay", "1m30s"),
    ("upstash-retries", "5"),
    ("upstash-retry-delay", "1000 * (1 + retried)"),
    ("upstash-timeout", "10s"),
    ("upstash-label", "a, b"),
    ("upstash-queue-name", "q"),
    ("upstash-forward-x", "1"),
    ("upstash-callback", _URL),
    ("upstash-failure-callback", "http://b.io"),
    ("upstash-flow-control-key", "k"),
    ("upstash-flow-control-value", "rate=2"),
    ("upstash-redact-fields", "body"),
    ("upstash-deduplication-id", "d"),
    ("upstash-content-based-deduplication", "True"),
    ("upstash-header-forward", "false"),
    ("upstash-cron", " */5 * * * * "),
    ("upstash-schedule-id", "s"),
)


def test_every_option_is_read_from_one_set_of_headers() -> None:
    """A full publish fills every field, and names each that a message has as explicit."""
    options = _parse(*_EVERY_HEADER)

    of_the_message = {
        "not_before_ms": _NOW_MS + 90_000,
        "method": "PUT",
        "headers": (("Content-Type", "text/plain"), ("x", "1")),
        "max_retries": 5,
        "retry_delay": "1000 * (1 + retried)",
        "timeout_ms": 10_000,
        "labels": ("a", "b"),
        "queue_name": "q",
        "callback": Callback(url=_URL),
        "failure_callback": Callback(url="http://b.io"),
        "flow": Flow(key="k", rate=2),
        "redaction": Redaction(body=True),
    }
    assert options == PublishOptions(
        now_ms=_NOW_MS,
        **of_the_message,
        delayed=True,
        delay_ms=90_000,
        deduplication_id="d",
        content_based=True,
        cron="*/5 * * * *",
        schedule_id="s",
        explicit=frozenset(of_the_message),
    )


def test_explicit_names_only_fields_of_a_message() -> None:
    """A caller may copy every explicit field into a message, so what is of the call is not among them."""
    options = _parse(
        ("Upstash-Header-Forward", "false"),
        ("Upstash-Cron", "* * * * *"),
        ("Upstash-Schedule-Id", "s"),
        ("Upstash-Deduplication-Id", "d"),
        ("Upstash-Content-Based-Deduplication", "true"),
        ("Upstash-Delay", "1"),
        ("Upstash-Label", ""),
    )

    assert options.explicit == {"not_before_ms", "labels"}
    assert options.explicit <= {field.name for field in fields(Message)}


@pytest.mark.parametrize("header", ["Upstash-Deduplication-Id", "upstash-deduplication-id"])
def test_an_empty_deduplication_id_is_none(header: str) -> None:
    """Contract 3.2 knows no invalid id, so an empty one asks for nothing."""
    assert _parse((header, "")) == _parse()


def test_the_maxima_are_those_of_the_settings() -> None:
    """An operator's limits decide, and the default retries bow to them."""
    tight = replace(_SETTINGS, max_retries=2, max_delay_ms=1_000, max_timeout_ms=1_000)

    assert _parse(settings=tight).max_retries == 2
    assert _parse(("Upstash-Delay", "1"), ("Upstash-Timeout", "1"), settings=tight).delayed
    for header in ("Upstash-Delay", "Upstash-Timeout", "Upstash-Retries"):
        with pytest.raises(LimitExceeded, match=header):
            _parse((header, "3"), settings=tight)


@pytest.mark.parametrize(
    "malformed",
    [
        ("Upstash-Method", "HEAD"),
        ("Upstash-Flow-Control-Key", "k"),
        ("Upstash-Forward-X", "\n"),
        ("Upstash-Callback", "ftp://a.io"),
    ],
)
def test_grammar_is_judged_before_limits(malformed: tuple[str, str]) -> None:
    """Contract 3.6: a malformed header answers 400 also when another one exceeds a quota."""
    too_much = ("Upstash-Retries", "9999")

    _refusal(InvalidInput, too_much, malformed)
    _refusal(InvalidInput, malformed, too_much)
    assert _refusal(LimitExceeded, too_much).startswith("Upstash-Retries: ")


@pytest.mark.parametrize(
    ("not_before", "at_ms"), [("1700000100", 1_700_000_100_000), ("1600000000", _NOW_MS)]
)
def test_not_before_overrides_the_delay(not_before: str, at_ms: int) -> None:
    """Whichever comes first, the absolute time wins, also one that has passed; a schedule keeps the delay."""
    given_fields = (("Upstash-Not-Before", not_before), ("Upstash-Delay", "1h"))
    for order in (given_fields, given_fields[::-1]):
        options = _parse(*order)
        assert (at_ms, at_ms > _NOW_MS) == (options.not_before_ms, options.delayed)
        assert options.delay_ms == 3_600_000


def test_a_header_beats_the_query_and_both_beat_the_defaults() -> None:
    """Precedence is per name: forwarded headers and labels are not mixed from several sources either."""
    options = _parse(
        ("Upstash-Retries", "1"),
        ("Upstash-Label", "header"),
        ("Upstash-Forward-X", "header"),
        query=(
            ("upstash-retries", "2"),
            ("upstash-label", "query"),
            ("upstash-forward-x", "query"),
            ("upstash-forward-y", "query"),
            ("upstash-timeout", "5"),
        ),
        defaults=(
            ("UPSTASH-RETRIES", "3"),
            ("UPSTASH-TIMEOUT", "6"),
            ("UPSTASH-METHOD", "PUT"),
            ("UPSTASH-FORWARD-Y", "default"),
            ("UPSTASH-FORWARD-Z", "default"),
            ("content-type", "text/default"),
        ),
    )

    assert (options.max_retries, options.labels, options.timeout_ms) == (1, ("header",), 5_000)
    assert options.method == "PUT"
    assert options.headers == (
        ("Content-Type", "text/default"),
        ("X", "header"),
        ("y", "query"),
        ("Z", "default"),
    )


def test_what_is_overridden_is_not_read() -> None:
    """A bad query option or default is harmless behind a header."""
    bad = (("upstash-retries", "x"), ("upstash-forward-x", "\n"))

    options = _parse(("Upstash-Retries", "1"), ("Upstash-Forward-X", "v"), query=bad, defaults=bad)

    assert (options.max_retries, options.headers) == (1, (("X", "v"),))


@pytest.mark.parametrize("source", ["query", "defaults"])
def test_bad_values_are_refused_from_every_source(source: str) -> None:
    """A line break cannot be smuggled in through the query or the headers of a group either."""
    with pytest.raises(InvalidInput, match=r"^upstash-forward-x: "):
        _parse(**{source: (("upstash-forward-x", "a\nHost: b"),)})
    with pytest.raises(InvalidInput, match=r"^Upstash-Retries: "):
        _parse(**{source: (("upstash-retries", "x"),)})


@pytest.mark.parametrize(
    "header",
    [
        "Upstash-Callback-Retries",
        "Upstash-Callback-My-Header",
        "Upstash-Failure-Callback-Method",
        "Upstash-Telemetry-Sdk",
        "Upstash-Workflow-Init",
        "Upstash-Unheard-Of",
        "Upstash-",
        "Upstash-Forwarded",
        "Authorization",
        "X-Anything",
    ],
)
@pytest.mark.parametrize("text", ["", "\x00", "x"])
def test_everything_else_is_ignored(header: str, text: str) -> None:
    """Sub-headers of absent callbacks, telemetry and unknown names change nothing, even when repeated."""
    assert _parse((header, text), (header, text)) == _parse()


@given(st.lists(st.tuples(st.sampled_from(_NAMES), _VALUES)))
def test_a_header_set_means_the_same_from_every_source(given_fields: list[tuple[str, str]]) -> None:
    """Where the options stand changes neither their meaning nor the refusal, which is one of two errors."""
    given_headers = tuple(given_fields)
    outcomes: list[object] = []
    for sources in ((given_headers, (), ()), ((), given_headers, ()), ((), (), given_headers)):
        headers, query, defaults = sources
        try:
            outcomes.append(_parse(*headers, query=query, defaults=defaults))
        except (InvalidInput, LimitExceeded) as error:
            outcomes.append((type(error), str(error)))

    assert outcomes[0] == outcomes[1] == outcomes[2]
