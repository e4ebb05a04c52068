"""The option headers of contract 3.2 as a table with a row for each, and how fields are read by it.

A row names what follows the prefix, `Upstash-` for a message and `Upstash-Callback-` for its callback, so one
table serves both. Headers that are in no row are ignored.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qstash_rq import option_grammar as grammar
from qstash_rq.forwarding import check_value, only_value
from qstash_rq.message import Headers
from qstash_rq.option_grammar import Given
from qstash_rq.remembering import remember_short
from qstash_rq.settings import Settings

_Maximum = Callable[[Settings, int], int]  # of the settings and now_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one call's options are read with.

    `exceeded` collects the headers above their maximum, because every grammar of a call, callbacks included,
    is judged before any limit (contract 3.6). `queued` tells that the message goes through a queue.
    """

    settings: Settings
    now_ms: int
    queued: bool = False
    exceeded: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One row: the name after the prefix, the field its value goes to, and the largest value allowed."""

    name: str
    field: str
    parse: Callable[[Given], Any]
    maximum: _Maximum | None = None
    repeatable: bool = False


def read_options(
    table: Mapping[str, Option], fields: Headers, prefix: str, reading: Reading
) -> dict[str, Any]:
    """Return the values that `fields` give to the rows of `table`, by field; what is not given is absent.

    Raises InvalidInput naming the header.
    """
    texts: dict[str, list[str]] = {}
    for name, text in fields:
        row = _row_name(name, prefix)
        if row in table:
            texts.setdefault(row, []).append(text)
    return {table[name].field: _read(table[name], given, prefix, reading) for name, given in texts.items()}


@remember_short
def _row_name(name: str, prefix: str) -> str:
    lowered, start = name.lower(), prefix.lower()
    return lowered.removeprefix(start) if lowered.startswith(start) else ""


def _read(option: Option, texts: list[str], prefix: str, reading: Reading) -> Any:  # noqa: ANN401 - a field of any type
    header = prefix + option.name
    text = check_value(header, ",".join(texts)) if option.repeatable else only_value(header, texts)
    value = option.parse(Given(header=header, text=text, now_ms=reading.now_ms))
    if option.maximum is not None and value > option.maximum(reading.settings, reading.now_ms):
        reading.exceeded.append(header)
    return value


def _by_name(options: Sequence[Option]) -> dict[str, Option]:
    return {option.name.lower(): option for option in options}


def _longest_delay(settings: Settings, _now_ms: int) -> int:
    return settings.max_delay_ms


def _latest(settings: Settings, now_ms: int) -> int:
    return now_ms + settings.max_delay_ms


def _most_retries(settings: Settings, _now_ms: int) -> int:
    return settings.max_retries


def _longest_timeout(settings: Settings, _now_ms: int) -> int:
    return settings.max_timeout_ms


FLOW_KEY = "Flow-Control-Key"
FLOW_VALUE = "Flow-Control-Value"

# How one message is delivered: of a published message and of callbacks alike.
DELIVERY_OPTIONS = _by_name(
    (
        Option(name="Method", field="method", parse=grammar.read_method),
        Option(name="Delay", field="delay_ms", parse=grammar.read_delay, maximum=_longest_delay),
        Option(name="Not-Before", field="not_before_ms", parse=grammar.read_not_before, maximum=_latest),
        Option(name="Retries", field="max_retries", parse=grammar.read_retries, maximum=_most_retries),
        Option(name="Retry-Delay", field="retry_delay", parse=grammar.read_retry_delay),
        Option(name="Timeout", field="timeout_ms", parse=grammar.read_timeout, maximum=_longest_timeout),
        Option(name="Label", field="labels", parse=grammar.read_labels, repeatable=True),
        Option(name=FLOW_KEY, field="flow_key", parse=grammar.read_text),
        Option(name=FLOW_VALUE, field="flow_value", parse=grammar.read_text),
        Option(name="Redact-Fields", field="redaction", parse=grammar.read_redaction, repeatable=True),
        Option(name="Callback", field="callback", parse=grammar.read_url),
        Option(name="Failure-Callback", field="failure_callback", parse=grammar.read_url),
    )
)

# With what becomes of the call itself: as sub-headers of a callback these are unknown.
MESSAGE_OPTIONS = DELIVERY_OPTIONS | _by_name(
    (
        Option(name="Queue-Name", field="queue_name", parse=grammar.read_name),
        Option(name="Deduplication-Id", field="deduplication_id", parse=grammar.read_id),
        Option(name="Content-Based-Deduplication", field="content_based", parse=grammar.read_boolean),
        Option(name="Header-Forward", field="header_forward", parse=grammar.read_boolean),
        Option(name="Cron", field="cron", parse=grammar.read_cron),
        Option(name="Schedule-Id", field="schedule_id", parse=grammar.read_name),
    )
)
