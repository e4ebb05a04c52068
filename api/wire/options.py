"""The fields that messages, dead letters, log records and schedules have in common (contract 2.2, 2.4, 5.2).

Takes display values: redaction has happened before.
"""

from api.wire.fields import Json, header_map, unless_empty, unless_none
from qstash_rq.message import Callback, Flow, Message
from qstash_rq.schedule import Schedule

CALLBACK_HEADER = "callbackHeader"
FAILURE_CALLBACK_HEADER = "failureCallbackHeader"


def options_json(shown: Message | Schedule) -> Json:
    """Return what only some have; without callbacks, whose headers have two names."""
    return {
        **unless_none("queueName", shown.queue_name),
        **_caller_json(shown.caller_ip),
        **_labels_json(shown.labels),
        **_flow_json(shown.flow),
        **unless_empty("retryDelayExpression", shown.retry_delay),
    }


def message_options_json(shown: Message) -> Json:
    """Return what only some messages have; the time-out in milliseconds."""
    return {
        **options_json(shown),
        **unless_none("topicName", shown.topic_name),
        **unless_none("endpointName", shown.endpoint_name),
        **unless_none("scheduleId", shown.schedule_id),
        **unless_none("timeout", shown.timeout_ms),
    }


def callbacks_json(shown: Message | Schedule, *, plural: bool = False) -> Json:
    """Return both callbacks and the headers they are sent with; logs name these in the plural."""
    ending = "s" if plural else ""
    return {
        **_callback_json("callback", CALLBACK_HEADER + ending, shown.callback),
        **_callback_json("failureCallback", FAILURE_CALLBACK_HEADER + ending, shown.failure_callback),
    }


def _callback_json(name: str, header_name: str, callback: Callback | None) -> Json:
    if callback is None:
        return {}
    return {name: callback.url, **unless_empty(header_name, header_map(callback.headers))}


def _caller_json(caller_ip: str | None) -> Json:
    # The second spelling is what the TypeScript client's types say.
    return {"callerIP": caller_ip, "callerIp": caller_ip} if caller_ip else {}


def _labels_json(labels: tuple[str, ...]) -> Json:
    return {"label": labels[0], "labels": list(labels)} if labels else {}


def _flow_json(flow: Flow | None) -> Json:
    if flow is None:
        return {}
    return {
        "flowControlKey": flow.key,
        **unless_none("parallelism", flow.parallelism),
        **unless_none("rate", flow.rate),
        "period": flow.period_ms // 1_000,
    }
