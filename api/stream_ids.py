"""The `<ms>-<seq>` form of DLQ ids and cursors (contract 6)."""

import re

from qstash_rq.errors import InvalidInput, NotFound

# Digits enough for any time and any sequence, and few enough for Redis, which refuses more than 64 bits.
_STREAM_ID = re.compile(r"[0-9]{1,16}-[0-9]{1,19}")


def is_stream_id(text: str) -> bool:
    """Tell whether `text` has the form; one that has not names nothing."""
    return _STREAM_ID.fullmatch(text) is not None


def check_dlq_id(text: str) -> str:
    """Return `text` if it can be the id of a dead letter; raises NotFound."""
    if not is_stream_id(text):
        msg = f"dlqId {text} not found"
        raise NotFound(msg)
    return text


def check_cursor(text: str) -> str:
    """Return `text` if it can be a cursor; raises InvalidInput."""
    if not is_stream_id(text):
        msg = "cursor: must be one that an earlier answer carried"
        raise InvalidInput(msg)
    return text
