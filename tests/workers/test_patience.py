"""How loops wait while Redis is away."""

import logging

import pytest

from workers.patience import Patience


def test_waits_grow_to_a_limit_and_are_jittered() -> None:
    """Each failure waits between half and the whole of a doubling step, two seconds at most."""
    patience = Patience("claim")

    waits = [patience.next_wait_s(OSError("gone")) for _ in range(12)]

    steps = [min(0.05 * 2**n, 2.0) for n in range(12)]
    assert all(step / 2 <= wait <= step for wait, step in zip(waits, steps, strict=True))
    assert len({round(wait / step, 6) for wait, step in zip(waits, steps, strict=True)}) > 1


def test_a_success_starts_over() -> None:
    """After a success the next failure waits as little as the first."""
    patience = Patience("claim")
    for _ in range(8):
        patience.next_wait_s(OSError("gone"))

    patience.succeeded()

    assert patience.next_wait_s(OSError("gone")) <= 0.05


def test_an_outage_is_told_in_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    """Thirty failures are three lines, and the end of the outage is one more."""
    patience = Patience("claim")

    with caplog.at_level(logging.WARNING, "qstash_rq.workers"):
        for _ in range(30):
            patience.next_wait_s(OSError("gone"))
        patience.succeeded()
        patience.succeeded()

    events = [record.getMessage().split()[0] for record in caplog.records]
    assert events == ["store.unavailable"] * 3 + ["store.back"]
