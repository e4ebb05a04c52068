"""The rule of the address guard: whether a URL's host is, or resolves to, an address that is not public.

Whether the guard is on is the caller's question. It is asked again about the address that is really connected
to, so that a name that changes its address in between gains nothing.
"""

import socket
from collections.abc import Callable, Sequence
from urllib.parse import unquote

from qstash_rq.addresses import is_loopback, is_private
from qstash_rq.allowed_hosts import HOW_TO_ALLOW, NOTHING_ALLOWED, AllowedHosts
from qstash_rq.urls import refuse_url, split_url

Resolver = Callable[[str], Sequence[str]]


def check_host(url: str, resolve: Resolver, allowed: AllowedHosts = NOTHING_ALLOWED) -> None:
    """Raise InvalidInput, worded as in contract 0.2, unless all addresses of the host may be reached.

    `resolve` is asked for names only, lower-cased, and for none that `allowed` names; it raises OSError or
    ValueError when it has no answer.
    """
    if allowed.names_host_of(url):
        return
    host = unquote(split_url(url).host).lower()
    literal = _literal(host)
    addresses = _resolved(host, resolve) if literal is None else (literal,)
    for address in addresses:
        if is_private(address) and not allowed.holds(address):
            kind = "loopback" if is_loopback(address) else "private"
            refuse_url(f"endpoint resolves to a {kind} address: {address} ({HOW_TO_ALLOW})")


def system_resolver(host: str) -> tuple[str, ...]:
    """Return the addresses the operating system knows for `host`, IPv4 and IPv6.

    Blocks while DNS is asked. Raises OSError or ValueError.
    """
    answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(answer[4][0]) for answer in answers))


def _resolved(host: str, resolve: Resolver) -> Sequence[str]:
    try:
        addresses = resolve(host)
    except (OSError, ValueError) as error:
        detail = (error.strerror if isinstance(error, OSError) else None) or str(error)
        refuse_url(f"unable to resolve host: {host}: {detail}")
    if not addresses:
        refuse_url(f"unable to resolve host: {host}: no addresses")
    return addresses


def _literal(host: str) -> str | None:
    """Return the address that `host` spells out in any of the ways clients understand, else None."""
    name = host.rstrip(".")
    if not name:
        refuse_url("empty host")
    if name.startswith("["):
        return name.strip("[]")
    # HTTP clients answer for these names themselves (RFC 6761), whatever a resolver says.
    if name == "localhost" or name.endswith(".localhost"):
        return "127.0.0.1"
    return _ipv4_of_any_spelling(name)


def _ipv4_of_any_spelling(name: str) -> str | None:
    # inet_aton would take anything after a blank for a comment.
    if not name.isascii() or any(character.isspace() for character in name):
        return None
    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except (OSError, ValueError):
        return None
