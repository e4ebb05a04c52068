"""The grammars of names and of label lists (contract 3.2, 6)."""

import re

from qstash_rq.errors import InvalidInput

MAX_NAME_CHARACTERS = 256

_NAME = re.compile(r"[A-Za-z0-9._-]+")


def is_name(text: str) -> bool:
    """Tell whether `text` may name a queue, a URL group or a schedule; its length is not looked at."""
    return _NAME.fullmatch(text) is not None


def check_name(text: str, field: str) -> str:
    """Return `text` if it may name a queue, a URL group or a schedule.

    Raises InvalidInput naming `field`, also for more than 256 characters.
    """
    if not is_name(text):
        msg = f"{field}: must be one or more of the characters A-Z a-z 0-9 . _ -"
        raise InvalidInput(msg)
    if len(text) > MAX_NAME_CHARACTERS:
        msg = f"{field}: must not be longer than {MAX_NAME_CHARACTERS} characters"
        raise InvalidInput(msg)
    return text


def split_list(text: str) -> tuple[str, ...]:
    """Return the comma-separated parts of `text`: outer blanks trimmed, empty ones dropped, order kept."""
    return tuple(part for part in (piece.strip() for piece in text.split(",")) if part)
