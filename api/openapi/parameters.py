"""The parameters of paths and queries, and who takes which (contract 2.2, 2.6, 2.7, 2.9, 2.12)."""

from api.openapi.options import CRON, OPTION_HEADERS, OPTION_QUERY
from api.openapi.schema import Json, listed, one_of, schema, text, whole, word
from api.selection import DEAD_LETTER_PAGE, LOG_PAGE
from qstash_rq.flow_control import MAX_PERIOD_S
from qstash_rq.message import LogState

_LARGEST = 999_999_999_999_999


def _query(name: str, shape: Json, doc: str = "") -> Json:
    described = {"description": doc} if doc else {}
    return {"name": name, "in": "query", **described, "schema": shape}


def _several(name: str, doc: str, items: Json | None = None) -> Json:
    """Return a filter: several values, repeated or separated by commas, one of which has to match."""
    return _query(name, listed(items or text()), doc)


def _in_path(name: str, shape: Json, doc: str, example: str) -> Json:
    described = {"description": doc, "example": example, "schema": shape}
    return {"name": name, "in": "path", "required": True, **described}


def _number(minimum: int, maximum: int) -> Json:
    return whole(minimum=minimum, maximum=maximum)


_DESTINATION = (
    "URL, raw or percent-encoded as a whole, or the name of a URL group. Everything that follows in the path "
    "belongs to it, and so does what is left of the query."
)

_IN_PATH: Json = {
    "Destination": _in_path("destination", schema("Destination"), _DESTINATION, "https://example.com/hook"),
    "QueueName": _in_path("queueName", schema("Name"), "Name of the queue", "orders"),
    "MessageId": _in_path("messageId", word(), "Id of the message", "msg_7YoJxFpwkEy5zBp378JgvD6YBDPt"),
    "DlqId": _in_path("dlqId", word(), "Id of the dead letter", "1725323658779-0"),
    "TopicName": _in_path("topicName", schema("Name"), "Name of the URL group", "my-group"),
    "ScheduleId": _in_path("scheduleId", schema("Name"), "Id of the schedule", "every-monday"),
    "FlowControlKey": _in_path(
        "flowControlKey", schema("Key"), "Free text; a slash in it may stay as it is", "user/42"
    ),
}

_FILTERS: Json = {
    "TopicNames": _several("topicName", "URL groups"),
    "QueueNames": _several("queueName", "Queues"),
    "Urls": _several("url", "Destinations, each exactly as published"),
    "Hosts": _several("host", "Hosts of destinations, with or without port, in any case"),
    "Paths": _several("path", "Paths of destinations, without query"),
    "Labels": _several("label", "Labels, one of which the message has"),
    "FlowControlKeys": _several("flowControlKey", "Flow-control keys"),
    "ScheduleIds": _several("scheduleId", "Schedules"),
    "CallerIps": _several("callerIp", "Addresses of callers"),
    "CallerIPs": {**_several("callerIP", "Older name of callerIp"), "deprecated": True},
    "FromDate": _query("fromDate", _number(-_LARGEST, _LARGEST), "Not before, Unix milliseconds"),
    "ToDate": _query("toDate", _number(-_LARGEST, _LARGEST), "Not after, Unix milliseconds"),
}

_PAGING: Json = {
    "Cursor": _query("cursor", text(pattern="^([0-9]+-[0-9]+)?$"), "From the page before"),
    "Order": _query("order", one_of("latestFirst", "earliestFirst"), "Default latestFirst"),
    "Api": _query("api", text(), "Accepted and ignored"),
}

_OTHERS: Json = {
    "MessageIds": _several("messageIds", "These and no others; every other parameter is ignored"),
    "CancelCount": _query("count", _number(1, 500), "The oldest ones, at most this many; default all"),
    "IgnoredCursor": _query("cursor", text(), "Accepted and ignored"),
    "DlqIds": _several("dlqIds", "These and no others; every other parameter is ignored"),
    "OneMessageId": _several("messageId", "Messages"),
    "LogMessageIds": _several("messageIds", "Messages"),
    "ResponseStatuses": _several("responseStatus", "Statuses of the last response", whole()),
    "DlqCount": _query(
        "count", whole(minimum=1, maximum=_LARGEST), f"At most {DEAD_LETTER_PAGE}, the default"
    ),
    "LogCount": _query("count", whole(minimum=1, maximum=_LARGEST), f"At most {LOG_PAGE}"),
    "Source": _query("source", one_of("workflow"), "Only those of workflows"),
    "States": _several("state", "States", one_of(*LogState, "CANCELLED", "IN_PROGRESS")),
    "GroupBy": _query("groupBy", text(), "Accepted and ignored"),
    "TrimBody": _query("trimBody", _number(-_LARGEST, _LARGEST), "Bytes of a body to show; -1 for none"),
    "Search": _query("search", text(), "Text that the key contains"),
    "Parallelism": _query("parallelism", _number(1, _LARGEST), "Most deliveries in flight"),
    "Rate": _query("rate", _number(1, _LARGEST), "Most deliveries in a period"),
    "Period": _query("period", _number(1, MAX_PERIOD_S), "Seconds"),
    "UnpinParallelism": _query("parallelism", {"type": "boolean"}, "Whether to unpin it; default false"),
    "UnpinRate": _query("rate", {"type": "boolean"}, "Whether to unpin it; default false"),
}

_REQUIRED: Json = {"RequiredCron": OPTION_HEADERS[CRON] | {"required": True}}

PARAMETERS: Json = _IN_PATH | _FILTERS | _PAGING | _OTHERS | OPTION_QUERY | OPTION_HEADERS | _REQUIRED
"""The shared parameters of the description, by the name they are referred to."""

_DATES = ("FromDate", "ToDate")
_COMMON = (
    "TopicNames",
    "QueueNames",
    "Urls",
    "Labels",
    "FlowControlKeys",
    "ScheduleIds",
    "CallerIps",
    "CallerIPs",
)

PUBLISHING = ("UpstashQuery", *OPTION_HEADERS)
SCHEDULING = tuple("RequiredCron" if name == CRON else name for name in PUBLISHING)
RETRYING = tuple(OPTION_HEADERS)
CANCELLING = ("MessageIds", *_COMMON, "Hosts", "Paths", *_DATES, "CancelCount", "IgnoredCursor")
DEAD_LETTERS = (
    "DlqIds",
    "OneMessageId",
    *_COMMON,
    *_DATES,
    "ResponseStatuses",
    "DlqCount",
    *_PAGING,
    "Source",
)
LOGS = (
    *("OneMessageId", "LogMessageIds", "States", *_COMMON, "Hosts", "Paths", *_DATES),
    *("LogCount", *_PAGING, "GroupBy", "TrimBody"),
)


def refer(names: tuple[str, ...]) -> list[Json]:
    """Return references to parameters of the description."""
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]
