"""Keep tokens out of the access log, where the server writes the request target down (contract 1)."""

from typing import Protocol

from api.raw_target import without_token


class GunicornRequest(Protocol):
    """What the hook changes of gunicorn's request: what is logged, not what the application gets."""

    uri: str
    query: str


def hide_token(_worker: object, request: GunicornRequest) -> None:
    """Take `?qstash_token=` out of what is logged about `request`: gunicorn's `pre_request` hook."""
    if request.query:
        request.query = without_token(request.query)
        path = request.uri.partition("?")[0]
        request.uri = f"{path}?{request.query}" if request.query else path
