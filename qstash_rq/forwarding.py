"""Decide which header fields travel with a message (contract 3.2, "Forwarding").

Does not read options; header values are text, decoded from UTF-8 by the caller.
"""

import re

from qstash_rq.errors import InvalidInput
from qstash_rq.message import Headers
from qstash_rq.remembering import remember_short

CONTENT_TYPE = "Content-Type"

_OPTION_PREFIX = "Upstash-"
_FORWARD = "Forward-"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

# All control characters but the tab, and lone surrogates: bytes that were no UTF-8.
_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff]")

# Workflow clients echo every header they received, so these are dropped, not refused.
_SET_BY_SERVER = frozenset(
    {
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "upstash-signature",
        "upstash-message-id",
        "upstash-retried",
        "upstash-caller-ip",
        "upstash-region",
        "upstash-topic-name",
        "upstash-schedule-id",
        "upstash-workflow-runid",
        "upstash-workflow-init",
        "upstash-workflow-url",
        "upstash-workflow-createdat",
    }
)
# The delivery's content type is the plain one of the publish.
_NOT_FORWARDED = _SET_BY_SERVER | {"content-type"}

# Of the plain headers of a call: those that are about its connection, or have another way to travel.
_STAY_BEHIND = _NOT_FORWARDED | {"te", "upgrade", "keep-alive", "expect"}
_STAY_BEHIND_PREFIXES = ("upstash-", "proxy-")


def overlay(stronger: Headers, weaker: Headers) -> Headers:
    """Return `stronger` followed by the fields of `weaker` whose names it does not have, in any case."""
    if not weaker:
        return stronger
    taken = {name.lower() for name, _ in stronger}
    return stronger + tuple(field for field in weaker if field[0].lower() not in taken)


def check_value(header: str, text: str) -> str:
    """Return `text` if it can stand in a header; raises InvalidInput naming `header`."""
    if _UNSAFE.search(text):
        msg = f"{header}: must be UTF-8 without control characters"
        raise InvalidInput(msg)
    return text


def only_value(header: str, values: list[str]) -> str:
    """Return the single one of `values`, checked; raises InvalidInput naming `header`."""
    if len(values) != 1:
        msg = f"{header}: must be given once"
        raise InvalidInput(msg)
    return check_value(header, values[0])


def is_header_name(text: str) -> bool:
    """Tell whether `text` is a header name: an RFC 9110 token."""
    return _TOKEN.fullmatch(text) is not None


def delivered_headers(fields: Headers) -> Headers:
    """Return what is delivered: `Content-Type` first, then the forwarded fields without their prefix.

    Raises InvalidInput for a second content type, and as `forwarded_headers` does.
    """
    forwarded = forwarded_headers(fields)
    content_types = [text for name, text in fields if _is_content_type(name) and text]
    if not content_types:
        return forwarded
    return ((CONTENT_TYPE, only_value(CONTENT_TYPE, content_types)), *forwarded)


def forwarded_headers(fields: Headers, prefix: str = _OPTION_PREFIX) -> Headers:
    """Return the fields that begin with `prefix` and `Forward-`, without both.

    Order is kept, a name that occurs twice stays twice, and names the server sets itself are left out. Raises
    InvalidInput for a value with control characters and for a name that is no RFC 9110 token.
    """
    return tuple(
        [
            (bare, check_value(name, text))
            for name, text in fields
            if (bare := _forwarded_name(name, prefix)) is not None
        ]
    )


def as_forwarded(fields: Headers, *, authorization_is_ours: bool) -> Headers:
    """Return the plain `fields` of a call that travel with `Upstash-Header-Forward`, as `Upstash-Forward-*`.

    The Authorization that let the call in never travels; one that did not belongs to the webhook's sender.
    Raises InvalidInput like `forwarded_headers`, naming the plain header.
    """
    stay = _STAY_BEHIND | {"authorization"} if authorization_is_ours else _STAY_BEHIND
    return tuple(
        (_OPTION_PREFIX + _FORWARD + name, check_value(name, text))
        for name, text in fields
        if name.lower() not in stay
        and not name.lower().startswith(_STAY_BEHIND_PREFIXES)
        and _may_travel(name, name)
    )


def _is_content_type(name: str) -> bool:
    return len(name) == len(CONTENT_TYPE) and name.lower() == "content-type"


# The names of headers are few, their values are not.
@remember_short
def _forwarded_name(name: str, prefix: str) -> str | None:
    start = (prefix + _FORWARD).lower()
    bare = name[len(start) :]
    return bare if name.lower().startswith(start) and _may_travel(name, bare) else None


def _may_travel(name: str, bare: str) -> bool:
    if not is_header_name(bare):
        # repr: a broken name may hold anything, also what a log line must not.
        msg = f"{name!r}: is not a valid header name"
        raise InvalidInput(msg)
    return bare.lower() not in _NOT_FORWARDED
