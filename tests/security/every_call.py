"""Every operation of the API with the ids of somebody: `{message}` and so on stand for them."""

from dataclasses import dataclass, field
from typing import Any

Operation = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One call; `json` and the values of `headers` hold ids as the target does."""

    method: str
    target: str
    json: Any = None
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def to(self, ids: dict[str, str]) -> tuple[str, str, dict[str, Any]]:
        """Return method, target and options of the call for these ids."""
        options: dict[str, Any] = {"headers": {name: _fill(text, ids) for name, text in self.headers.items()}}
        if self.json is not None:
            options["json"] = _fill(self.json, ids)
        return self.method, _fill(self.target, ids), options


def _fill(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, str):
        for name, text in ids.items():
            value = value.replace("{" + name + "}", text)
        return value
    if isinstance(value, list):
        return [_fill(one, ids) for one in value]
    return {name: _fill(one, ids) for name, one in value.items()} if isinstance(value, dict) else value


_URL = "https://{host}/hook"
_FLOW = {"Upstash-Flow-Control-Key": "{flow}", "Upstash-Flow-Control-Value": "parallelism=9"}
_CRON = {"Upstash-Cron": "1 1 1 1 1"}
_MARKED = {**_FLOW, "Upstash-Label": "{label}", "Upstash-Deduplication-Id": "{dedup}"}
_FILTERS = (
    *("messageId={message}", "topicName={group}", "queueName={queue}", "url=https%3A%2F%2F{host}%2Fhook"),
    *("label={label}", "flowControlKey={flow}", "scheduleId={schedule}", "callerIp={ip}", "callerIP={ip}"),
    *("cursor={cursor}", "fromDate=1", ""),
)
_LOG_FILTERS = (
    *_FILTERS,
    "messageIds={message}",
    "host={host}",
    "path=%2Fhook",
    "state=CREATED",
    "cursor={cursor}",
)
_DEAD_FILTERS = (*_FILTERS, "dlqIds={dead}", "responseStatus=404", "count=100")
_LIVE_FILTERS = (
    *(one for one in _FILTERS if not one.startswith(("messageId=", "cursor="))),
    *("messageIds={message}", "host={host}", "path=%2Fhook", "count=100", "messageIds=a,{message}"),
)


def _asks(operation: Operation, *targets: str, **more: Any) -> dict[Operation, tuple[Ask, ...]]:
    method, template = operation
    return {operation: tuple(Ask(method=method, target=one or template, **more) for one in targets)}


def _filtered(operation: Operation, filters: tuple[str, ...], *asks: Ask) -> dict[Operation, tuple[Ask, ...]]:
    method, path = operation
    queried = (Ask(method=method, target=f"{path}?{one}") for one in filters)
    return {operation: (*queried, *asks)}


def _publishing(operation: Operation, *prefixes: str, **headers: str) -> dict[Operation, tuple[Ask, ...]]:
    method, _ = operation
    plain = [Ask(method=method, target=f"{one}/{_URL}", headers=_MARKED | headers) for one in prefixes]
    grouped = [Ask(method=method, target=f"{one}/{{group}}", headers=headers) for one in prefixes]
    return {operation: (*plain, *grouped)}


_IDS = {"messageIds": ["{message}"]}
_DEAD = {"dlqIds": ["{dead}"]}
_ENDPOINTS = {"endpoints": [{"url": "https://b.example", "name": "alice-endpoint"}]}

_MESSAGES = {
    **_publishing(("POST", "/v2/publish/{destination}"), "/v2/publish"),
    **_publishing(("POST", "/v2/enqueue/{queueName}/{destination}"), "/v2/enqueue/{queue}"),
    ("POST", "/v2/batch"): (
        Ask(
            method="POST",
            target="/v2/batch",
            json=[{"destination": _URL, "headers": _MARKED, "queue": "{queue}"}],
        ),
        Ask(method="POST", target="/v2/batch", json=[{"destination": "{group}"}]),
    ),
    **_filtered(
        ("DELETE", "/v2/messages"),
        _LIVE_FILTERS,
        Ask(method="DELETE", target="/v2/messages", json=_IDS),
        Ask(method="DELETE", target="/v2/messages", json={"label": "{label}"}),
    ),
    **_asks(("GET", "/v2/messages/{messageId}"), "/v2/messages/{message}"),
    **_asks(("GET", "/v2/messages/{messageId}/explain"), "/v2/messages/{message}/explain"),
    **_asks(("DELETE", "/v2/messages/{messageId}"), "/v2/messages/{message}"),
    **_filtered(("GET", "/v2/events"), _LOG_FILTERS),
    **_filtered(("GET", "/v2/logs"), _LOG_FILTERS),
}

_DEAD_LETTERS = {
    **_filtered(("GET", "/v2/dlq"), _DEAD_FILTERS),
    **_filtered(("DELETE", "/v2/dlq"), _DEAD_FILTERS, Ask(method="DELETE", target="/v2/dlq", json=_DEAD)),
    **_filtered(
        ("POST", "/v2/dlq/retry"),
        _DEAD_FILTERS,
        Ask(method="POST", target="/v2/dlq/retry", json=_DEAD, headers=_FLOW),
    ),
    **_asks(("GET", "/v2/dlq/{dlqId}"), "/v2/dlq/{dead}"),
    **_asks(("DELETE", "/v2/dlq/{dlqId}"), "/v2/dlq/{dead}"),
    **_asks(("POST", "/v2/dlq/retry/{dlqId}"), "/v2/dlq/retry/{dead}"),
}

_QUEUES = {
    **_asks(("GET", "/v2/queues"), ""),
    **_asks(("POST", "/v2/queues"), "", json={"queueName": "{queue}", "parallelism": 9, "paused": False}),
    **_asks(("GET", "/v2/queues/{queueName}"), "/v2/queues/{queue}"),
    **_asks(("DELETE", "/v2/queues/{queueName}"), "/v2/queues/{queue}"),
    **_asks(("POST", "/v2/queues/{queueName}/pause"), "/v2/queues/{queue}/pause"),
    **_asks(("POST", "/v2/queues/{queueName}/resume"), "/v2/queues/{queue}/resume"),
}

_SCHEDULES = {
    **_asks(("GET", "/v2/schedules"), ""),
    **_publishing(("POST", "/v2/schedules/{destination}"), "/v2/schedules", **_CRON),
    **_asks(("GET", "/v2/schedules/{scheduleId}"), "/v2/schedules/{schedule}"),
    **_asks(("DELETE", "/v2/schedules/{scheduleId}"), "/v2/schedules/{schedule}"),
}
for _change in ("pause", "resume"):
    for _method in ("PATCH", "POST", "PUT"):
        _SCHEDULES |= _asks(
            (_method, f"/v2/schedules/{{scheduleId}}/{_change}"), f"/v2/schedules/{{schedule}}/{_change}"
        )
_SCHEDULES[("POST", "/v2/schedules/{destination}")] += (
    Ask(
        method="POST",
        target=f"/v2/schedules/{_URL}",
        headers={**_CRON, "Upstash-Schedule-Id": "{schedule}", "Upstash-Queue-Name": "{queue}"},
    ),
)

_GROUPS = {
    **_asks(("GET", "/v2/topics"), ""),
    **_asks(("GET", "/v2/topics/{topicName}"), "/v2/topics/{group}"),
    **_asks(
        ("PATCH", "/v2/topics/{topicName}"), "/v2/topics/{group}", json={"headers": {"Upstash-Delay": "1h"}}
    ),
    **_asks(("DELETE", "/v2/topics/{topicName}"), "/v2/topics/{group}"),
    **_asks(("POST", "/v2/topics/{topicName}/endpoints"), "/v2/topics/{group}/endpoints", json=_ENDPOINTS),
    **_asks(("DELETE", "/v2/topics/{topicName}/endpoints"), "/v2/topics/{group}/endpoints", json=_ENDPOINTS),
}

_KEYS = {
    **_asks(("GET", "/v2/flowControl"), "", "/v2/flowControl?search={flow}"),
    **_asks(("GET", "/v2/flowControl/{flowControlKey}"), "/v2/flowControl/{flow}"),
    **_asks(("GET", "/v2/globalParallelism"), ""),
    **_asks(("GET", "/v2/keys"), ""),
    **_asks(("POST", "/v2/keys/rotate"), ""),
}
for _action in (
    "pause",
    "resume",
    "pin?parallelism=9&rate=9",
    "unpin?parallelism=true",
    "resetRate",
    "reset",
):
    _KEYS |= _asks(
        ("POST", f"/v2/flowControl/{{flowControlKey}}/{_action.partition('?')[0]}"),
        f"/v2/flowControl/{{flow}}/{_action}",
    )

CALLS: dict[Operation, tuple[Ask, ...]] = _MESSAGES | _DEAD_LETTERS | _QUEUES | _SCHEDULES | _GROUPS | _KEYS
OPEN: frozenset[Operation] = frozenset(
    {("GET", "/v2/readiness"), ("GET", "/health"), ("GET", "/openapi.json")}
)
"""Operations that are nobody's."""
