"""Run the steps of a scheduler so that one which meets data it cannot read keeps no other from its work."""

from collections.abc import Callable

from qstash_rq.core import Core
from qstash_rq.errors import StoreDefect
from workers.patience import Patience


class Steps:
    """Remembers which step failed and when it may try again; an outage of Redis is the caller's matter."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._patience: dict[str, Patience] = {}
        self._again_ms: dict[str, int] = {}

    def run(self, name: str, step: Callable[[Core], int | None]) -> int | None:
        """Return what `step` answers, or when it will be tried again after a defect, in ms.

        Raises StoreUnavailable.
        """
        now_ms = self._core.clock.now_ms()
        if now_ms < self._again_ms.get(name, 0):
            return self._again_ms[name]
        patience = self._patience.setdefault(name, Patience(name))
        try:
            answer = step(self._core)
        except StoreDefect as error:
            self._again_ms[name] = now_ms + round(1000 * patience.next_wait_s(error))
            return self._again_ms[name]
        patience.succeeded()
        return answer
