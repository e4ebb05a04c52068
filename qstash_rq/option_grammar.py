"""Turn the text of one option header into its value (contract 3.2): a function for each grammar.

Whether a value is above a limit, and which headers belong together, is for the callers.
"""

from dataclasses import dataclass
from typing import NoReturn

from qstash_rq.cron import parse_cron
from qstash_rq.durations import parse_duration
from qstash_rq.errors import InvalidInput
from qstash_rq.expression import parse_expression
from qstash_rq.message import Redaction
from qstash_rq.names import check_name, split_list
from qstash_rq.redaction import parse_redaction
from qstash_rq.urls import check_url

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_BOOLEANS = {"true": True, "false": False}
_MIN_TIMEOUT_MS = 1_000
# More digits than any limit has, few enough that `int` never balks at the length.
_MAX_DIGITS = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One header as given: `header` as the contract spells it, and what its meaning depends on."""

    header: str
    text: str
    now_ms: int


def read_method(given: Given) -> str:
    """Return an HTTP method in upper case."""
    method = given.text.upper()
    # Outside ASCII, upper() folds look-alikes into these words.
    if method not in _METHODS or not given.text.isascii():
        _refuse(given, "must be one of GET, POST, PUT, PATCH, DELETE")
    return method


def read_delay(given: Given) -> int:
    """Return a delay in milliseconds."""
    return parse_duration(given.text, given.header)


def read_not_before(given: Given) -> int:
    """Return a moment in Unix milliseconds; one that has passed is now."""
    if given.text.startswith("-"):
        _whole_number(given, given.text[1:])
        return given.now_ms
    return max(given.now_ms, _whole_number(given, given.text) * 1_000)


def read_retries(given: Given) -> int:
    """Return a number of retries."""
    return _whole_number(given, given.text)


def read_retry_delay(given: Given) -> str:
    """Return the expression of a retry delay, as given."""
    try:
        parse_expression(given.text)
    except InvalidInput as error:
        # It names the header of a message; that of a callback has a longer name.
        _refuse(given, str(error).removeprefix("Upstash-Retry-Delay: "))
    return given.text


def read_timeout(given: Given) -> int:
    """Return a time-out in milliseconds."""
    timeout_ms = parse_duration(given.text, given.header)
    if timeout_ms < _MIN_TIMEOUT_MS:
        _refuse(given, "must be at least 1s")
    return timeout_ms


def read_labels(given: Given) -> tuple[str, ...]:
    """Return the labels in order."""
    return split_list(given.text)


def read_name(given: Given) -> str:
    """Return the name of a queue or the id of a schedule."""
    return check_name(given.text, given.header)


def read_boolean(given: Given) -> bool:
    """Return a switch; Python's spelling of it counts too."""
    wanted = _BOOLEANS.get(given.text.lower())
    if wanted is None:
        _refuse(given, "must be true or false")
    return wanted


def read_redaction(given: Given) -> Redaction:
    """Return what is not to be shown."""
    return parse_redaction(given.text, given.header)


def read_url(given: Given) -> str:
    """Return the URL of a callback, as given; its host is not looked up."""
    try:
        return check_url(given.text)
    except InvalidInput as error:
        _refuse(given, str(error))


def read_cron(given: Given) -> str:
    """Return a cron expression without outer blanks; the texts about it are those of contract 0.2."""
    return parse_cron(given.text).text


def read_id(given: Given) -> str | None:
    """Return an id of any characters; an empty one is none."""
    return given.text or None


def read_text(given: Given) -> str:
    """Return the text itself: its meaning depends on another header."""
    return given.text


def _whole_number(given: Given, text: str) -> int:
    """Parse an integer >= 0; one with more digits than any limit comes back as a number beyond all limits."""
    if not (text.isascii() and text.isdigit()):
        _refuse(given, "must be a whole number")
    digits = text.lstrip("0")
    return int(digits or "0") if len(digits) <= _MAX_DIGITS else 10**_MAX_DIGITS


def _refuse(given: Given, reason: str) -> NoReturn:
    msg = f"{given.header}: {reason}"
    raise InvalidInput(msg)
