"""Read from the log how deliveries go while they do: counts, and the times of entries."""

from dataclasses import dataclass
from typing import Any

from benchmarks.deployment import Deployment
from benchmarks.processes import wait_until
from benchmarks.row import CannotMeasure
from qstash_rq.store import keys


@dataclass(frozen=True, slots=True, kw_only=True)
class LogMark:
    """How far the log had come; `last_entry` is an entry's id."""

    entries: int
    last_entry: str


def mark(running: Deployment) -> LogMark:
    """Return how far the log has come; it must have an entry."""
    return LogMark(entries=entries(running), last_entry=_entry_id(running, "XREVRANGE", "+", "-"))


def entries(running: Deployment) -> int:
    """Return how many entries the log has."""
    return running.core.store.command("XLEN", keys.LOG(running.user_id))


def last_entry_ms(running: Deployment) -> int:
    """Return the time of the newest entry."""
    return _milliseconds(mark(running).last_entry)


def last_created_ms(running: Deployment) -> int:
    """Return the time of the newest CREATED entry; reads the whole log."""
    rows: list[Any] = running.core.store.command("XREVRANGE", keys.LOG(running.user_id), "+", "-")
    return next(_milliseconds(entry_id.decode()) for entry_id, fields in rows if fields[b"s"] == b"CREATED")


def wait_for_entries(running: Deployment, count: int, patience_s: float) -> None:
    """Return when the log has `count` entries; raises CannotMeasure when that takes too long."""
    wait_until(lambda: entries(running) >= count, f"the log has {count} entries", patience_s)


def delivered_per_s_since(running: Deployment, before: LogMark, at_least: int) -> float:
    """Return the rate from the first ACTIVE entry after `before` to the last DELIVERED one.

    To be called when nothing is in flight. Raises CannotMeasure when fewer than `at_least` were
    delivered, or one not at its first attempt.
    """
    now = mark(running)
    delivered, rest = divmod(now.entries - before.entries, 2)
    if rest or delivered < at_least:
        msg = f"the log has {now.entries - before.entries} new entries for {at_least} messages or more"
        raise CannotMeasure(msg)
    first_ms = _milliseconds(_entry_id(running, "XRANGE", f"({before.last_entry}", "+"))
    return delivered * 1_000 / max(1, _milliseconds(now.last_entry) - first_ms)


def _entry_id(running: Deployment, command: str, start: str, end: str) -> str:
    key = keys.LOG(running.user_id)
    rows: list[Any] = running.core.store.command(command, key, start, end, "COUNT", 1)
    return rows[0][0].decode()


def _milliseconds(entry_id: str) -> int:
    return int(entry_id.partition("-")[0])
