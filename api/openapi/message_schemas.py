"""The objects about messages: Message, dead letter, log record, schedule (contract 2.2, 2.4, 2.6, 5.2)."""

from api.openapi.patterns import ENTRY_ID
from api.openapi.schema import Json, flag, listed, mapping, one_of, record, schema, text, whole, word
from qstash_rq.message import LogState

_DAY_S = 86_400
_TIME = whole("Unix milliseconds")
_MESSAGE_ID = word("Id of the message")
_ENTRY_ID = word("`<ms>-<seq>`", pattern=ENTRY_ID)

_HEADER_NAME = r"^(?:[^a-z-][^A-Z-]*)?(?:-(?:[^a-z-][^A-Z-]*)?)*$"
_HEADER_MAP = mapping(
    listed(text(), minItems=1),
    "Names in canonical MIME casing, each with its values",
    propertyNames={"pattern": _HEADER_NAME},
)
_SOME_HEADERS = {**schema("HeaderMap"), "minProperties": 1}

_IDENTITY = {
    "messageId": _MESSAGE_ID,
    "url": word("Destination, exactly as published"),
    "method": one_of("GET", "POST", "PUT", "PATCH", "DELETE"),
    "maxRetries": whole("Retries after the first attempt"),
}

# What messages and schedules may have, with what has to stand beside it.
_OPTIONS: Json = {
    "queueName": word("FIFO queue"),
    "callerIP": word("Address of the caller who published it"),
    "callerIp": word("The same, as the TypeScript client spells it"),
    "label": word("First label"),
    "labels": listed(word(), "All labels", minItems=1),
    "flowControlKey": word("Flow-control key"),
    "parallelism": whole("Most deliveries in flight for the key", minimum=1),
    "rate": whole("Most deliveries in a period", minimum=1),
    "period": whole("Seconds; there whenever a key is", minimum=1, maximum=7 * _DAY_S),
    "retryDelayExpression": word("Wait before a retry, in ms, as published"),
    "callback": word("URL that is told of every attempt"),
    "failureCallback": word("URL that is told of the final failure"),
}
_BESIDE: dict[str, list[str]] = {
    "callerIP": ["callerIp"],
    "callerIp": ["callerIP"],
    "label": ["labels"],
    "labels": ["label"],
    "flowControlKey": ["period"],
    "parallelism": ["flowControlKey"],
    "rate": ["flowControlKey"],
    "period": ["flowControlKey"],
}

_CALLBACK_HEADERS = {
    "callbackHeader": {**_SOME_HEADERS, "description": "Headers sent to the callback"},
    "failureCallbackHeader": {**_SOME_HEADERS, "description": "Headers sent to the failure callback"},
}
_BESIDE_CALLBACK_HEADERS = {"callbackHeader": ["callback"], "failureCallbackHeader": ["failureCallback"]}

_OF_MESSAGES = _OPTIONS | {
    "topicName": word("URL group it was sent through"),
    "endpointName": word("Name of the group's endpoint"),
    "scheduleId": word("Schedule that made it"),
    "timeout": whole("Milliseconds for one attempt", minimum=1_000),
}


def _body(name: str) -> Json:
    return {
        name: word("Text, when the bytes are UTF-8; a marker, when redacted"),
        f"{name}Base64": word("Base64, when the bytes are no UTF-8", contentEncoding="base64"),
    }


def _never_both(*names: str) -> Json:
    return {"not": {"required": list(names)}}


_MESSAGE: Json = {
    **_IDENTITY,
    "header": schema("HeaderMap"),
    "notBefore": {**_TIME, "description": "Earliest (next) delivery, Unix milliseconds"},
    "createdAt": _TIME,
}
_MESSAGE_OPTIONAL = _OF_MESSAGES | _CALLBACK_HEADERS | _body("body")
_MESSAGE_BESIDE = _BESIDE | _BESIDE_CALLBACK_HEADERS

_DEAD_LETTER = _MESSAGE | {
    "dlqId": _ENTRY_ID,
    "responseStatus": whole("Status of the last response; 0 when there was none", maximum=999),
}

_LOG_OPTIONAL: Json = _OF_MESSAGES | {
    "header": _SOME_HEADERS,
    "body": word(contentEncoding="base64"),
    "callbackHeaders": _SOME_HEADERS,
    "failureCallbackHeaders": _SOME_HEADERS,
    "retryDelayExpr": word("The same as retryDelayExpression"),
    "error": word("Why the attempt failed"),
    "nextDeliveryTime": _TIME,
    "responseStatus": whole(minimum=100, maximum=999),
    "responseBody": word(contentEncoding="base64"),
    "responseHeader": schema("HeaderMap"),
    "responseHeaders": schema("HeaderMap"),
}
_LOG_BESIDE = _BESIDE | {
    "callbackHeaders": ["callback"],
    "failureCallbackHeaders": ["failureCallback"],
    "retryDelayExpression": ["retryDelayExpr"],
    "retryDelayExpr": ["retryDelayExpression"],
    "responseStatus": ["responseHeader", "responseHeaders"],
    "responseHeader": ["responseStatus", "responseHeaders"],
    "responseHeaders": ["responseStatus", "responseHeader"],
    "responseBody": ["responseStatus"],
}

_SCHEDULE: Json = {
    "scheduleId": schema("Name"),
    "cron": word("As given, outer blanks trimmed, with its `CRON_TZ=` prefix"),
    "destination": word("URL as given, or name of a URL group"),
    "createdAt": _TIME,
    "method": _IDENTITY["method"],
    "retries": _IDENTITY["maxRetries"],
    "isPaused": flag(),
}
_SCHEDULE_OPTIONAL: Json = {
    **_OPTIONS,
    **_CALLBACK_HEADERS,
    **_body("body"),
    "header": _SOME_HEADERS,
    "delay": whole("Seconds", minimum=1),
    "timeout": whole("Seconds", minimum=1),
    "nextScheduleTime": _TIME,
    "lastScheduleTime": _TIME,
    "lastScheduleStates": mapping(
        one_of("IN_PROGRESS", "SUCCESS", "FAIL"), "Messages of the last tick, by id"
    ),
    "error": word("Why the last tick made no messages"),
}
_SCHEDULE_BESIDE = _MESSAGE_BESIDE | {
    "lastScheduleTime": ["lastScheduleStates"],
    "lastScheduleStates": ["lastScheduleTime"],
}

MESSAGE_SCHEMAS: Json = {
    "HeaderMap": _HEADER_MAP,
    "Message": record(
        _MESSAGE,
        _MESSAGE_OPTIONAL,
        dependentRequired=_MESSAGE_BESIDE,
        **_never_both("body", "bodyBase64"),
    ),
    "DeadLetter": record(
        _DEAD_LETTER,
        {**_MESSAGE_OPTIONAL, **_body("responseBody"), "responseHeader": schema("HeaderMap")},
        dependentRequired=_MESSAGE_BESIDE,
        allOf=[_never_both("body", "bodyBase64"), _never_both("responseBody", "responseBodyBase64")],
    ),
    "LogRecord": record(
        {"time": _TIME, "state": one_of(*LogState), **_IDENTITY},
        _LOG_OPTIONAL,
        dependentRequired=_LOG_BESIDE,
    ),
    "Schedule": record(
        _SCHEDULE,
        _SCHEDULE_OPTIONAL,
        dependentRequired=_SCHEDULE_BESIDE,
        **_never_both("body", "bodyBase64"),
    ),
}
