"""The operator's exceptions to the address guard: private hosts by name, private networks by address.

A name is trusted with whatever it resolves to; a network with the addresses in it, however a URL leads there.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from qstash_rq.addresses import reached_address
from qstash_rq.urls import split_url

Network = IPv4Network | IPv6Network

HOW_TO_ALLOW = "QSTASH_ALLOWED_PRIVATE_HOSTS can allow it"
"""What the errors of the guard tell the operator."""

_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
# No name ends in a number: clients would take it for an address in one of the old spellings.
_NAME = re.compile(rf"(?=.{{1,253}}$)({_LABEL}\.)*(?![0-9]+$|0x[0-9a-f]*$){_LABEL}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedHosts:
    """Names in lower case and without a final dot, and networks; both empty: no exceptions."""

    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    def __str__(self) -> str:
        return ",".join([*sorted(self.names), *map(str, self.networks)])

    def names_host_of(self, url: str) -> bool:
        """Tell whether the host of `url` is one of the names."""
        return bool(self.names) and split_url(url).host.lower().removesuffix(".") in self.names

    def holds(self, address: str) -> bool:
        """Tell whether `address`, or the IPv4 address that it only wraps, is in one of the networks."""
        try:
            reached = reached_address(address)
        except ValueError:
            return False
        return any(reached in network for network in self.networks)


NOTHING_ALLOWED = AllowedHosts()


def parse_allowed_hosts(text: str) -> AllowedHosts:
    """Read `orders.internal, 10.1.0.0/16, fd00::5`; raises ValueError that shows the bad entry."""
    names: set[str] = set()
    networks: list[Network] = []
    for entry in filter(None, map(str.strip, text.split(","))):
        name = entry.lower().removesuffix(".")
        if _NAME.fullmatch(name):
            names.add(name)
        else:
            networks.append(_network(entry))
    return AllowedHosts(names=frozenset(names), networks=tuple(networks))


def _network(entry: str) -> Network:
    try:
        # An address with a scope is one only on a certain link, and a different one on another.
        return ip_network(entry.replace("%", "/"))
    except ValueError as error:
        reason = "has host bits set" if "host bits" in str(error) else "is no host name, address or network"
        msg = f"{entry!r} {reason}"
        raise ValueError(msg) from error
