"""Take a destination URL apart and check its form, without ever rewriting it.

Stored URLs are sent, signed and compared as written, so nothing here normalises. Looking a host up belongs
to `addresses`, telling a URL from a group name to `destination`.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address
from typing import NoReturn

from qstash_rq.errors import InvalidInput

WEB_SCHEMES = frozenset({"http", "https"})
INVALID_SCHEME = "endpoint has invalid scheme, add http:// or https://"

_MAX_PORT = 65_535

# Blanks, control characters (C0, DEL, C1), Unicode line breaks, and lone surrogates (bytes not UTF-8).
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_AUTHORITY_END = re.compile(r"[/?#]")
_HOST_AND_PORT = re.compile(r"(\[[^\]]*\]|[^:\[]*)(?::(.*))?", re.DOTALL)
_NOT_IN_A_HOST = re.compile(r"""[%<>\[\]\\^`{|}":]""")
_PORT = re.compile(r"0*([0-9]{1,5})")


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlParts:
    """The parts of one URL as written; `host` keeps its brackets, `port` is None without a colon."""

    scheme: str
    authority: str
    host: str
    port: str | None
    path: str


def refuse_url(detail: str) -> NoReturn:
    """Raise InvalidInput for a destination that is no usable URL, worded as in contract 0.2."""
    msg = f"invalid destination url: {detail}"
    raise InvalidInput(msg)


def split_url(url: str) -> UrlParts:
    """Return the parts of `url`; never raises, an absent part is empty.

    The path of `https://a.io?x=1` is `/`; query and fragment belong to no part.
    """
    scheme, _, rest = url.partition("://")
    authority = _AUTHORITY_END.split(rest, maxsplit=1)[0]
    host_and_port = authority.rpartition("@")[2]
    match = _HOST_AND_PORT.fullmatch(host_and_port)
    host, port = match.groups() if match else (host_and_port, None)
    path = re.split(r"[?#]", rest[len(authority) :], maxsplit=1)[0]
    return UrlParts(scheme=scheme.lower(), authority=authority, host=host, port=port, path=path or "/")


def check_url(url: str, *, schemes: frozenset[str] = WEB_SCHEMES) -> str:
    """Return `url` unchanged if it is a deliverable URL with one of `schemes`, a host and a possible port.

    Characters outside ASCII are kept. Raises InvalidInput `invalid destination url: ...`.
    """
    parts = split_url(url)
    if "://" not in url or parts.scheme not in schemes:
        refuse_url(INVALID_SCHEME)
    if _UNSAFE.search(url):
        refuse_url("blanks and control characters must be percent-encoded, as UTF-8")
    _check_host(parts)
    _check_port(parts.port)
    return url


def _check_host(parts: UrlParts) -> None:
    if not parts.host.strip(".[]"):
        refuse_url("empty host")
    # Parsers disagree where the host begins and ends around a backslash or a second @, so neither is let in.
    ambiguous = "\\" in parts.authority or parts.authority.count("@") > 1
    plain = _is_bracketed_address(parts.host) or not _NOT_IN_A_HOST.search(parts.host)
    if ambiguous or not plain:
        refuse_url("malformed host")


def _is_bracketed_address(host: str) -> bool:
    if not (host.startswith("[") and host.endswith("]")):
        return False
    try:
        IPv6Address(host[1:-1])
    except AddressValueError:
        return False
    return True


def _check_port(port: str | None) -> None:
    # An empty port (`https://a.io:/`) is legal and means the default one.
    if not port:
        return
    match = _PORT.fullmatch(port)
    if match is None or not 1 <= int(match[1]) <= _MAX_PORT:
        refuse_url(f"port must be a number from 1 to {_MAX_PORT}")
