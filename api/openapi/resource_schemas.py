"""All other objects: queues, URL groups, flow control, keys, the answers to calls, and what calls send."""

from api.openapi.patterns import DESTINATION, ENTRY_ID, HEADER_NAME, NAME, PRINTABLE, URL
from api.openapi.schema import Json, flag, listed, mapping, record, schema, text, whole, word
from qstash_rq.flow import MAX_KEY_CHARACTERS
from qstash_rq.names import MAX_NAME_CHARACTERS

_TIME = whole("Unix milliseconds")
_CURSOR = word("Give it to get the next page; absent at the end", pattern=ENTRY_ID)
_COUNT = whole()

_RECEIPT = record(
    {"messageId": word("Id of the message; of the first one, for a duplicate"), "url": word("Destination")},
    {"deduplicated": {"const": True, "description": "There for duplicates only: nothing was stored"}},
)

_ENDPOINT = record({"url": word()}, {"name": word("Free text")})
_ENDPOINT_NAME = {"type": ["string", "null"], "pattern": PRINTABLE, "description": "Free text"}
_ENDPOINT_GIVEN: Json = {
    "type": "object",
    "properties": {"url": text("http or https URL", pattern=URL), "name": _ENDPOINT_NAME},
}
_ENDPOINT_TO_REMOVE: Json = {
    "type": "object",
    "description": "Looked up by its name, if it has one, else by its URL",
    "properties": {"url": {"type": ["string", "null"], "pattern": PRINTABLE}, "name": _ENDPOINT_NAME},
    "anyOf": [{"required": [key], "properties": {key: word()}} for key in ("url", "name")],
}
_HEADER_VALUES: Json = {"anyOf": [text(pattern=PRINTABLE), listed(text(pattern=PRINTABLE))]}
_HEADER_NAMES: Json = {"pattern": HEADER_NAME}

_FLOW = {
    "flowControlKey": word(),
    "waitListSize": whole("Due messages that are held back"),
    "waitlistSize": whole("The same, as an older client spells it"),
    "parallelismMax": whole("0: none"),
    "parallelismCount": whole("Deliveries in flight"),
    "rateMax": whole("0: none"),
    "rateCount": whole("Deliveries in the current period"),
    "ratePeriod": whole("Seconds"),
    "ratePeriodStart": whole("Unix seconds"),
    "isPaused": flag(),
    "isPinnedParallelism": flag(),
    "isPinnedRate": flag(),
}

_ANSWERS: Json = {
    "Error": record(
        {"error": word("Names what is wrong")}, doc="Every answer with a status of 400 and above"
    ),
    "Nothing": record({}, doc="An empty object"),
    "Receipt": _RECEIPT,
    "Receipts": listed(schema("Receipt"), "One for each endpoint of the URL group, in order"),
    "ScheduleCreated": record({"scheduleId": schema("Name")}),
    "BatchAnswer": listed(
        {"anyOf": [schema("Receipt"), schema("Receipts"), schema("Error")]},
        "What became of each item, in order: an array for a URL group, an error for one that was not sent",
    ),
    "Cancelled": record({"cancelled": _COUNT}),
    "DeadLetterPage": record({"messages": listed(schema("DeadLetter"))}, {"cursor": _CURSOR}),
    "DeadLettersDeleted": record({"deleted": _COUNT}, {"cursor": _CURSOR}),
    "DeadLetterRetried": record({"messageId": word("Id of the new message")}),
    "DeadLettersRetried": record({"responses": listed(schema("DeadLetterRetried"))}, {"cursor": _CURSOR}),
    "EventPage": record({"events": listed(schema("LogRecord"))}, {"cursor": _CURSOR}),
    "LogPage": record(
        {"logs": listed(schema("LogRecord")), "events": listed(schema("LogRecord"), "The same as logs")},
        {"cursor": _CURSOR},
    ),
    "Healthy": record({"status": {"const": "ok"}}),
    "Description": {"type": "object", "required": ["openapi", "paths"], "description": "This description"},
}

_OBJECTS: Json = {
    "Name": word(pattern=NAME, maxLength=MAX_NAME_CHARACTERS),
    "Key": word("Flow-control key", maxLength=MAX_KEY_CHARACTERS, pattern=PRINTABLE),
    "Destination": word("URL, or name of a URL group", pattern=DESTINATION),
    "Queue": record(
        {
            "name": schema("Name"),
            "parallelism": whole("Slots", minimum=1),
            "createdAt": _TIME,
            "updatedAt": _TIME,
            "lag": whole("Messages that are not terminal"),
            "paused": flag(),
        }
    ),
    "UrlGroup": record(
        {
            "name": schema("Name"),
            "createdAt": _TIME,
            "updatedAt": _TIME,
            "endpoints": listed(_ENDPOINT, minItems=1),
        },
        {"headers": {**schema("HeaderMap"), "minProperties": 1, "description": "Default headers"}},
    ),
    "FlowControl": record(_FLOW, doc="Every field is always there"),
    "GlobalParallelism": record({"parallelismMax": whole(minimum=1), "parallelismCount": _COUNT}),
    "SigningKeys": record({"current": word(), "next": word()}),
}

_REQUESTS: Json = {
    "BatchItem": {
        "type": "object",
        "required": ["destination"],
        "properties": {
            "destination": {**schema("Destination"), "description": "As in a publish, taken literally"},
            "headers": mapping(
                _HEADER_VALUES,
                "Any header of a publish; a value, or an array of values",
                propertyNames=_HEADER_NAMES,
            ),
            "body": {"type": ["string", "null"], "description": "Text; delivered as UTF-8"},
            "queue": {"type": ["string", "null"], "description": "Queue to enqueue it to"},
        },
    },
    "QueueGiven": {
        "type": "object",
        "required": ["queueName"],
        "properties": {
            "queueName": schema("Name"),
            "parallelism": whole("Default 1", minimum=1),
            "paused": {**flag("Default: as it is"), "type": ["boolean", "null"]},
        },
    },
    "EndpointsGiven": {
        "type": "object",
        "required": ["endpoints"],
        "properties": {"endpoints": listed({**_ENDPOINT_GIVEN, "required": ["url"]}, minItems=1)},
    },
    "EndpointsToRemove": {
        "type": "object",
        "required": ["endpoints"],
        "properties": {"endpoints": listed(_ENDPOINT_TO_REMOVE)},
    },
    "GroupHeadersGiven": {
        "type": "object",
        "required": ["headers"],
        "properties": {
            "headers": mapping(
                _HEADER_VALUES, "Default headers of messages to the group", propertyNames=_HEADER_NAMES
            )
        },
    },
    "Selection": {
        "type": ["object", "null"],
        "description": "The parameters of the query, in a body; lists as arrays",
        "additionalProperties": {
            "anyOf": [
                {"type": ["string", "integer", "null"]},
                listed({"type": ["string", "integer"]}),
            ]
        },
    },
}

RESOURCE_SCHEMAS: Json = _OBJECTS | _ANSWERS | _REQUESTS
