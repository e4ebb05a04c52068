"""Log records (contract 5.2); their bodies are base64, those that are redacted too."""

from api.wire.fields import Json, base64_body, header_map, unless_empty
from api.wire.messages import identity_fields
from api.wire.options import callbacks_json, message_options_json
from qstash_rq.delivery import Attempt
from qstash_rq.logs import LogRecord
from qstash_rq.redaction import redact


def log_json(record: LogRecord, *, body_limit: int | None = None) -> Json:
    """Return a log record; bodies are cut to `body_limit` bytes."""
    shown = redact(record.message)
    return {
        "time": record.time_ms,
        "state": record.state.value,
        **identity_fields(shown),
        **unless_empty("header", header_map(shown.headers)),
        **base64_body("body", shown.body[:body_limit]),
        **message_options_json(shown),
        **callbacks_json(shown, plural=True),
        # Both spellings: the documentation names the first, the Python client reads the second.
        **unless_empty("retryDelayExpr", shown.retry_delay),
        **unless_empty("error", record.error),
        **unless_empty("nextDeliveryTime", record.next_delivery_ms),
        **_response(record.response, body_limit),
    }


def _response(response: Attempt | None, body_limit: int | None) -> Json:
    if response is None or response.status is None:
        return {}
    headers = header_map(response.headers)
    return {
        "responseStatus": response.status,
        "responseHeader": headers,
        "responseHeaders": headers,
        **base64_body("responseBody", response.body[:body_limit]),
    }
