"""Take the throughput on a part of a backlog while the rest of it, far larger, waits."""

from benchmarks.deployment import Deployment
from benchmarks.log import delivered_per_s_since, mark, wait_for_entries
from benchmarks.processes import wait_until

_PATIENCE_S = 60.0
_REWRITE_PATIENCE_S = 120.0


def throughput_of_some(running: Deployment, count: int) -> float:
    """Return messages per second of one worker that is stopped when it has delivered about `count`."""
    _wait_for_rewrite(running)
    before = mark(running)
    with running.worker():
        # Two entries for each, ACTIVE and DELIVERED.
        wait_for_entries(running, before.entries + 2 * count, _PATIENCE_S)
    return delivered_per_s_since(running, before, count)


def _wait_for_rewrite(running: Deployment) -> None:
    # Filling makes the server rewrite its append-only file, in a process that takes a core meanwhile.
    def is_quiet() -> bool:
        persistence = running.core.store.command("INFO", "persistence")
        return not (persistence["aof_rewrite_in_progress"] or persistence["aof_rewrite_scheduled"])

    wait_until(is_quiet, "the append-only file is rewritten", _REWRITE_PATIENCE_S)
