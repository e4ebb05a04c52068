"""Look host names up for libcurl: one thread a name, whoever waits for it.

libcurl's own look-ups share twenty threads and no answers. With 150 deliveries to a domain whose name servers
are silent, one to any other host waited 20 s for its turn; and closing waited for those threads as well.
"""

import asyncio
import contextlib
import re
import threading
import time
from dataclasses import dataclass

from qstash_rq.hosts import Resolver
from qstash_rq.urls import split_url
from workers.transfer_errors import DNS, DNS_TIMEOUT

_KNOWN_S = 60.0
# Longer, so that libcurl still has every answer that this module takes for known.
LIBCURL_KEEPS_S = 120
_MAX_KNOWN = 10_000

# Addresses in any spelling, and the names that libcurl answers for itself.
_NO_NAME = re.compile(r"\[.*|(.*\.)?(localhost|[0-9]+|0x[0-9a-f]*)\.?", re.IGNORECASE)
_DEFAULT_PORTS = {"http": "80", "https": "443"}


class LookupFailed(Exception):
    """The name has no address, or no answer came in time; the text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """An answer as an entry of CURLOPT_RESOLVE, empty if libcurl needs none, and the time it took."""

    entry: str = ""
    spent_ms: int = 0


NO_PIN = Pin()


class NameLookup:
    """The names of one multi handle; a `base` is a URL without a path."""

    def __init__(self, resolve: Resolver, *, max_threads: int) -> None:
        self._resolve = resolve
        self._known_until_s: dict[str, float] = {}
        self._asking: dict[str, asyncio.Task[tuple[str, ...]]] = {}
        self._threads = asyncio.Semaphore(max_threads)

    def knows(self, base: str) -> bool:
        """Tell whether libcurl needs no look-up for `base`."""
        return time.monotonic() < self._known_until_s.get(base, 0.0)

    async def look_up(self, base: str, timeout_ms: int) -> Pin:
        """Return what to tell libcurl about the host of `base`; raises LookupFailed."""
        parts = split_url(base)
        if _NO_NAME.fullmatch(parts.host):
            self._remember(base)
            return NO_PIN
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                addresses = await asyncio.shield(self._ask(parts.host))
        except TimeoutError as error:
            raise LookupFailed(DNS_TIMEOUT) from error
        if not addresses:
            raise LookupFailed(DNS)
        self._remember(base)
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
        return Pin(
            entry=f"+{parts.host}:{port}:{','.join(addresses)}",
            spent_ms=int((loop.time() - started_s) * 1000),
        )

    async def aclose(self) -> None:
        """Give up the look-ups that run; their threads end by themselves."""
        for task in self._asking.values():
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

    def _remember(self, base: str) -> None:
        now_s = time.monotonic()
        if len(self._known_until_s) >= _MAX_KNOWN:
            self._known_until_s = {name: at for name, at in self._known_until_s.items() if at > now_s}
        self._known_until_s[base] = now_s + _KNOWN_S

    def _ask(self, host: str) -> "asyncio.Task[tuple[str, ...]]":
        task = self._asking.get(host)
        if task is None:
            task = self._asking[host] = asyncio.create_task(self._ask_in_thread(host))
            task.add_done_callback(lambda _: self._asking.pop(host))
        return task

    async def _ask_in_thread(self, host: str) -> tuple[str, ...]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[tuple[str, ...]] = loop.create_future()
        async with self._threads:
            # No executor: Python would wait at its exit for threads that sit in a look-up.
            threading.Thread(target=self._answer, args=(host, answer, loop), daemon=True).start()
            return await answer

    def _answer(
        self, host: str, answer: "asyncio.Future[tuple[str, ...]]", loop: asyncio.AbstractEventLoop
    ) -> None:
        try:
            addresses = tuple(self._resolve(host))
        except (OSError, ValueError):
            addresses = ()
        # libcurl takes IPv6 addresses in brackets, and none with a scope.
        usable = tuple(f"[{one}]" if ":" in one else one for one in addresses if "%" not in one)
        # The loop may be gone when a slow answer comes.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_set, answer, usable)


def _set(answer: "asyncio.Future[tuple[str, ...]]", addresses: tuple[str, ...]) -> None:
    if not answer.done():
        answer.set_result(addresses)
