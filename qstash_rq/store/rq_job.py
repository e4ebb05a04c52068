"""Write the fields that make a message's record an RQ job; the record's other readers are RQ's.

`Job.fetch(message_id)` reads them, and a stock `rq worker` that pops the id runs
`workers.delivery.deliver`. One that cannot read JSON fails the job, and RQ itself
puts it back in front: that is what the retry fields are for.
"""

import json

from qstash_rq.clock import iso_timestamp
from qstash_rq.message import Message

JOB_FUNCTION = "workers.delivery.deliver"
# Longer than any delivery, so that RQ's own alarm never cuts one short.
_TIMEOUT_MARGIN_S = 60
_RQ_RETRIES = 1_000_000
# Made once: `json.dumps` would make an encoder for each message.
_as_json = json.JSONEncoder(separators=(",", ":")).encode


def job_fields(message: Message, *, max_timeout_ms: int) -> dict[str, str | bytes | int]:
    """Return RQ's fields for `message`; status and origin are written by the scripts."""
    timeout_ms = message.timeout_ms or max_timeout_ms
    return {
        "created_at": iso_timestamp(message.created_at_ms),
        "data": _as_json([JOB_FUNCTION, None, [message.message_id], {}]),
        "timeout": timeout_ms // 1000 + _TIMEOUT_MARGIN_S,
        # RQ deletes finished jobs after 500 seconds unless told never to.
        "result_ttl": -1,
        "retries_left": _RQ_RETRIES,
        "enqueue_at_front_on_retry": 1,
    }
