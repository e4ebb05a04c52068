"""The objects of explain: an extension of ours."""

from api.openapi.patterns import ENTRY_ID
from api.openapi.schema import Json, flag, listed, one_of, record, schema, whole, word
from qstash_rq.message import State
from qstash_rq.reason import ReasonKind

_TIME = whole("Unix milliseconds")
_MESSAGE_ID = word("Id of the message")
_STATE = one_of(*State, doc="Where the message is in its life")

EXPLANATION_SCHEMAS: Json = {
    "Explanation": record(
        {
            "messageId": _MESSAGE_ID,
            "state": _STATE,
            "summary": word("Everything in one sentence, for a person"),
            "waitsFor": listed(schema("Reason"), "The decisive thing first; empty once it has ended"),
            "time": {**_TIME, "description": "When this was read, Unix milliseconds"},
            "createdAt": _TIME,
            "attempts": whole("Attempts that have started"),
            "retried": whole("Failed attempts that were followed by a retry"),
            "maxRetries": whole("Retries after the first attempt"),
            "recovered": whole("Attempts that ended without an outcome"),
        },
        {
            "queueName": word("FIFO queue"),
            "flowControlKey": word("Flow-control key"),
            "cancelRequested": {"const": True, "description": "Cancelled in flight: no retry will follow"},
            "lastError": word("Why the last failed attempt failed"),
            "endedAt": {**_TIME, "description": "When it became terminal, Unix milliseconds"},
            "dlqId": word("Its dead letter", pattern=ENTRY_ID),
        },
        doc="Why a message has not been delivered yet, or how it ended; an extension of this server",
    ),
    "Reason": record(
        {"kind": one_of(*ReasonKind, doc="What it waits for"), "text": word("The same, for a person")},
        {
            "since": {**_TIME, "description": "When that began, or was last seen, Unix milliseconds"},
            "until": {**_TIME, "description": "When that ends by itself, Unix milliseconds"},
            "callerIP": word("Address of the caller who paused it"),
            "queueName": word("FIFO queue"),
            "flowControlKey": word("Flow-control key"),
            "before": whole("Messages, or lanes, that come first"),
            "orMore": {"const": True, "description": "There are more: counting stopped there"},
            "limit": whole("How many are allowed"),
            "count": whole("How many there are"),
            "pinned": flag("The limit was pinned by hand"),
            "worker": word("Name of the worker that has it"),
            "attempt": whole("Which attempt, or which retry"),
            "error": word("Why the last attempt failed"),
            "holders": listed(schema("Holder"), "Some of the messages that hold it up", minItems=1),
        },
        doc="One thing that a message waits for",
    ),
    "Holder": record(
        {"messageId": _MESSAGE_ID, "state": _STATE},
        {
            "since": {**_TIME, "description": "When its last attempt began, Unix milliseconds"},
            "until": {**_TIME, "description": "When its next attempt is due, Unix milliseconds"},
            "worker": word("Name of the worker that has, or had it"),
            "callbacks": listed(word(), "Its callbacks that have not ended", minItems=1),
        },
        doc="A message that holds a slot",
    ),
}
