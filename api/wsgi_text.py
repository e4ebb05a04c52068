"""Read text out of a WSGI environ, where every string is bytes in disguise (PEP 3333: latin-1)."""

from qstash_rq.errors import InvalidInput


def from_wsgi(text: str, name: str) -> str:
    """Return the UTF-8 text behind an environ string; raises InvalidInput naming `name`."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode()
    except UnicodeError as error:
        msg = f"{name}: not valid UTF-8"
        raise InvalidInput(msg) from error
