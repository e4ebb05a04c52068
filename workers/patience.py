"""How long to wait before Redis is tried again, and how often to say that it is away."""

import logging
import random

from qstash_rq.events import Event, log_event

_FIRST_S = 0.05
_LONGEST_S = 2.0
# One line at the first failure, then one for every so many tries: a minute of outage is a few lines.
_LINES_EVERY = 10

_log = logging.getLogger("qstash_rq.workers")


class Patience:
    """Exponential waits with jitter for one loop; a success starts them over."""

    def __init__(self, who: str) -> None:
        self._who = who
        self._failures = 0

    def next_wait_s(self, error: Exception) -> float:
        """Count a failure and return how long to wait, between half and the whole of the step."""
        if self._failures % _LINES_EVERY == 0:
            cause = error.__cause__ or error
            log_event(_log, logging.WARNING, Event.STORE_UNAVAILABLE, who=self._who, error=cause)
        step = min(_FIRST_S * 2 ** min(self._failures, 10), _LONGEST_S)
        self._failures += 1
        return step * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret

    def succeeded(self) -> None:
        """Forget the failures; says so when there were any."""
        if self._failures:
            log_event(_log, logging.WARNING, Event.STORE_BACK, who=self._who, failures=self._failures)
        self._failures = 0
