"""How loops wait while Redis is away."""

import logging

import pytest

from qstash_rq.errors import StoreDefect
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
    """A minute of failures is three lines, and the end of the outage is one more."""
    seconds = iter(range(61))
    patience = Patience("claim", lambda: next(seconds))

    with caplog.at_level(logging.WARNING, "qstash_rq.workers"):
        for _ in range(60):
            patience.next_wait_s(OSError("gone"))
        patience.succeeded()
        patience.succeeded()

    assert _events(caplog) == ["store.unavailable"] * 3 + ["store.back"]


def test_an_outage_that_comes_and_goes_is_told_in_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    """Half a minute in which every second call fails is two outages in the log."""
    seconds = iter(range(31))
    patience = Patience("claim", lambda: next(seconds))

    with caplog.at_level(logging.WARNING, "qstash_rq.workers"):
        for _ in range(30):
            patience.next_wait_s(OSError("gone"))
            patience.succeeded()

    assert _events(caplog) == ["store.unavailable", "store.back"] * 2


def test_a_defect_is_told_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """What is wrong with a command of ours is no outage: it is an error, and the log says where."""
    patience = Patience("settle")

    with caplog.at_level(logging.WARNING, "qstash_rq.workers"):
        patience.next_wait_s(StoreDefect("wrong"))

    assert _events(caplog) == ["store.defect", "store.defect"]
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert caplog.records[1].exc_info is not None


def _events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage().split()[0] for record in caplog.records]
