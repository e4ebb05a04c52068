"""Know on the event loop who is calling, without ever waiting for Redis there.

The gate remembers an identity for a second. Half-way through it is asked again, in a thread, while the calls
go on: else all publishes of that moment would queue for the few threads at once.
"""

import asyncio
import logging

from api.auth import Gate
from qstash_rq.errors import StoreUnavailable
from qstash_rq.users import Identity

_log = logging.getLogger(__name__)


class KnownUsers:
    """What one gate knows, kept fresh."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._asking: dict[str, asyncio.Future[None]] = {}

    def recall(self, token: str) -> Identity | None:
        """Return who a token stands for, if the gate was asked that a moment ago."""
        known = self._gate.recall(token)
        if token not in self._asking and self._gate.is_aged(token):
            asking = asyncio.get_running_loop().run_in_executor(None, self._renew, token)
            self._asking[token] = asking
            asking.add_done_callback(lambda _: self._asking.pop(token))
        return known

    def _renew(self, token: str) -> None:
        try:
            self._gate.renew(token)
        except StoreUnavailable as error:
            # What is known is forgotten in time; then each call hears of the outage for itself.
            _log.debug("api.identity_not_renewed: %s", error)
