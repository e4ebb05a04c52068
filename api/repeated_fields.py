"""Keep header fields that occur twice apart, where WSGI has one string per name.

gunicorn joins them with a comma, which a value may hold as well. Its `pre_request` hook runs before that and
may change the list of fields, so the hook here joins them with a character that gunicorn refuses in headers;
`header_fields` takes them apart again. Imports nothing of ours: gunicorn's configuration loads this file
before gevent patches the standard library.
"""

from typing import Protocol

BETWEEN_FIELDS = "\x1f"


class GunicornRequest(Protocol):
    """What the hook needs of gunicorn's request."""

    headers: list[tuple[str, str]]


def keep_repeated_fields(_worker: object, request: GunicornRequest) -> None:
    """Join repeated fields of `request` so that they can be told apart: gunicorn's `pre_request` hook."""
    names = {name for name, _ in request.headers}
    if len(names) == len(request.headers):
        return
    values: dict[str, list[str]] = {}
    for name, value in request.headers:
        values.setdefault(name, []).append(value)
    request.headers[:] = [(name, BETWEEN_FIELDS.join(texts)) for name, texts in values.items()]
