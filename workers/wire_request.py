"""Write a request in libcurl's terms so that it leaves unchanged: URL, request target, header lines. Pure."""

import re
from functools import lru_cache
from urllib.parse import quote

from qstash_rq.message import Headers
from qstash_rq.urls import split_url

_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
# Nearly every URL: scheme, authority, path and query, all printable ASCII, without a fragment.
_PLAIN = re.compile(r"""([a-z]+://[!"$-.0->@-~]+)(/[!"$-~]*)""")
_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Unsendable(ValueError):
    """The request cannot be written as HTTP; the text names the part."""


@lru_cache(maxsize=1_000)
def split_target(url: str) -> tuple[str, str]:
    """Return what to connect to, a URL without a path, and the request target, both ASCII.

    The target is the path and query as written, without the fragment: given the whole URL, libcurl would
    write `%2f` as `%2F`. Only what cannot stand in a request line, blanks and characters outside ASCII, is
    percent-encoded as UTF-8. Raises Unsendable.
    """
    plain = _PLAIN.fullmatch(url)
    if plain is not None:
        return plain[1], plain[2]
    if _CONTROL.search(url):
        msg = "invalid URL: control character"
        raise Unsendable(msg)
    parts = split_url(url)
    start = len(parts.scheme) + len("://") + len(parts.authority)
    target = url[start:].partition("#")[0]
    try:
        host = parts.authority if parts.authority.isascii() else _ascii_authority(parts.authority)
        target = quote(target, safe=_PRINTABLE)
    except UnicodeError as error:
        msg = "invalid URL: host or path cannot be encoded"
        raise Unsendable(msg) from error
    return f"{parts.scheme}://{host}", target if target.startswith("/") else f"/{target}"


def _ascii_authority(authority: str) -> str:
    credentials, at, host = authority.rpartition("@")
    # The codec and not a newer rule: it is what `socket.getaddrinfo` applied when the address guard looked
    # the name up at publish, and a name must not mean two hosts.
    return f"{quote(credentials, safe=_PRINTABLE)}{at}{host.encode('idna').decode()}"


def check_method(method: str) -> str:
    """Return `method` if it is one word; raises Unsendable."""
    if _METHOD.fullmatch(method) is None:
        msg = "invalid method"
        raise Unsendable(msg)
    return method


def header_lines(headers: Headers) -> list[str] | list[bytes]:
    """Return `headers` as the lines of CURLOPT_HTTPHEADER, values in UTF-8.

    Raises Unsendable for a field that would not end where it should.
    """
    # libcurl's notation for a header without a value ends in a semicolon; `Name:` would take it out.
    lines = [f"{name}: {value}" if value and not value.isspace() else f"{name};" for name, value in headers]
    text = "".join(lines)
    if "\n" in text or "\r" in text or "\0" in text:
        msg = "invalid header: line break or NUL"
        raise Unsendable(msg)
    if text.isascii():
        return lines
    try:
        return [line.encode() for line in lines]
    except UnicodeEncodeError as error:
        msg = "invalid header: not UTF-8"
        raise Unsendable(msg) from error
