"""The `<ms>-<seq>` form of DLQ ids and cursors (contract 6)."""

from qstash_rq.errors import InvalidInput, NotFound
from qstash_rq.paging import is_entry_id


def check_dlq_id(text: str) -> str:
    """Return `text` if it can be the id of a dead letter; raises NotFound."""
    if not is_entry_id(text):
        msg = f"dlqId {text} not found"
        raise NotFound(msg)
    return text


def check_cursor(text: str) -> str:
    """Return `text` if it can be a cursor; raises InvalidInput."""
    if not is_entry_id(text):
        msg = "cursor: must be one that an earlier answer carried"
        raise InvalidInput(msg)
    return text
