"""Write the fields that make a message's record an RQ job; the record's other readers are RQ's.

`Job.fetch(message_id)` reads them, and a stock `rq worker` that pops the id runs
`workers.delivery.deliver`. One that cannot read JSON fails the job, and RQ itself
puts it back in front: that is what the retry fields are for.
"""

import json

from qstash_rq.message import Message

JOB_FUNCTION = "workers.delivery.deliver"
# Longer than any delivery, so that RQ's own alarm never cuts one short.
_TIMEOUT_MARGIN_S = 60
_RQ_RETRIES = 1_000_000
# RQ deletes finished jobs after 500 seconds unless told never to.
_KEEP_RESULT = -1


def job_timeout_s(message: Message, *, max_timeout_ms: int) -> int:
    """Return for how many seconds RQ may let the job of `message` run."""
    return (message.timeout_ms or max_timeout_ms) // 1000 + _TIMEOUT_MARGIN_S


def lua_job_fields() -> str:
    """Return a Lua table `RQ` with the fields that all jobs share; in `data` the id belongs at `%s`.

    The scripts write them, so that they do not travel with each message: that was a third of what a publish
    took to be turned into words.
    """
    data = json.dumps([JOB_FUNCTION, None, ["%s"], {}], separators=(",", ":"))
    fields = f"data=[=[{data}]=], result_ttl={_KEEP_RESULT}, retries_left={_RQ_RETRIES}, front=1"
    return f"local RQ = {{{fields}}}\n"
