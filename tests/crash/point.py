"""A crash point: one call to Redis in a scenario, and the side of it on which the process dies."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    """Before or after the `nth` call of a kind; kinds are counted apart, for threads may change places."""

    call: str
    nth: int
    after: bool

    def __str__(self) -> str:
        """Say where it is."""
        return f"{'after' if self.after else 'before'} {self.call} {self.nth}"


def points_of(calls: list[tuple[str, int]]) -> list[Point]:
    """Return both sides of each call, in the order of the calls."""
    return [Point(call, nth, after) for call, nth in calls for after in (False, True)]
