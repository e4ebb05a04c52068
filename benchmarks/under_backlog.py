"""Build a backlog that is far larger than what is delivered, and take the throughput on a part of it."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from benchmarks.deployment import Deployment
from benchmarks.log import delivered_per_s_since, mark, wait_for_entries
from benchmarks.processes import wait_until

_PATIENCE_S = 60.0
_REWRITE_PATIENCE_S = 120.0
# One writes a call while Redis carries out the other's.
_FILLERS = 2


def fill_in_pieces(store_piece: Callable[[int], object], pieces: int, longest_s: float) -> int:
    """Store the pieces by number, side by side; returns how many were stored when the time was up."""
    until_s = time.monotonic() + longest_s
    numbers = count()

    def fill() -> int:
        stored = 0
        while time.monotonic() < until_s and (number := next(numbers)) < pieces:
            store_piece(number)
            stored += 1
        return stored

    with ThreadPoolExecutor(_FILLERS) as fillers:
        filled = [fillers.submit(fill) for _ in range(_FILLERS)]
    return sum(share.result() for share in filled)


def throughput_of_some(running: Deployment, messages: int) -> float:
    """Return messages per second of one worker that is stopped when it has delivered about so many."""
    _wait_for_rewrite(running)
    before = mark(running)
    with running.worker():
        # Two entries for each, ACTIVE and DELIVERED.
        wait_for_entries(running, before.entries + 2 * messages, _PATIENCE_S)
    return delivered_per_s_since(running, before, messages)


def _wait_for_rewrite(running: Deployment) -> None:
    # Filling makes the server rewrite its append-only file, in a process that takes a core meanwhile.
    def is_quiet() -> bool:
        persistence = running.core.store.command("INFO", "persistence")
        return not (persistence["aof_rewrite_in_progress"] or persistence["aof_rewrite_scheduled"])

    wait_until(is_quiet, "the append-only file is rewritten", _REWRITE_PATIENCE_S)
