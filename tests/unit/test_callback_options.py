import pytest

from qstash_rq.errors import InvalidInput, QStashError
from qstash_rq.headers import PublishOptions, parse_options
from qstash_rq.message import Callback, Flow, Headers, Redaction
from qstash_rq.settings import Settings

_NOW_MS = 1_700_000_000_500
_LATER = "1700000100"
_URL = "https://a.io/cb"


def _parse(*headers: tuple[str, str], defaults: Headers = (), queued: bool = False) -> PublishOptions:
    return parse_options(headers, (), settings=Settings(), now_ms=_NOW_MS, defaults=defaults, queued=queued)


def _refusal(*headers: tuple[str, str], queued: bool = False) -> str:
    with pytest.raises(QStashError) as caught:
        _parse(*headers, queued=queued)
    assert type(caught.value) is InvalidInput
    return str(caught.value)


@pytest.mark.parametrize(
    ("prefix", "field"), [("Upstash-Callback", "callback"), ("Upstash-Failure-Callback", "failure_callback")]
)
def test_a_callback_is_its_url_and_what_configures_it(prefix: str, field: str) -> None:
    """Both kinds read every sub-header of contract 3.4, and nothing of the message's own."""
    options = _parse(
        ("Content-Type", "text/plain"),
        ("Upstash-Forward-Message", "1"),
        ("Upstash-Method", "DELETE"),
        (prefix, _URL),
        (f"{prefix}-Method", "put"),
        (f"{prefix}-Retries", "5"),
        (f"{prefix}-Retry-Delay", "1000"),
        (f"{prefix}-Timeout", "10s"),
        (f"{prefix}-Delay", "1m"),
        (f"{prefix}-Label", "a,b"),
        (f"{prefix}-Flow-Control-Key", "k"),
        (f"{prefix}-Flow-Control-Value", "rate=2"),
        (f"{prefix}-Redact-Fields", "header"),
        (f"{prefix}-Forward-X", "1"),
        (f"{prefix.lower()}-forward-x", "2"),
    )

    callback = Callback(
        url=_URL,
        method="PUT",
        headers=(("X", "1"), ("x", "2")),
        max_retries=5,
        retry_delay="1000",
        timeout_ms=10_000,
        delay_ms=60_000,
        labels=("a", "b"),
        flow=Flow(key="k", rate=2),
        redaction=Redaction(all_headers=True),
    )
    assert callback == getattr(options, field)
    assert options.headers == (("Content-Type", "text/plain"), ("Message", "1"))
    assert options.explicit == {"headers", "method", field}


def test_both_callbacks_are_kept_apart() -> None:
    """Each has its own sub-headers, however similar the names."""
    options = _parse(
        ("Upstash-Failure-Callback-Retries", "1"),
        ("Upstash-Callback-Retries", "2"),
        ("Upstash-Callback-Failure-Callback-Retries", "3"),
        ("Upstash-Failure-Callback", "https://f.io"),
        ("Upstash-Callback", "https://c.io"),
    )

    assert options.failure_callback == Callback(url="https://f.io", max_retries=1)
    assert options.callback == Callback(url="https://c.io", max_retries=2)


def test_an_unset_option_of_a_callback_is_left_open() -> None:
    """What is None follows the message; a list that was given empty does not."""
    open_callback = _parse(("Upstash-Callback", _URL)).callback
    closed = _parse(("Upstash-Callback", _URL), ("Upstash-Callback-Label", "")).callback

    assert open_callback == Callback(url=_URL)
    assert closed == Callback(url=_URL, labels=())


@pytest.mark.parametrize(
    "field",
    [
        ("Upstash-Callback-My-Header", "v"),
        ("Upstash-Callback-Content-Type", "text/plain"),
        ("Upstash-Callback-Forward-Content-Type", "text/plain"),
        ("Upstash-Callback-Forward-Host", "h"),
        ("Upstash-Callback-Authorization", "\x00"),
        ("Upstash-Callback-Workflow-RunId", "wfr_1"),
        ("Upstash-Callback-Feature-Set", "x"),
        ("Upstash-Callback-Queue-Name", "q q"),
        ("Upstash-Callback-Cron", "never"),
        ("Upstash-Callback-", "v"),
    ],
)
def test_an_unknown_sub_header_is_ignored(field: tuple[str, str]) -> None:
    """Clients send any header of a callback without Forward- (contract 3.4), so none may be refused."""
    assert _parse(("Upstash-Callback", _URL), field, field) == _parse(("Upstash-Callback", _URL))


@pytest.mark.parametrize(
    "field",
    [
        ("Upstash-Callback-Retries", "x"),
        ("Upstash-Callback-Forward-X", "a\nb"),
        ("Upstash-Callback-Flow-Control-Key", "k"),
        ("Upstash-Callback-Failure-Callback", "no url"),
        ("Upstash-Failure-Callback-Delay", "1h"),
    ],
)
def test_sub_headers_without_the_url_are_ignored(field: tuple[str, str]) -> None:
    """Without a callback nobody reads them, be they as bad as they may."""
    assert _parse(field, queued=True) == _parse()


def test_callbacks_nest() -> None:
    """A callback is a message and has its own callbacks, with their own headers."""
    options = _parse(
        ("Upstash-Callback", "https://1.io"),
        ("Upstash-Callback-Forward-A", "1"),
        ("upstash-callback-failure-callback", "https://2.io"),
        ("Upstash-Callback-Failure-Callback-Forward-A", "2"),
        ("upstash-callback-failure-callback-retries", "0"),
        ("Upstash-Callback-Failure-Callback-Callback", "https://3.io"),
        ("Upstash-Callback-Failure-Callback-Callback-Forward-A", "3"),
    )

    third = Callback(url="https://3.io", headers=(("A", "3"),))
    second = Callback(url="https://2.io", headers=(("A", "2"),), max_retries=0, callback=third)
    assert options.callback == Callback(url="https://1.io", headers=(("A", "1"),), failure_callback=second)


def test_nesting_has_a_bottom() -> None:
    """Deeper callbacks are refused, so that no request can exhaust the stack; the text stays short."""
    levels = [("Upstash" + "-Callback" * depth, _URL) for depth in range(1, 200)]

    assert _parse(*levels[:4]).callback is not None
    fifth = "Upstash-Callback-Callback-Callback-Callback-Callback"
    assert _refusal(*levels) == f"{fifth}: callbacks may not be nested deeper than 4 levels"


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("Upstash-Callback", "invalid destination url: endpoint has invalid scheme, add http:// or https://"),
        ("Upstash-Callback-Failure-Callback", "invalid destination url: endpoint has invalid scheme"),
        ("Upstash-Callback-Retry-Delay", "unknown name 'a'"),
        ("Upstash-Callback-Forward-X Y", "is not a valid header name"),
        ("Upstash-Callback-Flow-Control-Key", ""),
        ("Upstash-Callback-Failure-Callback-Flow-Control-Value", ""),
        ("Upstash-Callback-Failure-Callback-Redact-Fields", "must list"),
    ],
)
def test_the_texts_name_the_sub_header(header: str, text: str) -> None:
    """Which of many headers was wrong can be told from the text, also inside nested callbacks."""
    urls = {"Upstash-Callback": _URL, "Upstash-Callback-Failure-Callback": _URL}

    refusal = _refusal(*(urls | {header: "a"}).items())

    assert header.removesuffix("Key").removesuffix("Value") in refusal
    assert text in refusal


@pytest.mark.parametrize(
    ("fields", "delay_ms", "not_before_ms"),
    [
        ([("Delay", "1h")], 3_600_000, None),
        ([("Not-Before", _LATER)], 0, 1_700_000_100_000),
        ([("Not-Before", _LATER), ("Delay", "1h")], 0, 1_700_000_100_000),
        ([("Delay", "1h"), ("Not-Before", "0")], 0, _NOW_MS),
    ],
)
def test_a_callback_may_wait(fields: list[tuple[str, str]], delay_ms: int, not_before_ms: int | None) -> None:
    """Its own time counts, the absolute one overrides the delay, and the message does not wait."""
    options = _parse(
        ("Upstash-Callback", _URL), *((f"Upstash-Callback-{name}", text) for name, text in fields)
    )

    assert options.callback == Callback(url=_URL, delay_ms=delay_ms, not_before_ms=not_before_ms)
    assert not options.delayed


@pytest.mark.parametrize("prefix", ["Upstash-Callback", "Upstash-Failure-Callback"])
@pytest.mark.parametrize(("name", "text"), [("Delay", "1"), ("Not-Before", _LATER)])
def test_a_callback_may_not_wait_beside_a_queue(prefix: str, name: str, text: str) -> None:
    """The queue would wait for it; whether a header or the path names the queue, and at every depth."""
    for depth in ("", "-Callback"):
        urls = ((prefix, _URL), (prefix + depth, _URL))[bool(not depth) :]
        header = f"{prefix}{depth}-{name}"
        wanted = f"{header}: cannot be combined with a queue"
        assert _refusal(*urls, (header, text), queued=True) == wanted
        assert _refusal(*urls, (header, text), ("Upstash-Queue-Name", "q")) == wanted


@pytest.mark.parametrize(("name", "text"), [("Delay", "0"), ("Not-Before", "1")])
def test_no_time_to_wait_is_fine_beside_a_queue(name: str, text: str) -> None:
    """A delay of nothing holds up nobody; neither does a delay of the message itself."""
    fields = (("Upstash-Callback", _URL), (f"Upstash-Callback-{name}", text), ("Upstash-Delay", "1h"))

    assert _parse(*fields, queued=True).callback == _parse(*fields).callback


def test_a_group_may_configure_the_callback_of_a_publish() -> None:
    """Sub-headers come from all sources, name by name, like any other header."""
    options = _parse(
        ("Upstash-Callback", _URL),
        ("Upstash-Callback-Retries", "1"),
        defaults=(
            ("Upstash-Callback", "https://default.io"),
            ("Upstash-Callback-Retries", "2"),
            ("Upstash-Callback-Timeout", "9s"),
            ("Upstash-Failure-Callback", "https://default.io"),
        ),
    )

    assert options.callback == Callback(url=_URL, max_retries=1, timeout_ms=9_000)
    assert options.failure_callback == Callback(url="https://default.io")
    assert options.explicit == {"callback", "failure_callback"}
