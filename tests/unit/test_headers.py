from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qstash_rq.errors import InvalidInput, LimitExceeded, NotSupported, QStashError
from qstash_rq.headers import PublishOptions, parse_options
from qstash_rq.message import Headers
from qstash_rq.settings import Settings

_NOW_MS = 1_700_000_000_500
_SETTINGS = Settings()

_OPTIONS = (
    "Upstash-Method",
    "Upstash-Delay",
    "Upstash-Not-Before",
    "Upstash-Retries",
    "Upstash-Retry-Delay",
    "Upstash-Timeout",
    "Upstash-Label",
    "Upstash-Queue-Name",
)
_NOT_YET = (
    "Upstash-Callback",
    "Upstash-Failure-Callback",
    "Upstash-Cron",
    "Upstash-Schedule-Id",
    "Upstash-Flow-Control-Key",
    "Upstash-Flow-Control-Value",
    "Upstash-Deduplication-Id",
    "Upstash-Redact-Fields",
)
_NOT_YET_WHEN_TRUE = ("Upstash-Content-Based-Deduplication", "Upstash-Header-Forward")

_VALUES = (
    st.text()
    | st.integers().map(str)
    | st.from_regex(r"[0-9.]{1,20}[dhms]?([0-9]+[hms])*", fullmatch=True)
    | st.from_regex(r"[a-z0-9.+*/(), -]*", fullmatch=True)
    | st.sampled_from(["GET", "true", "False", "1h", "retried", "0", "-1", ""])
)


def _parse(*headers: tuple[str, str], query: Headers = (), settings: Settings = _SETTINGS) -> PublishOptions:
    return parse_options(headers, query, settings=settings, now_ms=_NOW_MS)


def _refusal(kind: type[QStashError], *headers: tuple[str, str]) -> str:
    with pytest.raises(QStashError) as caught:
        _parse(*headers)
    assert type(caught.value) is kind
    return str(caught.value)


def test_without_headers_everything_has_its_default() -> None:
    """A bare publish is a POST at once with three retries, and nothing counts as explicit."""
    assert _parse() == PublishOptions(
        not_before_ms=_NOW_MS,
        delayed=False,
        method="POST",
        headers=(),
        max_retries=3,
        retry_delay=None,
        timeout_ms=None,
        labels=(),
        queue_name=None,
        explicit=frozenset(),
    )


def test_every_option_is_read_from_one_set_of_headers() -> None:
    """A full publish fills every field and names each as explicit."""
    options = _parse(
        ("content-type", "text/plain"),
        ("upstash-method", "put"),
        ("upstash-delay", "1m30s"),
        ("upstash-retries", "5"),
        ("upstash-retry-delay", "1000 * (1 + retried)"),
        ("upstash-timeout", "10s"),
        ("upstash-label", "a, b"),
        ("upstash-queue-name", "q"),
        ("upstash-forward-x", "1"),
    )

    assert options == PublishOptions(
        not_before_ms=_NOW_MS + 90_000,
        delayed=True,
        method="PUT",
        headers=(("Content-Type", "text/plain"), ("x", "1")),
        max_retries=5,
        retry_delay="1000 * (1 + retried)",
        timeout_ms=10_000,
        labels=("a", "b"),
        queue_name="q",
        explicit=frozenset(
            {
                "not_before_ms",
                "method",
                "headers",
                "max_retries",
                "retry_delay",
                "timeout_ms",
                "labels",
                "queue_name",
            }
        ),
    )


@pytest.mark.parametrize(
    ("header", "text", "field", "value"),
    [
        ("Upstash-Method", "GET", "method", "GET"),
        ("Upstash-Method", "Patch", "method", "PATCH"),
        ("Upstash-Method", "delete", "method", "DELETE"),
        ("Upstash-Delay", "0", "not_before_ms", _NOW_MS),
        ("Upstash-Delay", "2", "not_before_ms", _NOW_MS + 2_000),
        ("Upstash-Delay", "0.5s", "not_before_ms", _NOW_MS + 500),
        ("Upstash-Delay", "10d", "not_before_ms", _NOW_MS + 864_000_000),
        ("Upstash-Delay", "365d", "not_before_ms", _NOW_MS + 31_536_000_000),
        ("Upstash-Not-Before", "1700000001", "not_before_ms", 1_700_000_001_000),
        ("Upstash-Not-Before", "1700000000", "not_before_ms", _NOW_MS),
        ("Upstash-Not-Before", "0", "not_before_ms", _NOW_MS),
        ("Upstash-Not-Before", "-5", "not_before_ms", _NOW_MS),
        ("Upstash-Retries", "0", "max_retries", 0),
        ("Upstash-Retries", "007", "max_retries", 7),
        ("Upstash-Retries", "1000", "max_retries", 1_000),
        ("Upstash-Retry-Delay", " 7000 * retried ", "retry_delay", " 7000 * retried "),
        ("Upstash-Timeout", "1", "timeout_ms", 1_000),
        ("Upstash-Timeout", "2h", "timeout_ms", 7_200_000),
        ("Upstash-Label", "b,,a , b", "labels", ("b", "a", "b")),
        ("Upstash-Label", "", "labels", ()),
        ("Upstash-Label", "grün", "labels", ("grün",)),
        ("Upstash-Queue-Name", "my.queue-1", "queue_name", "my.queue-1"),
        ("Upstash-Forward-Upstash-Retried", "1", "headers", ()),
    ],
)
def test_a_value_of_the_grammar_is_read(header: str, text: str, field: str, value: Any) -> None:
    """Each grammar of contract 3.2 ends in the field it configures, also as a query option."""
    assert value == getattr(_parse((header, text)), field)
    assert _parse((header, text)) == _parse((header.upper(), text)) == _parse(query=((header.lower(), text),))


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("Upstash-Method", ""),
        ("Upstash-Method", "HEAD"),
        ("Upstash-Method", "PO\N{LATIN SMALL LETTER LONG S}T"),
        ("Upstash-Method", "POST "),
        ("Upstash-Delay", ""),
        ("Upstash-Delay", "-1"),
        ("Upstash-Delay", "1s1h"),
        ("Upstash-Delay", "1 h"),
        ("Upstash-Not-Before", ""),
        ("Upstash-Not-Before", "-"),
        ("Upstash-Not-Before", "--1"),
        ("Upstash-Not-Before", "1.5"),
        ("Upstash-Not-Before", "1h"),
        ("Upstash-Retries", ""),
        ("Upstash-Retries", "-1"),
        ("Upstash-Retries", "+1"),
        ("Upstash-Retries", "1.0"),
        ("Upstash-Retries", "1_0"),
        ("Upstash-Retries", "٣"),
        ("Upstash-Retries", "3, 3"),
        ("Upstash-Retry-Delay", ""),
        ("Upstash-Retry-Delay", "retries * 2"),
        ("Upstash-Retry-Delay", "__import__('os')"),
        ("Upstash-Timeout", "0"),
        ("Upstash-Timeout", "0.999s"),
        ("Upstash-Timeout", "soon"),
        ("Upstash-Queue-Name", ""),
        ("Upstash-Queue-Name", "a/b"),
        ("Upstash-Label", "a\nb"),
        ("Upstash-Label", "\udcff"),
        ("Upstash-Content-Based-Deduplication", "yes"),
        ("Upstash-Content-Based-Deduplication", ""),
        ("Upstash-Header-Forward", "1"),
    ],
)
def test_a_value_outside_the_grammar_is_refused_by_name(header: str, text: str) -> None:
    """The text begins with the header as the contract spells it, however the caller did."""
    assert _refusal(InvalidInput, (header.lower(), text)).startswith(f"{header}: ")


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("Upstash-Delay", "365d1s"),
        ("Upstash-Delay", "9" * 60),
        ("Upstash-Not-Before", str(1_700_000_000 + 31_536_001)),
        ("Upstash-Not-Before", str(_NOW_MS)),
        ("Upstash-Not-Before", "9" * 5_000),
        ("Upstash-Retries", "1001"),
        ("Upstash-Retries", "1000000"),
        ("Upstash-Retries", "9" * 5_000),
        ("Upstash-Timeout", "2h1s"),
    ],
)
def test_a_value_above_its_maximum_exceeds_a_limit(header: str, text: str) -> None:
    """Above the maximum is not malformed: it is the 412 of contract 0.2."""
    assert _refusal(LimitExceeded, (header, text)) == f"{header}: exceeds the configured maximum"


def test_the_maxima_are_those_of_the_settings() -> None:
    """An operator's limits decide, and the default retries bow to them."""
    tight = replace(_SETTINGS, max_retries=2, max_delay_ms=1_000, max_timeout_ms=1_000)

    assert _parse(settings=tight).max_retries == 2
    assert _parse(("Upstash-Delay", "1"), ("Upstash-Timeout", "1"), settings=tight).delayed
    for header in ("Upstash-Delay", "Upstash-Timeout", "Upstash-Retries"):
        with pytest.raises(LimitExceeded, match=header):
            _parse((header, "3"), settings=tight)


def test_grammar_is_judged_before_limits() -> None:
    """Contract 3.6: a malformed header answers 400 also when another one exceeds a quota."""
    assert "Method" in _refusal(InvalidInput, ("Upstash-Retries", "9999"), ("Upstash-Method", "HEAD"))
    assert "Timeout" in _refusal(InvalidInput, ("Upstash-Retries", "9999"), ("Upstash-Timeout", "x"))
    _refusal(NotSupported, ("Upstash-Retries", "9999"), ("Upstash-Cron", "* * * * *"))


@pytest.mark.parametrize(
    ("not_before", "at_ms"), [("1700000100", 1_700_000_100_000), ("1600000000", _NOW_MS)]
)
def test_not_before_overrides_the_delay(not_before: str, at_ms: int) -> None:
    """Whichever comes first, the absolute time wins, also one that has passed."""
    fields = (("Upstash-Not-Before", not_before), ("Upstash-Delay", "1h"))
    for order in (fields, fields[::-1]):
        options = _parse(*order)
        assert (at_ms, at_ms > _NOW_MS) == (options.not_before_ms, options.delayed)


def test_a_header_beats_the_query_option_of_the_same_name() -> None:
    """Precedence is per name: forwarded headers and labels are not mixed from both either."""
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
    )

    assert (options.max_retries, options.labels, options.timeout_ms) == (1, ("header",), 5_000)
    assert options.headers == (("X", "header"), ("y", "query"))


def test_a_bad_query_option_is_harmless_behind_a_header() -> None:
    """What is overridden is not read at all."""
    assert _parse(("Upstash-Retries", "1"), query=(("upstash-retries", "x"),)).max_retries == 1


@pytest.mark.parametrize(
    "header",
    ["Upstash-Method", "Upstash-Delay", "Upstash-Retries", "Upstash-Queue-Name", "Upstash-Header-Forward"],
)
def test_a_header_given_twice_is_refused_by_name(header: str) -> None:
    """Which of two values was meant cannot be known, in headers and in the query alike."""
    fields = ((header, "1"), (header.lower(), "1"))

    assert _refusal(InvalidInput, *fields) == f"{header}: must be given once"
    with pytest.raises(InvalidInput, match=f"^{header}: must be given once$"):
        _parse(query=fields)


def test_labels_given_twice_are_joined() -> None:
    """Labels are a list, so several headers are one longer list."""
    assert _parse(("Upstash-Label", "a,b"), ("upstash-label", "c")).labels == ("a", "b", "c")


@pytest.mark.parametrize("header", _NOT_YET)
@pytest.mark.parametrize("text", ["", "x", "false"])
def test_a_header_that_is_not_built_yet_is_refused_by_name(header: str, text: str) -> None:
    """It is not ignored, because the message would then not do what was asked."""
    assert _refusal(NotSupported, (header.lower(), text)) == f"{header} is not supported yet"


@pytest.mark.parametrize("header", _NOT_YET_WHEN_TRUE)
def test_a_switch_that_is_not_built_yet_may_be_off(header: str) -> None:
    """Python's and JSON's spelling of false pass, true is refused by name."""
    for text in ("true", "True", "TRUE"):
        assert _refusal(NotSupported, (header, text)) == f"{header} is not supported yet"
    for text in ("false", "False"):
        assert _parse((header, text)) == _parse()


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


def test_bad_forwarded_headers_are_refused_from_both_sources() -> None:
    """A line break cannot be smuggled in through the query either."""
    assert _refusal(InvalidInput, ("Upstash-Forward-X", "a\r\nb")).startswith("Upstash-Forward-X: ")
    with pytest.raises(InvalidInput, match=r"^upstash-forward-x: "):
        _parse(query=(("upstash-forward-x", "a\nHost: b"),))


def test_explicit_names_only_fields_of_the_value() -> None:
    """A caller may copy every explicit field, so a header without effect is not among them."""
    options = _parse(("Upstash-Header-Forward", "false"), ("Upstash-Not-Before", "1"), ("Upstash-Label", ""))

    assert options.explicit == {"not_before_ms", "labels"}
    assert all(hasattr(options, name) for name in options.explicit)


@given(st.sampled_from((*_OPTIONS, *_NOT_YET, *_NOT_YET_WHEN_TRUE)), _VALUES)
@example("Upstash-Retries", "9" * 10_000)
@example("Upstash-Not-Before", "-" + "9" * 10_000)
@example("Upstash-Delay", "9" * 10_000 + "d")
@example("Upstash-Retry-Delay", "(" * 10_000)
def test_every_value_of_every_option_is_read_or_refused_by_name(header: str, text: str) -> None:
    """The answer is an option within the limits or one of the three errors, nothing else."""
    try:
        options = _parse((header, text))
    except (InvalidInput, LimitExceeded, NotSupported) as error:
        refusal = str(error)
    else:
        refusal = None
        assert _NOW_MS <= options.not_before_ms <= _NOW_MS + _SETTINGS.max_delay_ms
        assert 0 <= options.max_retries <= _SETTINGS.max_retries
        assert options.timeout_ms is None or 1_000 <= options.timeout_ms <= _SETTINGS.max_timeout_ms
    assert refusal is None or refusal.startswith(header)


@given(st.lists(st.tuples(st.sampled_from((*_OPTIONS, "Content-Type", "Upstash-Forward-X")), _VALUES)))
def test_a_header_set_means_the_same_as_headers_and_as_query(fields: list[tuple[str, str]]) -> None:
    """Where the options stand changes neither their meaning nor the refusal."""
    outcomes: list[object] = []
    for headers, query in ((tuple(fields), ()), ((), tuple(fields))):
        try:
            outcomes.append(parse_options(headers, query, settings=_SETTINGS, now_ms=_NOW_MS))
        except QStashError as error:
            outcomes.append((type(error), str(error)))

    assert outcomes[0] == outcomes[1]
