"""Build a backlog that is far larger than what is delivered, and take the throughput on a part of it."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from benchmarks.deployment import Deployment
from benchmarks.log import delivered_per_s_since, mark, wait_for_entries
from benchmarks.processes import wait_until

_PATIENCE_S = 60.0
_REWRITE_PATIENCE_S = 120.0
# One process fills with 11,000 messages/s and leaves most of a core to spare.
_FILLERS = 3


def fill_in_pieces(store_piece: Callable[[int], object], pieces: int) -> None:
    """Store the pieces by number, in several processes side by side."""
    with ProcessPoolExecutor(_FILLERS, mp_context=get_context("spawn")) as fillers:
        for _ in fillers.map(store_piece, range(pieces)):
            pass


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
