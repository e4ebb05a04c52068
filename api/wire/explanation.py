"""Explanations of messages: an extension of ours."""

from api.wire.fields import Json, unless_empty, unless_none
from qstash_rq.explaining import Explanation
from qstash_rq.reason import Reason
from qstash_rq.situation import Holder


def explanation_json(explanation: Explanation) -> Json:
    """Return an Explanation object; all times are Unix milliseconds."""
    situation = explanation.situation
    message = situation.message
    return {
        "messageId": message.message_id,
        "state": situation.state,
        "summary": explanation.summary,
        "waitsFor": [_reason_json(reason) for reason in explanation.waits_for],
        "time": explanation.at_ms,
        "createdAt": message.created_at_ms,
        "attempts": situation.attempts,
        "retried": situation.retried,
        "maxRetries": message.max_retries,
        "recovered": situation.recovered,
        **unless_none("queueName", message.queue_name),
        **unless_none("flowControlKey", message.flow and message.flow.key),
        **unless_empty("cancelRequested", situation.cancel_requested),
        **unless_none("lastError", situation.last_error),
        **unless_none("endedAt", situation.ended_ms),
        **unless_none("dlqId", situation.dlq_id),
    }


def _reason_json(reason: Reason) -> Json:
    return {
        "kind": reason.kind,
        "text": reason.text,
        **unless_none("since", reason.since_ms),
        **unless_none("until", reason.until_ms),
        **unless_none("callerIP", reason.caller_ip),
        **unless_none("queueName", reason.queue_name),
        **unless_none("flowControlKey", reason.flow_key),
        **unless_none("before", reason.before),
        **unless_empty("orMore", reason.or_more),
        **unless_none("limit", reason.limit),
        **unless_none("count", reason.count),
        **unless_empty("pinned", reason.pinned),
        **unless_none("worker", reason.worker),
        **unless_none("attempt", reason.attempt),
        **unless_none("error", reason.error),
        **unless_empty("holders", [_holder_json(holder) for holder in reason.holders]),
    }


def _holder_json(holder: Holder) -> Json:
    return {
        "messageId": holder.message_id,
        "state": holder.state,
        **unless_none("since", holder.since_ms),
        **unless_none("until", holder.due_ms),
        **unless_none("worker", holder.worker),
        **unless_empty("callbacks", list(holder.callbacks)),
    }
