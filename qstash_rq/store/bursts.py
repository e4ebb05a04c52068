"""Count the calls of a user in one second."""

from qstash_rq.store import keys
from qstash_rq.store.executor import Executor

# A second more than the window: web processes may have slightly different clocks.
_LIFE_S = 2


def add_call(store: Executor, user_id: str, second: int) -> int:
    """Count one call in the Unix second `second` and return how many it has now; one round trip."""
    key = keys.BURST(f"{user_id}:{second}")
    # The key has its lifetime before it counts, so that none stays for ever.
    _, count = store.commands([("SET", key, 0, "EX", _LIFE_S, "NX"), ("INCR", key)])
    return count
