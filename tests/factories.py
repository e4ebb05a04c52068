"""Build the values of a test: only what the test is about needs to be said."""

from dataclasses import replace
from typing import Any

from qstash_rq.ids import new_message_id
from qstash_rq.message import Message
from qstash_rq.users import FIRST_USER

NOW_MS = 1_700_000_000_000


def make_message(**changes: Any) -> Message:
    """Return a message of the first user, published at `NOW_MS`, without delay, under a fresh id."""
    message = Message(
        message_id=new_message_id(),
        user_id=FIRST_USER,
        url="https://example.com/hook",
        created_at_ms=NOW_MS,
        not_before_ms=NOW_MS,
    )
    return replace(message, **changes)
