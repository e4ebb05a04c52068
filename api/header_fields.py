"""Read the header fields of a request out of its environ, as UTF-8 text (contract 3.2).

WSGI has one string per name; `asgi_environ` joins fields that occur twice so that they can be told apart.
"""

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
    is_ours = bearer(environ) is not None
    fields: list[tuple[str, str]] = []
    for key, value in environ.items():
        name = _name(key)
        if name is None or (is_ours and name == "Authorization"):
            continue
        each = [header_field(key, text) for text in value.split(BETWEEN_FIELDS)]
        fields += [field for field in each if field is not None]
    return tuple(fields)


def header_field(key: str, value: str) -> tuple[str, str] | None:
    """Return one field, given by its environ key, as `header_fields` does; None for one that is no header."""
    name = _name(key)
    if name is None or not (value or key.startswith(_PREFIX)):
        return None
    return name, from_wsgi(value, name)


@lru_cache(maxsize=2048)
def canonical(name: str) -> str:
    """Return a header name in MIME casing: `x-api-key` becomes `X-Api-Key`."""
    return "-".join([word.capitalize() for word in name.split("-")])


@lru_cache(maxsize=2048)
def _name(key: str) -> str | None:
    if key != "CONTENT_TYPE" and not key.startswith(_PREFIX):
        return None
    return canonical(key.removeprefix(_PREFIX).replace("_", "-"))
