"""Read the `Upstash-*` headers of contract 3.2 into one value.

Serves whatever carries such headers: a publish, a batch item, a schedule, overrides on a retried dead letter,
the default headers of a URL group. The rows are in `option_table`; unknown `Upstash-*` headers are ignored.
"""

from dataclasses import dataclass, replace
from typing import Any

from qstash_rq.callback_options import finish_delivery
from qstash_rq.errors import LimitExceeded
from qstash_rq.forwarding import as_forwarded, delivered_headers, overlay
from qstash_rq.message import DEFAULT_RETRIES, Callback, Flow, Headers, Redaction
from qstash_rq.option_table import MESSAGE_OPTIONS, Reading, read_options
from qstash_rq.quick_values import quick_maker
from qstash_rq.settings import Settings

_PREFIX = "Upstash-"
_OF_THE_CALL = frozenset(
    {"cron", "schedule_id", "deduplication_id", "content_based", "header_forward", "delay_ms"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishOptions:
    """How a message is to be delivered, and what else the call asked for.

    `explicit` names the fields of a message that were asked for rather than defaulted, so that a retried dead
    letter can keep its own values for all others. `delayed` tells whether `not_before_ms` lies ahead. A
    schedule delays its messages by `delay_ms`, which is there beside `not_before_ms` whichever decides. A
    message made of them is created at `now_ms`, which its delay counts from.
    """

    now_ms: int
    not_before_ms: int
    delayed: bool = False
    delay_ms: int = 0
    method: str = "POST"
    headers: Headers = ()
    max_retries: int = DEFAULT_RETRIES
    retry_delay: str | None = None
    timeout_ms: int | None = None
    labels: tuple[str, ...] = ()
    queue_name: str | None = None
    callback: Callback | None = None
    failure_callback: Callback | None = None
    flow: Flow | None = None
    redaction: Redaction | None = None
    deduplication_id: str | None = None
    content_based: bool = False
    header_forward: bool = False
    cron: str | None = None
    schedule_id: str | None = None
    explicit: frozenset[str] = frozenset()


_quick_options = quick_maker(PublishOptions)


def parse_options(
    headers: Headers,
    query_options: Headers,
    *,
    settings: Settings,
    now_ms: int,
    defaults: Headers = (),
    queued: bool = False,
    authorization_is_ours: bool = True,
) -> PublishOptions:
    """Read the options of one message; `headers` beat `query_options`, and both beat a group's `defaults`.

    `queued` tells that the message goes through a queue that no header names; `authorization_is_ours`, that a
    plain Authorization header is meant for this API and must not travel. Every grammar is judged before any
    limit (contract 3.6). Raises InvalidInput naming the header, LimitExceeded for values above the maxima of
    the settings.
    """
    request = overlay(headers, query_options)
    fields = overlay(request, defaults)
    reading = Reading(settings=settings, now_ms=now_ms, queued=queued)
    values = read_options(MESSAGE_OPTIONS, fields, _PREFIX, reading)
    if "queue_name" in values:
        reading = replace(reading, queued=True)
    finish_delivery(values, fields, _PREFIX, reading)
    if values.get("header_forward"):
        incoming = as_forwarded(headers, authorization_is_ours=authorization_is_ours)
        fields = overlay(request, overlay(incoming, defaults))
    options = _options(values, delivered_headers(fields), reading)
    if reading.exceeded:
        msg = f"{reading.exceeded[0]}: exceeds the configured maximum"
        raise LimitExceeded(msg)
    return options


def _options(values: dict[str, Any], delivered: Headers, reading: Reading) -> PublishOptions:
    explicit = frozenset(values) - _OF_THE_CALL
    if delivered:
        explicit |= {"headers"}
    if "delay_ms" in values:
        explicit |= {"not_before_ms"}
    values.setdefault("not_before_ms", reading.now_ms + values.get("delay_ms", 0))
    values.setdefault("max_retries", min(DEFAULT_RETRIES, reading.settings.max_retries))
    delayed = values["not_before_ms"] > reading.now_ms
    return _quick_options(
        {**values, "now_ms": reading.now_ms, "headers": delivered, "delayed": delayed, "explicit": explicit}
    )
