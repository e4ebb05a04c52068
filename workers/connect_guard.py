"""The address guard at connect time: no socket to an address that is not public.

Sees the address that is really being connected to, whatever the URL spelled and DNS answered.
"""

import socket
from typing import Any

import pycurl

from qstash_rq.addresses import is_private


class ConnectGuard:
    """Open sockets for libcurl; `refused` is the last private address asked for since `clear`."""

    __slots__ = ("refused",)

    def __init__(self) -> None:
        self.refused: str | None = None

    def clear(self) -> None:
        """Forget what was refused."""
        self.refused = None

    def open_socket(self, _purpose: int, peer: Any) -> socket.socket | int:  # noqa: ANN401 - pycurl has no types
        """Return a socket for `peer`, or refuse it: libcurl then tries the host's next address."""
        if peer.family not in (socket.AF_INET, socket.AF_INET6) or is_private(peer.addr[0]):
            self.refused = str(peer.addr[0])
            return pycurl.SOCKET_BAD
        return socket.socket(peer.family, peer.socktype, peer.protocol)
