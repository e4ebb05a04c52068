"""What the server saw of large calls: the sizes of those above a limit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from qstash_rq.core import Core

_LIMIT = "commandlog-request-larger-than"


@contextmanager
def large_calls(core: Core, above_bytes: int) -> Iterator[Callable[[], list[int]]]:
    """Give the sizes of all calls of Redis above a limit that are made in this block, so far."""
    before = core.store.command("CONFIG GET", _LIMIT)[_LIMIT]
    core.store.command("CONFIG SET", _LIMIT, above_bytes)
    core.store.command("COMMANDLOG", "RESET", "large-request")
    yield lambda: [entry[2] for entry in core.store.command("COMMANDLOG", "GET", -1, "large-request")]
    core.store.command("CONFIG SET", _LIMIT, before)
