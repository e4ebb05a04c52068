"""Drive transfers with `pycurl.AsyncCurlMulti`, for systems without epoll."""

import asyncio
from functools import partial
from typing import Any, cast

import pycurl

from workers.multi import Ended


class FutureMulti:
    """Tell endings by callback where pycurl has futures."""

    def __init__(self) -> None:
        self._multi = cast("Any", pycurl).AsyncCurlMulti()
        self._pending: dict[pycurl.Curl, asyncio.Future[pycurl.Curl]] = {}

    def setopt(self, option: int, value: int) -> None:
        """Set an option of the multi handle."""
        self._multi.setopt(option, value)

    def start(self, curl: pycurl.Curl, ended: Ended) -> None:
        """Start the transfer of `curl`, and call `ended` once, later; raises `pycurl.error`."""
        future = self._pending[curl] = self._multi.add_handle(curl)
        future.add_done_callback(partial(self._end, curl, ended))

    def give_up(self, curl: pycurl.Curl) -> None:
        """Stop the transfer of `curl` if it has not ended: its `ended` is never called."""
        future = self._pending.pop(curl, None)
        if future is not None and not future.done():
            self._multi.remove_handle(curl)

    async def aclose(self) -> None:
        """Give up all transfers and close all connections."""
        for curl in tuple(self._pending):
            self.give_up(curl)
        await self._multi.aclose()

    def _end(self, curl: pycurl.Curl, ended: Ended, future: "asyncio.Future[pycurl.Curl]") -> None:
        if self._pending.pop(curl, None) is future and not future.cancelled():
            ended(cast("pycurl.error | None", future.exception()))
