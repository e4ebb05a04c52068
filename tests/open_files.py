"""Take a running process's last file descriptors away, and give them back."""

import resource
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path


def family(pid: int) -> list[int]:
    """Return a process and all that it has started, itself first."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(one for child in children for one in family(int(child)))]


@contextmanager
def no_files(pids: Sequence[int]) -> Generator[None]:
    """In this block these processes can open nothing, not even in the place of what they close."""
    limits = {pid: resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in pids}
    for pid, (_, hard) in limits.items():
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        for pid, limit in limits.items():
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limit)


@contextmanager
def no_more_files(pids: Sequence[int]) -> Generator[None]:
    """In this block these processes can open nothing more than they have open, as at their limit."""
    limits = {pid: resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in pids}
    for pid, (_, hard) in limits.items():
        # A new descriptor takes the lowest free number, which has to be below the limit.
        entries = list(Path(f"/proc/{pid}/fd").iterdir())
        # For this process itself: the look at the directory took one, and has given it back.
        taken = {int(entry.name) for entry in entries if entry.is_symlink()}
        free = next(number for number in range(len(taken) + 1) if number not in taken)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        for pid, limit in limits.items():
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limit)
