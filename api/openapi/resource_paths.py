"""Queues, schedules, URL groups, flow control, signing keys, health (contract 2.3 to 2.5, 2.8 to 2.11)."""

from api.openapi.operation import RAW_REQUEST, json_request, open_operation, operation
from api.openapi.parameters import SCHEDULING
from api.openapi.schema import Json, listed, schema

_DONE = {"200": schema("Nothing")}
_WRITING = ("403",)
_CHANGING = ("403", "404")


def _change(summary: str, parameter: str, *more: str, errors: tuple[str, ...] = _CHANGING) -> Json:
    """Return an operation that changes one thing and answers nothing."""
    return operation(summary, _DONE, parameters=(parameter, *more), errors=errors)


def _all_methods(summary: str, parameter: str) -> Json:
    """Return the same change under the three methods that are in use."""
    methods = ("patch", "post", "put")
    return {method: _change(f"{summary} with {method}", parameter) for method in methods}


_QUEUES: Json = {
    "/v2/queues": {
        "get": operation("List queues", {"200": listed(schema("Queue"))}),
        "post": operation(
            "Upsert a queue",
            _DONE,
            body=json_request(schema("QueueGiven")),
            errors=("403", "412", "413"),
        ),
    },
    "/v2/queues/{queueName}": {
        "get": operation("Get a queue", {"200": schema("Queue")}, parameters=("QueueName",), errors=("404",)),
        "delete": _change("Delete a queue", "QueueName", errors=_WRITING),
    },
    "/v2/queues/{queueName}/pause": {"post": _change("Pause a queue", "QueueName")},
    "/v2/queues/{queueName}/resume": {"post": _change("Resume a queue", "QueueName")},
}

_SCHEDULES: Json = {
    "/v2/schedules": {"get": operation("List schedules", {"200": listed(schema("Schedule"))})},
    "/v2/schedules/{destination}": {
        "post": operation(
            "Create a schedule",
            {"200": schema("ScheduleCreated")},
            parameters=("Destination", *SCHEDULING),
            body=RAW_REQUEST,
            errors=("403", "404", "412", "413"),
        )
    },
    "/v2/schedules/{scheduleId}": {
        "get": operation(
            "Get a schedule", {"200": schema("Schedule")}, parameters=("ScheduleId",), errors=("404",)
        ),
        "delete": _change("Delete a schedule", "ScheduleId", errors=_WRITING),
    },
    "/v2/schedules/{scheduleId}/pause": _all_methods("Pause a schedule", "ScheduleId"),
    "/v2/schedules/{scheduleId}/resume": _all_methods("Resume a schedule", "ScheduleId"),
}


_URL_GROUPS: Json = {
    "/v2/topics": {"get": operation("List URL groups", {"200": listed(schema("UrlGroup"))})},
    "/v2/topics/{topicName}": {
        "get": operation(
            "Get a URL group", {"200": schema("UrlGroup")}, parameters=("TopicName",), errors=("404",)
        ),
        "patch": operation(
            "Set default headers",
            {"200": schema("UrlGroup")},
            parameters=("TopicName",),
            body=json_request(schema("GroupHeadersGiven")),
            errors=("403", "404", "412", "413"),
        ),
        "delete": _change("Delete a URL group", "TopicName", errors=_WRITING),
    },
    "/v2/topics/{topicName}/endpoints": {
        "post": operation(
            "Upsert endpoints",
            _DONE,
            parameters=("TopicName",),
            body=json_request(schema("EndpointsGiven")),
            errors=("403", "412", "413"),
        ),
        "delete": operation(
            "Remove endpoints",
            _DONE,
            parameters=("TopicName",),
            body=json_request(schema("EndpointsToRemove")),
            errors=("403", "404", "412", "413"),
        ),
    },
}

_FLOW_CONTROL: Json = {
    "/v2/flowControl": {
        "get": operation(
            "List flow control keys", {"200": listed(schema("FlowControl"))}, parameters=("Search",)
        )
    },
    "/v2/flowControl/{flowControlKey}": {
        "get": operation(
            "Get a flow control key",
            {"200": schema("FlowControl")},
            parameters=("FlowControlKey",),
            errors=("404",),
        )
    },
} | {
    f"/v2/flowControl/{{flowControlKey}}/{action}": {
        "post": _change(summary, "FlowControlKey", *parameters, errors=_WRITING)
    }
    for action, summary, parameters in (
        ("pause", "Pause a flow control key", ()),
        ("resume", "Resume a flow control key", ()),
        ("pin", "Pin limits", ("Parallelism", "Rate", "Period")),
        ("unpin", "Unpin limits", ("UnpinParallelism", "UnpinRate")),
        ("resetRate", "Reset a rate", ()),
        ("reset", "Reset a flow control key", ()),
    )
}

_OTHERS: Json = {
    "/v2/globalParallelism": {
        "get": operation("Get the global parallelism", {"200": schema("GlobalParallelism")})
    },
    "/v2/keys": {"get": operation("Get signing keys", {"200": schema("SigningKeys")}, errors=_WRITING)},
    "/v2/keys/rotate": {
        "post": operation("Rotate signing keys", {"200": schema("SigningKeys")}, errors=_WRITING)
    },
    "/v2/readiness": {"get": open_operation("Get readiness", {"200": schema("Healthy")}, errors=("503",))},
    "/health": {"get": open_operation("Get health", {"200": schema("Healthy")}, errors=("503",))},
    "/openapi.json": {"get": open_operation("Get the description", {"200": schema("Description")})},
}

RESOURCE_PATHS: Json = _QUEUES | _SCHEDULES | _URL_GROUPS | _FLOW_CONTROL | _OTHERS
