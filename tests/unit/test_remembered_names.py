"""Names that were looked up a moment ago."""

import pytest

from qstash_rq.remembered_names import NameNotRemembered, RememberedNames
from tests.clock import FakeClock


class Dns:
    """Answers one address and counts how often it is asked; raises once it is `broken`."""

    def __init__(self) -> None:
        self.asked = 0
        self.broken = False

    def __call__(self, _host: str) -> tuple[str, ...]:
        """Answer."""
        self.asked += 1
        if self.broken:
            msg = "no such name"
            raise OSError(msg)
        return ("192.0.2.1",)


def test_asks_once_in_ten_seconds(clock: FakeClock) -> None:
    """A name is looked up again when ten seconds have passed, or when the clock was set back as far."""
    dns = Dns()
    names = RememberedNames(dns, clock)

    for step_ms in (0, 9_999, 1, -10_000):
        clock.advance(step_ms)
        assert names.look_up("a.io") == names.recall("a.io") == ("192.0.2.1",)
    assert dns.asked == 3


def test_never_looks_up_what_it_is_to_recall(clock: FakeClock) -> None:
    """Whoever cannot wait is told so."""
    dns = Dns()

    with pytest.raises(NameNotRemembered):
        RememberedNames(dns, clock).recall("a.io")
    assert dns.asked == 0


def test_remembers_no_failure(clock: FakeClock) -> None:
    """A name that could not be looked up is looked up again the next time."""
    dns = Dns()
    dns.broken = True
    names = RememberedNames(dns, clock)
    with pytest.raises(OSError, match="no such name"):
        names.look_up("a.io")
    dns.broken = False

    assert names.look_up("a.io") == ("192.0.2.1",)


def test_remembers_a_bounded_number_of_names(clock: FakeClock) -> None:
    """Publishes to ever new names do not fill the memory."""
    names = RememberedNames(Dns(), clock)
    for number in range(10_001):
        names.look_up(f"{number}.io")

    assert names.recall("10000.io")
    with pytest.raises(NameNotRemembered):
        names.recall("0.io")
