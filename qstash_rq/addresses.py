"""The address guard: which addresses deliveries may reach, and whether a URL's host is one of them.

Asked when a message is published and again about the address that is really connected to, so that a name that
changes its address in between gains nothing. Whether the guard is on is the caller's question.
"""

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import unquote

from qstash_rq.urls import refuse_url, split_url

Resolver = Callable[[str], Sequence[str]]

# The IANA special-purpose registry; the tables in `ipaddress` differ between Python releases.
_PRIVATE_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network; 0.0.0.0 reaches the own machine
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; Alibaba's metadata service
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's metadata service, in public space
        "169.254.0.0/16",  # link-local; the metadata service of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata service
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# The only IPv6 space that is routed in public; ULA, link-local, multicast and the rest lie outside.
_GLOBAL_V6 = IPv6Network("2000::/3")
_PRIVATE_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, among them Teredo
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries any IPv4 address
        "3fff::/20",  # documentation
    )
)
# A network with DNS64 reaches the public IPv4 internet through this prefix, so the address inside decides.
_NAT64 = IPv6Network("64:ff9b::/96")
_LOW_32_BITS = 0xFFFF_FFFF


def is_private(address: str) -> bool:
    """Tell whether `address` is not globally reachable; text that is no address counts as private."""
    try:
        parsed = _reached(address)
    except ValueError:
        return True
    if isinstance(parsed, IPv4Address):
        return any(parsed in network for network in _PRIVATE_V4)
    return parsed not in _GLOBAL_V6 or any(parsed in network for network in _PRIVATE_V6)


def check_host(url: str, resolve: Resolver) -> None:
    """Raise InvalidInput, worded as in contract 0.2, unless every address of the host of `url` is public.

    `resolve` is asked for names only, lower-cased; it raises OSError or ValueError when it has no answer.
    """
    host = unquote(split_url(url).host).lower()
    literal = _literal(host)
    addresses = _resolved(host, resolve) if literal is None else (literal,)
    for address in addresses:
        if is_private(address):
            refuse_url(f"endpoint resolves to a {_kind(address)} address: {address}")


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


def _reached(address: str) -> IPv4Address | IPv6Address:
    """Parse `address`; where it only wraps an IPv4 address that is reached through it, return that."""
    parsed = ip_address(address)
    if isinstance(parsed, IPv4Address):
        return parsed
    if parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return IPv4Address(int(parsed) & _LOW_32_BITS) if parsed in _NAT64 else parsed


def _kind(address: str) -> str:
    try:
        return "loopback" if _reached(address).is_loopback else "private"
    except ValueError:
        return "private"
