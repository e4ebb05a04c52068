"""Remember for a while which addresses a name has, so that not every publish waits for DNS.

For the address guard at publish alone: a worker asks the guard again about the address it connects to.
"""

from dataclasses import dataclass

from qstash_rq.clock import Clock
from qstash_rq.errors import QStashError
from qstash_rq.hosts import Resolver

_REMEMBER_MS = 10_000
_MAX_REMEMBERED = 10_000


class NameNotRemembered(QStashError):
    """A name would have to be looked up, and the caller cannot wait for that."""


@dataclass(frozen=True, slots=True)
class _Remembered:
    addresses: tuple[str, ...]
    since_ms: int


class RememberedNames:
    """A resolver that asks another one, which may block."""

    def __init__(self, resolve: Resolver, clock: Clock) -> None:
        self._resolve = resolve
        self._clock = clock
        self._remembered: dict[str, _Remembered] = {}

    def look_up(self, host: str) -> tuple[str, ...]:
        """Return the addresses of `host`; raises what the other resolver raises, and remembers no failure."""
        try:
            return self.recall(host)
        except NameNotRemembered:
            addresses = tuple(self._resolve(host))
        if len(self._remembered) >= _MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[host] = _Remembered(addresses, self._clock.now_ms())
        return addresses

    def recall(self, host: str) -> tuple[str, ...]:
        """Return the addresses of `host` without looking it up; raises NameNotRemembered."""
        known = self._remembered.get(host)
        if known is None or abs(self._clock.now_ms() - known.since_ms) >= _REMEMBER_MS:
            raise NameNotRemembered(host)
        return known.addresses
