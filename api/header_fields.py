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
        if name is None or not (value or key.startswith(_PREFIX)) or (is_ours and name == "Authorization"):
            continue
        if BETWEEN_FIELDS in value:
            fields += [(name, from_wsgi(text, name)) for text in value.split(BETWEEN_FIELDS)]
        else:
            fields.append((name, from_wsgi(value, name)))
    return tuple(fields)


@lru_cache(maxsize=2048)
def canonical(name: str) -> str:
    """Return a header name in MIME casing: `x-api-key` becomes `X-Api-Key`."""
    return "-".join([word.capitalize() for word in name.split("-")])


@lru_cache(maxsize=2048)
def _name(key: str) -> str | None:
    if key != "CONTENT_TYPE" and not key.startswith(_PREFIX):
        return None
    return canonical(key.removeprefix(_PREFIX).replace("_", "-"))
