"""The address guard at connect time: no socket to an address that is not public.

Sees the address that is really being connected to, whatever the URL spelled and DNS answered.
"""

import os
import socket
from typing import Any

import pycurl

from qstash_rq.addresses import is_private
from qstash_rq.allowed_hosts import AllowedHosts


class _Lent:
    """A descriptor that pycurl copies for libcurl; this one is closed as soon as it has."""

    __slots__ = ("_number",)

    def __init__(self, number: int) -> None:
        self._number = number

    def fileno(self) -> int:
        return self._number

    def __del__(self) -> None:
        os.close(self._number)


class ConnectGuard:
    """Open sockets for libcurl; `refused` is the last one since `clear` that is neither public nor allowed.

    `failed` says why the last one since then could not be opened, as when the process may open no more files.

    The names among the allowed hosts do not count here: see `PreparedDelivery.allow_private`.
    """

    __slots__ = ("_allowed", "failed", "refused")

    def __init__(self, allowed: AllowedHosts) -> None:
        self._allowed = allowed
        self.refused: str | None = None
        self.failed: str | None = None

    def clear(self) -> None:
        """Forget what was refused, and what failed."""
        self.refused = None
        self.failed = None

    def open_socket(self, _purpose: int, peer: Any) -> _Lent | int:  # noqa: ANN401 - pycurl has no types
        """Return a socket for `peer`, or refuse it: libcurl then tries the host's next address."""
        if not self._may_reach(peer):
            self.refused = str(peer.addr[0])
            return pycurl.SOCKET_BAD
        try:
            return _Lent(socket.socket(peer.family, peer.socktype, peer.protocol).detach())
        except OSError as error:
            # Raised here it would be a traceback for each attempt, and end the attempt all the same.
            self.failed = os.strerror(error.errno) if error.errno else str(error)
            return pycurl.SOCKET_BAD

    def _may_reach(self, peer: Any) -> bool:  # noqa: ANN401 - as above
        if peer.family not in (socket.AF_INET, socket.AF_INET6):
            return False
        return not is_private(peer.addr[0]) or self._allowed.holds(peer.addr[0])
