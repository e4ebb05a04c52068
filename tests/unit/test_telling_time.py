"""Times as a person reads them."""

import pytest

from qstash_rq.telling_time import future, moment, past, span
from tests.factories import NOW_MS


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (-5, "0 ms"),
        (0, "0 ms"),
        (999, "999 ms"),
        (1_000, "1 s"),
        (59_999, "59 s"),
        (60_000, "1 min"),
        (3_599_999, "59 min"),
        (3_600_000, "1 h"),
        (86_400_000 * 9, "9 d"),
    ],
)
def test_a_span_is_told_in_its_largest_unit(ms: int, text: str) -> None:
    """Whole units, rounded down; what is negative is nothing."""
    assert span(ms) == text


def test_moments_are_in_utc() -> None:
    """To the second, with how far away they are."""
    assert moment(NOW_MS) == "2023-11-14 22:13:20 UTC"
    assert future(NOW_MS + 2_000, NOW_MS) == "at 2023-11-14 22:13:22 UTC (in 2 s)"
    assert past(NOW_MS, NOW_MS + 60_000) == "2023-11-14 22:13:20 UTC (1 min ago)"
