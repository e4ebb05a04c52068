"""Find the address of who calls: behind trusted proxies it is not that of the connection's other end."""

from ipaddress import ip_address
from typing import Final

FORWARDED_FOR: Final = "HTTP_X_FORWARDED_FOR"
"""Environ key of what proxies say of the addresses they were called from."""


def caller_address(peer: str | None, forwarded_for: str, trusted_proxies: int) -> str | None:
    """Return the caller's address; `forwarded_for` counts only behind trusted proxies."""
    if not trusted_proxies:
        return peer
    hops = forwarded_for.split(",")
    # Each proxy appends the address it was called from, so only the last entries are beyond forging.
    claimed = hops[-trusted_proxies].strip() if len(hops) >= trusted_proxies else ""
    return claimed if _is_address(claimed) else peer


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
