"""What drives many transfers of libcurl at once, whichever way the platform allows."""

from collections.abc import Callable
from typing import Protocol

import pycurl

Ended = Callable[[pycurl.error | None], None]
"""Hears of the end of a transfer: None, or libcurl's error. It may start another transfer."""


class Multi(Protocol):
    """Run transfers of easy handles; bound to the event loop of the first one."""

    def setopt(self, option: int, value: int) -> None:
        """Set an option of the multi handle."""
        ...

    def start(self, curl: pycurl.Curl, ended: Ended) -> None:
        """Start the transfer of `curl`, and call `ended` once, later; raises `pycurl.error`."""
        ...

    def give_up(self, curl: pycurl.Curl) -> None:
        """Stop the transfer of `curl` if it has not ended: its `ended` is never called."""
        ...

    async def aclose(self) -> None:
        """Give up all transfers and close all connections."""
        ...
