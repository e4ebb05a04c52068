"""What performs a message, chosen by its URL's scheme: libcurl for http and https, plug-ins for the rest.

A plug-in package registers, in the entry-point group `qstash_rq.deliverers`, a callable
`factory(settings) -> Deliverer` under the scheme it serves.
"""

import asyncio
import logging
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, cast, runtime_checkable

from qstash_rq.delivery import Attempt
from qstash_rq.settings import DELIVERER_GROUP, Settings
from workers.curl_deliverer import CurlDeliverer
from workers.curl_handle import Done
from workers.prepared import PreparedDelivery

__all__ = ["Deliverer", "DelivererFactory", "Deliverers", "PreparedDelivery", "StartingDeliverer"]

_log = logging.getLogger("qstash_rq.workers")


class Deliverer(Protocol):
    """Perform prepared deliveries, many at a time."""

    async def deliver(self, prepared: PreparedDelivery) -> Attempt:
        """Perform `prepared` and return what came back; a failure is an Attempt with an error."""
        ...

    async def aclose(self) -> None:
        """Drop what is in flight and free all connections."""
        ...


@runtime_checkable
class StartingDeliverer(Deliverer, Protocol):
    """A deliverer that tells most deliveries' ends by a callback, which spares each a task and a future."""

    def start(self, prepared: PreparedDelivery, done: Done) -> bool:
        """Begin `prepared`, and call `done` once, later, with what came back; never after `aclose`.

        False: nothing was begun, and `deliver` has to be awaited.
        """
        ...


DelivererFactory = Callable[[Settings], Deliverer]


class Deliverers:
    """The deliverers of one process, itself one; plug-ins are looked for at the first foreign scheme."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._curl = CurlDeliverer(settings)
        self._built_in = {"http": self._curl, "https": self._curl}
        self._entries: dict[str, EntryPoint] | None = None
        self._plugged_in: dict[str, Deliverer] = {}

    def start(self, prepared: PreparedDelivery, done: Done) -> bool:
        """Begin `prepared` if the deliverer of its scheme is built in and can; plug-ins are awaited."""
        return prepared.url.startswith(("https:", "http:")) and self._curl.start(prepared, done)

    async def deliver(self, prepared: PreparedDelivery) -> Attempt:
        """Perform `prepared` with the deliverer of its scheme; raises nothing but cancellation."""
        scheme = prepared.url.partition(":")[0].lower()
        deliverer = self._built_in.get(scheme)
        if deliverer is None:
            return await self._plug_in_delivers(scheme, prepared)
        return await deliverer.deliver(prepared)

    async def aclose(self) -> None:
        """Close every deliverer; one that fails does not keep the others open."""
        for scheme, deliverer in {**self._plugged_in, "http": self._curl}.items():
            try:
                await deliverer.aclose()
            except Exception:  # noqa: BLE001 - foreign code may raise anything
                _log.exception("deliverer of %s: URLs: cannot be closed", scheme)

    async def _plug_in_delivers(self, scheme: str, prepared: PreparedDelivery) -> Attempt:
        # A plug-in is foreign code: whatever it does, the message must get an attempt to judge.
        try:
            deliverer = self._plug_in(scheme)
            if deliverer is None:
                return Attempt(error=f"no deliverer for {scheme}: URLs")
            if prepared.leave is not None and not prepared.leave():
                return Attempt(error="too late to be sent")
            async with asyncio.timeout(prepared.timeout_ms / 1000):
                attempt = cast("object", await deliverer.deliver(prepared))
        except Exception as error:  # noqa: BLE001 - see above
            _log.debug("deliverer of %s: URLs: raised", scheme, exc_info=True)
            reason = f"{type(error).__name__}: {error}".rstrip(": ")
            return Attempt(error=f"deliverer of {scheme}: URLs: {reason}")
        if isinstance(attempt, Attempt):
            return attempt
        return Attempt(error=f"deliverer of {scheme}: URLs: returned no Attempt but {attempt!r:.100}")

    def _plug_in(self, scheme: str) -> Deliverer | None:
        """Return the plug-in for `scheme`, made at its first use; a failure to make it is not kept."""
        if self._entries is None:
            self._entries = {entry.name.lower(): entry for entry in entry_points(group=DELIVERER_GROUP)}
        if scheme not in self._plugged_in and scheme in self._entries:
            factory: DelivererFactory = self._entries[scheme].load()
            self._plugged_in[scheme] = factory(self._settings)
        return self._plugged_in.get(scheme)
