"""Tell by one key whether two publishes are the same (contract 3.7).

The user, the window and what happens to a duplicate belong to the store.
"""

from collections.abc import Iterable
from hashlib import sha256

from qstash_rq.message import Headers

# First into the hash, so that no id can be chosen to collide with the hash of a content.
_BY_ID = b"id"
_BY_CONTENT = b"content"


def deduplication_key(
    *, deduplication_id: str | None, content_based: bool, destination: str, body: bytes, headers: Headers
) -> str | None:
    """Return the key two duplicates share, 64 hexadecimal digits; None if duplicates are welcome.

    An explicit id wins over the content. `headers` are the delivered ones, `Content-Type` included; neither
    their order nor the case of their names matters.
    """
    if deduplication_id:
        return _digest([_BY_ID, _bytes(deduplication_id)])
    if not content_based:
        return None
    fields = sorted((name.lower(), text) for name, text in headers)
    flat = (_bytes(text) for field in fields for text in field)
    return _digest([_BY_CONTENT, _bytes(destination), body, *flat])


def _digest(parts: Iterable[bytes]) -> str:
    """Hash each part behind its length: without it `ab`, `c` and `a`, `bc` would be the same."""
    digest = sha256()
    for part in parts:
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.hexdigest()


def _bytes(text: str) -> bytes:
    # Whatever the text is, it has a key.
    return text.encode(errors="surrogatepass")
