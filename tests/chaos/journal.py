"""What Redis says of its append-only file while it is being shot at: how far it was written when a kill came.

With `appendfsync everysec` Redis answers before it writes while a sync is under way, for up to two seconds
(`flushAppendOnlyFile` in its aof.c). SIGKILL takes what is held back; what was written stays in the system.
"""

from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from qstash_rq.clock import SystemClock

_EVERY_S = 0.02
_ANSWER_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One answer of `INFO persistence`, and when it was asked for."""

    asked_ms: int
    size: int  # of the file: it grows by each write
    base_size: int  # changes with a rewrite
    held_bytes: int
    syncing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """What a killed Redis had not written: whatever it answered before `written_ms` was in the file."""

    written_ms: int
    last: Look | None  # None when it gave no answer


def written_until(before: Look | None, look: Look) -> int | None:
    """Return a moment before which everything has been written, as far as two looks in a row tell."""
    if look.held_bytes == 0:
        return look.asked_ms
    if before and look.base_size == before.base_size and look.size > before.size:
        # A write takes all that is there: what came before the first look is part of it.
        return before.asked_ms
    return None


class Journal(Thread):
    """Looks at the append-only file of a server every few milliseconds, until it is closed."""

    def __init__(self, redis_url: str) -> None:
        super().__init__(name="journal", daemon=True)
        # One that is tried again could hear another process, after a restart.
        retry = Retry(NoBackoff(), 0)
        self._redis = Redis.from_url(redis_url, socket_timeout=_ANSWER_S, retry=retry)
        self._clock = SystemClock()
        self._lock = Lock()
        self._closed = Event()
        self._before: Look | None = None
        self._written_ms = self._clock.now_ms()

    def run(self) -> None:
        """Look until it is closed."""
        while not self._closed.wait(_EVERY_S):
            with self._lock:
                self._look()

    def close(self) -> None:
        """Look no more."""
        self._closed.set()
        self.join()
        self._redis.close()

    def look_before_kill(self) -> Withheld:
        """Look once more, and return what a kill would take now."""
        with self._lock:
            last = self._look()
            return Withheld(written_ms=self._written_ms, last=last)

    def _look(self) -> Look | None:
        asked_ms = self._clock.now_ms()
        try:
            info: Any = self._redis.info("persistence")
        except RedisError:
            self._before = None
            return None
        if info["loading"]:
            return None
        look = Look(
            asked_ms=asked_ms,
            size=info["aof_current_size"],
            base_size=info["aof_base_size"],
            held_bytes=info["aof_buffer_length"],
            syncing=info["aof_pending_bio_fsync"] > 0,
        )
        self._written_ms = written_until(self._before, look) or self._written_ms
        self._before = look
        return look
