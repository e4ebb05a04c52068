"""Hide what a publisher marked as secret from everything the API shows (contract 4.12).

Deliveries, callbacks and revived dead letters use the originals: nothing here is ever stored.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import TypeVar

from qstash_rq.errors import InvalidInput
from qstash_rq.forwarding import is_header_name
from qstash_rq.message import Callback, Headers, Message, Redaction
from qstash_rq.schedule import Schedule

_Shown = TypeVar("_Shown", Message, Schedule)

_NOTHING = Redaction()
_BLANKS = " \t"
_FIELD = re.compile(r"(?P<body>body)|headers?(?:\[(?P<name>[^\]]*)\])?")


def parse_redaction(text: str, field: str) -> Redaction:
    """Return what the list `text` hides: `body`, `header` (all of them), `header[Name]`.

    Header names come back in lower case, each once. Raises InvalidInput naming `field`.
    """
    body = all_headers = False
    names: list[str] = []
    for part in text.split(","):
        match = _FIELD.fullmatch(part.strip(_BLANKS))
        if match is None or not _is_nameable(match["name"]):
            msg = f"{field}: must list body, header or header[Name], separated by commas"
            raise InvalidInput(msg)
        if match["body"]:
            body = True
        elif match["name"] is None:
            all_headers = True
        else:
            names.append(match["name"].lower())
    return Redaction(body=body, all_headers=all_headers, header_names=tuple(dict.fromkeys(names)))


def redact(shown: _Shown) -> _Shown:
    """Return `shown` as the API may show it: each hidden value is replaced by its marker.

    The headers of its callbacks hide as they will on the callbacks' own messages: by their own redaction,
    else by that of `shown` (contract 3.4).
    """
    if shown.redaction is None and shown.callback is None and shown.failure_callback is None:
        return shown
    redaction = shown.redaction or _NOTHING
    return replace(
        shown,
        headers=_redact_headers(shown.headers, redaction),
        body=marker(shown.body).encode() if redaction.body and shown.body else shown.body,
        callback=_redact_callback(shown.callback, redaction),
        failure_callback=_redact_callback(shown.failure_callback, redaction),
    )


def marker(original: bytes) -> str:
    """Return the text that stands in for `original`."""
    return f"REDACTED:{sha256(original).hexdigest()}"


def _redact_callback(callback: Callback | None, inherited: Redaction) -> Callback | None:
    if callback is None:
        return None
    redaction = callback.redaction or inherited
    return replace(
        callback,
        headers=_redact_headers(callback.headers, redaction),
        callback=_redact_callback(callback.callback, redaction),
        failure_callback=_redact_callback(callback.failure_callback, redaction),
    )


def _redact_headers(headers: Headers, redaction: Redaction) -> Headers:
    hides = _hides(redaction)
    return tuple((name, marker(text.encode()) if hides(name) else text) for name, text in headers)


def _hides(redaction: Redaction) -> Callable[[str], bool]:
    if redaction.all_headers:
        return lambda _: True
    names = {name.lower() for name in redaction.header_names}
    return lambda name: name.lower() in names


def _is_nameable(name: str | None) -> bool:
    return name is None or is_header_name(name)
