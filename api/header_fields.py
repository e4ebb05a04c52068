"""Read the header fields of a request out of its environ, as UTF-8 text (contract 3.2).

WSGI has one string per name; `asgi_environ` joins fields that occur twice so that they can be told apart.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from api.asgi_environ import BETWEEN_FIELDS
from api.auth import bearer
from api.wsgi_text import from_wsgi
from qstash_rq.message import Headers

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_PREFIX = "HTTP_"


def header_fields(environ: "WSGIEnvironment") -> Headers:
    """Return the header fields in order, without the Authorization that was meant for us.

    Names are in canonical casing: WSGI does not keep the sender's. Raises InvalidInput naming the header
    whose value is not UTF-8.
    """
    return tuple(_fields(environ))


@lru_cache(maxsize=2048)
def canonical(name: str) -> str:
    """Return a header name in MIME casing: `x-api-key` becomes `X-Api-Key`."""
    return "-".join([word.capitalize() for word in name.split("-")])


def _fields(environ: "WSGIEnvironment") -> Iterator[tuple[str, str]]:
    for key, value in environ.items():
        if key.startswith(_PREFIX):
            name = _name(key)
        elif key == "CONTENT_TYPE" and value:
            name = "Content-Type"
        else:
            continue
        if key == "HTTP_AUTHORIZATION" and bearer(environ) is not None:
            continue
        for text in value.split(BETWEEN_FIELDS):
            yield name, from_wsgi(text, name)


@lru_cache(maxsize=2048)
def _name(key: str) -> str:
    return canonical(key.removeprefix(_PREFIX).replace("_", "-"))
