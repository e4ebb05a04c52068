"""How long to wait before Redis is tried again, and how often to say what is wrong with it."""

import logging
import random
import time
from collections.abc import Callable

from qstash_rq.errors import StoreDefect
from qstash_rq.events import Event, log_event

_FIRST_S = 0.05
_LONGEST_S = 2.0
# A loop says no more often than this that Redis is away, also when it comes and goes all the time.
_QUIET_S = 20.0

_log = logging.getLogger("qstash_rq.workers")


class Patience:
    """Exponential waits with jitter for one loop; a success starts them over."""

    def __init__(self, who: str, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._who = who
        self._monotonic_s = monotonic_s
        self._failures = 0
        self._told_s: float | None = None
        self._owes_end = False

    def next_wait_s(self, error: Exception) -> float:
        """Count a failure and return how long to wait, between half and the whole of the step."""
        now_s = self._monotonic_s()
        if self._told_s is None or now_s - self._told_s >= _QUIET_S:
            self._told_s = now_s
            self._owes_end = True
            self._tell(error)
        step = min(_FIRST_S * 2 ** min(self._failures, 10), _LONGEST_S)
        self._failures += 1
        return step * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret

    def succeeded(self) -> None:
        """Forget the failures; says so when they were told."""
        if self._owes_end:
            self._owes_end = False
            log_event(_log, logging.WARNING, Event.STORE_BACK, who=self._who, failures=self._failures)
        self._failures = 0

    def _tell(self, error: Exception) -> None:
        cause = error.__cause__ or error
        if isinstance(error, StoreDefect):
            log_event(_log, logging.ERROR, Event.STORE_DEFECT, who=self._who, error=cause)
            _log.error("store.defect in %s:", self._who, exc_info=error)
        else:
            log_event(_log, logging.WARNING, Event.STORE_UNAVAILABLE, who=self._who, error=cause)
