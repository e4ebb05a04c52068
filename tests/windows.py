"""Count requests as an endpoint with a rate limit does: in windows that begin with a request."""

from bisect import bisect_left
from collections.abc import Sequence


def requests_in_windows(times_ms: Sequence[int], period_ms: int) -> list[int]:
    """Return how many came in each window; the first request after one has ended begins the next.

    `times_ms` grows.
    """
    counts: list[int] = []
    at = 0
    while at < len(times_ms):
        after = bisect_left(times_ms, times_ms[at] + period_ms)
        counts.append(after - at)
        at = after
    return counts
