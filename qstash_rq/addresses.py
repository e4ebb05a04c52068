"""Which addresses are not globally reachable, also when IPv6 only wraps them.

Whether deliveries may reach them all the same is for `address_guard` and `allowed_hosts` to say.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

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
# The middle of an interface identifier that ends in an IPv4 address (RFC 5214).
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})
_LOW_32_BITS = 0xFFFF_FFFF


def is_private(address: str) -> bool:
    """Tell whether `address` is not globally reachable; text that is no address counts as private."""
    try:
        parsed = reached_address(address)
    except ValueError:
        return True
    if isinstance(parsed, IPv4Address):
        return any(parsed in network for network in _PRIVATE_V4)
    if parsed not in _GLOBAL_V6 or any(parsed in network for network in _PRIVATE_V6):
        return True
    # Whatever the prefix, a router of such a site takes the IPv4 packet out and sends it on.
    return _is_isatap(parsed) and is_private(str(_low_ipv4(parsed)))


def is_loopback(address: str) -> bool:
    """Tell whether `address` is the own machine's; text that is no address is not."""
    try:
        return reached_address(address).is_loopback
    except ValueError:
        return False


def reached_address(address: str) -> IPv4Address | IPv6Address:
    """Parse `address`; where it only wraps an IPv4 address that is reached through it, return that.

    Raises ValueError.
    """
    parsed = ip_address(address)
    if isinstance(parsed, IPv4Address):
        return parsed
    if parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return _low_ipv4(parsed) if parsed in _NAT64 else parsed


def _is_isatap(address: IPv6Address) -> bool:
    return (int(address) >> 32) & _LOW_32_BITS in _ISATAP


def _low_ipv4(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & _LOW_32_BITS)
