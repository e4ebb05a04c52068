"""Publish, enqueue, batch, messages, dead letters and logs (contract 2.1, 2.2, 2.6, 2.7)."""

from api.openapi.operation import RAW_REQUEST, json_request, operation
from api.openapi.parameters import CANCELLING, DEAD_LETTERS, LOGS, PUBLISHING, RETRYING
from api.openapi.schema import Json, listed, schema

_WRITING = ("403",)
_ACCEPTING = ("403", "404", "412", "413")
_SELECTING = ("403", "413")

_SELECTION = json_request(schema("Selection"), required=False)

_RECEIPTS = {"anyOf": [schema("Receipt"), schema("Receipts")]}
_PUBLISHED = {
    "200": {
        "description": "Stored: a receipt, an array of them for a URL group, or the schedule it made",
        "anyOf": [*_RECEIPTS["anyOf"], schema("ScheduleCreated")],
    },
    "202": {"description": "Nothing stored: every message is a duplicate", **_RECEIPTS},
}

_PUBLISH = operation(
    "Publish a message",
    _PUBLISHED,
    parameters=("Destination", *PUBLISHING),
    body=RAW_REQUEST,
    errors=_ACCEPTING,
    limited=False,
)
_ENQUEUE = operation(
    "Enqueue a message",
    _PUBLISHED,
    parameters=("QueueName", "Destination", *PUBLISHING),
    body=RAW_REQUEST,
    errors=_ACCEPTING,
    limited=False,
)
_BATCH = operation(
    "Publish many messages",
    {
        "200": schema("BatchAnswer"),
        "202": {**schema("BatchAnswer"), "description": "Nothing stored: every message is a duplicate"},
    },
    body=json_request(listed(schema("BatchItem"))),
    errors=_ACCEPTING,
    limited=False,
)

_MESSAGES: Json = {
    "delete": operation(
        "Cancel messages",
        {"200": schema("Cancelled")},
        parameters=CANCELLING,
        body=_SELECTION,
        errors=_SELECTING,
    )
}
_MESSAGE: Json = {
    "get": operation("Get a message", {"200": schema("Message")}, parameters=("MessageId",), errors=("404",)),
    "delete": operation(
        "Cancel a message",
        {"200": schema("Cancelled")},
        parameters=("MessageId",),
        errors=(*_WRITING, "404"),
    ),
}
_EXPLAIN: Json = {
    "get": operation(
        "Explain a message",
        {"200": schema("Explanation")},
        parameters=("MessageId",),
        errors=("404",),
    ),
}

_DEAD_LETTERS: Json = {
    "get": operation("List dead letters", {"200": schema("DeadLetterPage")}, parameters=DEAD_LETTERS),
    "delete": operation(
        "Delete dead letters",
        {"200": schema("DeadLettersDeleted")},
        parameters=DEAD_LETTERS,
        body=_SELECTION,
        errors=_SELECTING,
    ),
}
_DEAD_LETTER: Json = {
    "get": operation(
        "Get a dead letter", {"200": schema("DeadLetter")}, parameters=("DlqId",), errors=("404",)
    ),
    "delete": operation(
        "Delete a dead letter",
        {"200": schema("Nothing")},
        parameters=("DlqId",),
        errors=(*_WRITING, "404"),
    ),
}
_RETRY_MANY = operation(
    "Retry dead letters",
    {"201": schema("DeadLettersRetried")},
    parameters=(*DEAD_LETTERS, *RETRYING),
    body=_SELECTION,
    errors=_ACCEPTING,
)
_RETRY_ONE = operation(
    "Retry a dead letter",
    {"201": schema("DeadLetterRetried")},
    parameters=("DlqId", *RETRYING),
    errors=("403", "404", "412"),
)

MESSAGE_PATHS: Json = {
    "/v2/publish/{destination}": {"post": _PUBLISH},
    "/v2/enqueue/{queueName}/{destination}": {"post": _ENQUEUE},
    "/v2/batch": {"post": _BATCH},
    "/v2/messages": _MESSAGES,
    "/v2/messages/{messageId}": _MESSAGE,
    "/v2/messages/{messageId}/explain": _EXPLAIN,
    "/v2/dlq": _DEAD_LETTERS,
    "/v2/dlq/{dlqId}": _DEAD_LETTER,
    "/v2/dlq/retry": {"post": _RETRY_MANY},
    "/v2/dlq/retry/{dlqId}": {"post": _RETRY_ONE},
    "/v2/events": {"get": operation("List events", {"200": schema("EventPage")}, parameters=LOGS)},
    "/v2/logs": {"get": operation("List logs", {"200": schema("LogPage")}, parameters=LOGS)},
}
