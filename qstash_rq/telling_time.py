"""Say times to a person: as a moment in UTC, and from now. Pure."""

from datetime import UTC, datetime

_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))


def moment(at_ms: int) -> str:
    """Return a moment to the second: `2023-11-14 22:13:20 UTC`."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def span(ms: int) -> str:
    """Return a length of time in its largest unit, rounded down: `90 s` is `1 min`."""
    for unit_ms, word in _UNITS:
        if ms >= unit_ms:
            return f"{ms // unit_ms} {word}"
    return f"{max(ms, 0)} ms"


def future(at_ms: int, now_ms: int) -> str:
    """Return a moment and how far away it is: `at ... (in 12 s)`."""
    return f"at {moment(at_ms)} (in {span(at_ms - now_ms)})"


def past(at_ms: int, now_ms: int) -> str:
    """Return a moment and how long ago it was: `... (12 s ago)`."""
    return f"{moment(at_ms)} ({span(now_ms - at_ms)} ago)"
