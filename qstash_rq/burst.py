"""Limit how many calls a user makes in a second, where the settings say so (contract 0.3)."""

from dataclasses import dataclass

from qstash_rq.core import Core
from qstash_rq.store.bursts import add_call


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """The calls of a user in this second; `reset_s` is the Unix second in which counting starts anew."""

    limit: int
    used: int
    reset_s: int

    @property
    def exceeded(self) -> bool:
        """Whether the call that was counted last is one too many."""
        return self.used > self.limit


def count_call(core: Core, user_id: str) -> Burst | None:
    """Count one call and return how many there were; None, and no round trip, without a limit."""
    if not core.settings.burst_limit:
        return None
    second = core.clock.now_ms() // 1_000
    used = add_call(core.store, user_id, second)
    return Burst(limit=core.settings.burst_limit, used=used, reset_s=second + 1)
