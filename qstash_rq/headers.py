"""Read the `Upstash-*` headers of contract 3.2 into one value: a table with a row for each header.

Serves whatever carries such headers: a publish, a batch item, overrides on a retried dead letter. Which
headers travel with the message is for `forwarding`; unknown `Upstash-*` headers are ignored.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qstash_rq.durations import parse_duration
from qstash_rq.errors import InvalidInput, LimitExceeded, NotSupported
from qstash_rq.expression import parse_expression
from qstash_rq.forwarding import check_value, delivered_headers, only_value, overlay
from qstash_rq.message import DEFAULT_RETRIES, Headers
from qstash_rq.names import check_name, split_list
from qstash_rq.settings import Settings

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_BOOLEANS = {"true": True, "false": False}
_MIN_TIMEOUT_MS = 1_000
# More digits than any limit has, few enough that `int` never balks at the length.
_MAX_DIGITS = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishOptions:
    """How a message is to be delivered.

    `explicit` names the fields that were asked for rather than defaulted, so that a retried dead letter can
    keep its own values for all others. `delayed` tells whether `not_before_ms` lies ahead.
    """

    not_before_ms: int
    delayed: bool = False
    method: str = "POST"
    headers: Headers = ()
    max_retries: int = DEFAULT_RETRIES
    retry_delay: str | None = None
    timeout_ms: int | None = None
    labels: tuple[str, ...] = ()
    queue_name: str | None = None
    explicit: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """One header as given, and what its meaning depends on."""

    header: str
    text: str
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Option:
    """One row: a header, the field its parsed value goes to, and the largest value the settings allow."""

    header: str
    parse: Callable[[_Given], Any]
    field: str = ""  # none: the header is judged and has no further effect
    maximum: Callable[[Settings, int], int] | None = None  # of the settings and now_ms
    repeatable: bool = False


def parse_options(
    headers: Headers, query_options: Headers, *, settings: Settings, now_ms: int
) -> PublishOptions:
    """Read the options of one message; a header beats the query option of the same name.

    Every grammar is judged before any limit (contract 3.6). Raises InvalidInput and NotSupported naming the
    header, LimitExceeded for values above the settings' maxima.
    """
    fields = overlay(headers, query_options)
    delivered = delivered_headers(fields)
    values = _option_values(fields, settings, now_ms)
    explicit = frozenset(values) | ({"headers"} if delivered else frozenset[str]())
    values.setdefault("not_before_ms", now_ms)
    values.setdefault("max_retries", min(DEFAULT_RETRIES, settings.max_retries))
    return PublishOptions(
        headers=delivered, delayed=values["not_before_ms"] > now_ms, explicit=explicit, **values
    )


def _option_values(fields: Headers, settings: Settings, now_ms: int) -> dict[str, Any]:
    texts: dict[str, list[str]] = {}
    for name, text in fields:
        texts.setdefault(name.lower(), []).append(text)
    found: list[tuple[_Option, Any]] = []
    for option in _OPTIONS:
        given = texts.get(option.header.lower())
        if given is not None:
            found.append((option, _parse(option, given, now_ms)))
    for option, value in found:
        if option.maximum is not None and value > option.maximum(settings, now_ms):
            msg = f"{option.header}: exceeds the configured maximum"
            raise LimitExceeded(msg)
    return {option.field: value for option, value in found if option.field}


def _parse(option: _Option, texts: list[str], now_ms: int) -> Any:  # noqa: ANN401 - a field of any type
    header = option.header
    text = check_value(header, ",".join(texts)) if option.repeatable else only_value(header, texts)
    return option.parse(_Given(header=header, text=text, now_ms=now_ms))


def _method(given: _Given) -> str:
    method = given.text.upper()
    # Outside ASCII, upper() folds look-alikes into these words.
    if method not in _METHODS or not given.text.isascii():
        msg = f"{given.header}: must be one of GET, POST, PUT, PATCH, DELETE"
        raise InvalidInput(msg)
    return method


def _delay(given: _Given) -> int:
    return given.now_ms + parse_duration(given.text, given.header)


def _not_before(given: _Given) -> int:
    if given.text.startswith("-"):
        _whole_number(given.header, given.text[1:])
        return given.now_ms
    return max(given.now_ms, _whole_number(given.header, given.text) * 1_000)


def _retries(given: _Given) -> int:
    return _whole_number(given.header, given.text)


def _retry_delay(given: _Given) -> str:
    parse_expression(given.text)
    return given.text


def _timeout(given: _Given) -> int:
    timeout_ms = parse_duration(given.text, given.header)
    if timeout_ms < _MIN_TIMEOUT_MS:
        msg = f"{given.header}: must be at least 1s"
        raise InvalidInput(msg)
    return timeout_ms


def _labels(given: _Given) -> tuple[str, ...]:
    return split_list(given.text)


def _queue_name(given: _Given) -> str:
    return check_name(given.text, given.header)


def _not_supported(given: _Given) -> None:
    msg = f"{given.header} is not supported yet"
    raise NotSupported(msg)


def _not_supported_when_true(given: _Given) -> None:
    wanted = _BOOLEANS.get(given.text.lower())
    if wanted is None:
        msg = f"{given.header}: must be true or false"
        raise InvalidInput(msg)
    if wanted:
        _not_supported(given)


def _whole_number(header: str, text: str) -> int:
    """Parse an integer >= 0; one with more digits than any limit comes back as a number beyond all limits."""
    if not (text.isascii() and text.isdigit()):
        msg = f"{header}: must be a whole number"
        raise InvalidInput(msg)
    digits = text.lstrip("0")
    return int(digits or "0") if len(digits) <= _MAX_DIGITS else 10**_MAX_DIGITS


def _latest(settings: Settings, now_ms: int) -> int:
    return now_ms + settings.max_delay_ms


# In order of precedence: of two rows for one field the later one wins.
_OPTIONS = (
    _Option(header="Upstash-Method", field="method", parse=_method),
    _Option(header="Upstash-Delay", field="not_before_ms", parse=_delay, maximum=_latest),
    _Option(header="Upstash-Not-Before", field="not_before_ms", parse=_not_before, maximum=_latest),
    _Option(
        header="Upstash-Retries",
        field="max_retries",
        parse=_retries,
        maximum=lambda settings, _: settings.max_retries,
    ),
    _Option(header="Upstash-Retry-Delay", field="retry_delay", parse=_retry_delay),
    _Option(
        header="Upstash-Timeout",
        field="timeout_ms",
        parse=_timeout,
        maximum=lambda settings, _: settings.max_timeout_ms,
    ),
    _Option(header="Upstash-Label", field="labels", parse=_labels, repeatable=True),
    _Option(header="Upstash-Queue-Name", field="queue_name", parse=_queue_name),
    # Not built yet: refused rather than ignored, because ignoring them would change what is delivered.
    _Option(header="Upstash-Callback", parse=_not_supported),
    _Option(header="Upstash-Failure-Callback", parse=_not_supported),
    _Option(header="Upstash-Cron", parse=_not_supported),
    _Option(header="Upstash-Schedule-Id", parse=_not_supported),
    _Option(header="Upstash-Flow-Control-Key", parse=_not_supported),
    _Option(header="Upstash-Flow-Control-Value", parse=_not_supported),
    _Option(header="Upstash-Deduplication-Id", parse=_not_supported),
    _Option(header="Upstash-Content-Based-Deduplication", parse=_not_supported_when_true),
    _Option(header="Upstash-Redact-Fields", parse=_not_supported),
    _Option(header="Upstash-Header-Forward", parse=_not_supported_when_true),
)
