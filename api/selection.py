"""Say what a request selects: messages to cancel, dead letters, log records (contract 2.2, 2.6, 2.7, 2.12).

Knows which parameters each endpoint takes and what each means; does not apply them.
"""

import re
from dataclasses import dataclass, replace

from api.parameters import Parameters, whole_number
from api.stream_ids import check_cursor, check_dlq_id
from qstash_rq.errors import InvalidInput
from qstash_rq.filters import Filter, split_urls
from qstash_rq.message import LogState
from qstash_rq.paging import is_entry_id

DEAD_LETTER_PAGE = 100
LOG_PAGE = 1000
DOCUMENTED_LOG_PAGE = 100

_FILTERS = frozenset(
    {
        *("topicName", "queueName", "url", "label", "flowControlKey", "scheduleId", "callerIp", "callerIP"),
        *("fromDate", "toDate"),
    }
)
_OF_CANCEL = _FILTERS | {"messageIds", "host", "path", "count", "cursor"}
_OF_DEAD_LETTERS = _FILTERS | {
    *("dlqIds", "messageId", "responseStatus", "count", "cursor", "order", "source", "api"),
}

_STATES = {state.value: frozenset({state}) for state in LogState} | {
    "CANCELLED": frozenset({LogState.CANCELED}),
    "IN_PROGRESS": frozenset({LogState.ACTIVE, LogState.RETRY, LogState.ERROR}),
}

_BEFORE_A_PATH = re.compile(r",(?=/)")


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelSelection:
    """Messages to cancel: these ids and nothing else, or the oldest `count` that the filter wants."""

    wanted: Filter
    message_ids: tuple[str, ...] | None
    count: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterSelection:
    """Dead letters: these ids and nothing else, or a page of what the filter wants."""

    wanted: Filter
    dlq_ids: tuple[str, ...] | None = None
    cursor: str | None = None
    count: int = DEAD_LETTER_PAGE
    earliest_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSelection:
    """A page of log records; no states mean all. Bodies are cut to `body_limit` bytes."""

    wanted: Filter
    states: frozenset[LogState]
    cursor: str | None
    count: int
    earliest_first: bool
    body_limit: int | None


def cancel_selection(given: Parameters) -> CancelSelection:
    """Read the parameters of a bulk cancel; raises InvalidInput, also for unknown ones."""
    given.refuse_others(_OF_CANCEL)
    message_ids = given.listed_if_given("messageIds")
    if message_ids is not None:
        return CancelSelection(wanted=Filter(), message_ids=message_ids, count=None)
    return CancelSelection(wanted=_filter(given), message_ids=None, count=given.number("count"))


def dead_letter_selection(given: Parameters) -> DeadLetterSelection:
    """Read the parameters of the DLQ's collection calls; raises InvalidInput, also for unknown ones."""
    given.refuse_others(_OF_DEAD_LETTERS)
    dlq_ids = given.listed_if_given("dlqIds")
    if dlq_ids is None and _only_workflows(given):
        dlq_ids = ()  # there are no workflows yet, so none of their dead letters
    if dlq_ids is not None:
        return DeadLetterSelection(wanted=Filter(), dlq_ids=tuple(filter(is_entry_id, dlq_ids)))
    statuses = tuple(whole_number("responseStatus", text) for text in given.listed("responseStatus"))
    return DeadLetterSelection(
        wanted=replace(_filter(given), response_statuses=statuses),
        cursor=_cursor(given),
        count=_page(given, DEAD_LETTER_PAGE, DEAD_LETTER_PAGE),
        earliest_first=_earliest_first(given),
    )


def retry_selection(given: Parameters) -> DeadLetterSelection:
    """Read the parameters of a bulk retry; raises InvalidInput, and NotFound for an id that none can have."""
    for dlq_id in given.listed("dlqIds"):
        check_dlq_id(dlq_id)
    return dead_letter_selection(given)


def log_selection(given: Parameters, *, default_count: int = LOG_PAGE) -> LogSelection:
    """Read the parameters of the logs; unknown ones are ignored. Raises InvalidInput."""
    trim = given.number("trimBody")
    return LogSelection(
        wanted=_filter(given),
        states=_states(given),
        cursor=_cursor(given),
        count=_page(given, default_count, LOG_PAGE),
        earliest_first=_earliest_first(given),
        body_limit=None if trim is None else max(0, trim),
    )


def _filter(given: Parameters) -> Filter:
    return Filter(
        message_ids=given.listed("messageId", "messageIds"),
        urls=split_urls(given.all("url")),
        hosts=given.listed("host"),
        paths=_paths(given.all("path")),
        topic_names=given.listed("topicName"),
        schedule_ids=given.listed("scheduleId"),
        queue_names=given.listed("queueName"),
        labels=given.listed("label"),
        flow_control_keys=given.listed("flowControlKey"),
        caller_ips=given.listed("callerIp", "callerIP"),
        from_ms=_date(given, "fromDate"),
        to_ms=_date(given, "toDate"),
    )


def _date(given: Parameters, name: str) -> int | None:
    date_ms = given.number(name)
    # Nothing happened before 1970, and the ids of Redis streams cannot say so.
    return None if date_ms is None else max(0, date_ms)


def _paths(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the wanted paths, whole values included: a comma inside a path must not widen a filter."""
    parts = [part for value in values for part in (value, *_BEFORE_A_PATH.split(value))]
    return tuple(dict.fromkeys(part for part in parts if part))


def _cursor(given: Parameters) -> str | None:
    cursor = given.text("cursor")
    return None if cursor is None else check_cursor(cursor)


def _page(given: Parameters, default: int, maximum: int) -> int:
    count = given.number("count")
    if count is not None and count < 1:
        msg = "count: must be at least 1"
        raise InvalidInput(msg)
    return min(count or default, maximum)


def _earliest_first(given: Parameters) -> bool:
    order = given.text("order")
    if order not in (None, "earliestFirst", "latestFirst"):
        msg = "order: must be earliestFirst or latestFirst"
        raise InvalidInput(msg)
    return order == "earliestFirst"


def _only_workflows(given: Parameters) -> bool:
    source = given.text("source")
    if source not in (None, "workflow"):
        msg = "source: must be workflow"
        raise InvalidInput(msg)
    return source is not None


def _states(given: Parameters) -> frozenset[LogState]:
    states: frozenset[LogState] = frozenset()
    for name in given.listed("state"):
        if name not in _STATES:
            msg = f"state: unknown state {name}"
            raise InvalidInput(msg)
        states |= _STATES[name]
    return states
