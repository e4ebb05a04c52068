"""One multi handle with its connections, and the easy handles that use no others."""

import asyncio

import pycurl

from qstash_rq.allowed_hosts import AllowedHosts
from workers.connect_guard import ConnectGuard
from workers.curl_handle import CurlHandle, Done
from workers.multi import Multi
from workers.name_lookup import NameLookup, Pin
from workers.prepared import PreparedDelivery
from workers.wire_request import Unsendable


class CurlPool:
    """Send deliveries over one multi handle; `allowed` is None where no address is guarded."""

    def __init__(self, multi: Multi, names: NameLookup, allowed: AllowedHosts | None) -> None:
        self.multi = multi
        self.names = names
        self._allowed = allowed
        self._idle: list[CurlHandle] = []

    def send(self, prepared: PreparedDelivery, base: str, target: str, pin: Pin, done: Done) -> CurlHandle:
        """Begin to send `prepared` to `target` of `base`; `done` is called later, whatever becomes of it."""
        handle = self._idle.pop() if self._idle else CurlHandle(self._new_guard(), self._idle.append)
        handle.done = done
        try:
            handle.load(prepared, base, target, pin)
            self.multi.start(handle.curl, handle.end)
        except (Unsendable, pycurl.error) as error:
            asyncio.get_running_loop().call_soon(handle.end, error)
        return handle

    def give_up(self, handle: CurlHandle, done: Done) -> None:
        """Hang up on the delivery that `done` was to hear of, unless it has ended."""
        # It may have ended in this turn of the loop, and be at work for another one.
        if handle.done is done:
            self.multi.give_up(handle.curl)
            handle.drop()

    def _new_guard(self) -> ConnectGuard | None:
        return None if self._allowed is None else ConnectGuard(self._allowed)
