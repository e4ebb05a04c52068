"""A process that is told to stop sleeps no longer, and finishes what it does."""

import os
import signal
import threading
from collections.abc import Iterator
from time import monotonic

import pytest

from qstash_rq.core import Core
from qstash_rq.waiting import wait_for_alarm
from tests.waiting import wait_until
from workers.stop_signal import StopSignal

LONG_MS = 4_000
SOON_S = 2.0


@pytest.fixture
def stop() -> Iterator[StopSignal]:
    """Give a listening one; the handlers of the test run come back after it."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    listening = StopSignal()
    listening.install()
    yield listening
    for number, handler in before.items():
        signal.signal(number, handler)


def _blocked(core: Core) -> int:
    return int(core.store.command("INFO", "clients")["blocked_clients"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_wait_for_the_alarm(stop: StopSignal, core: Core, number: signal.Signals) -> None:
    """A scheduler that waits in Redis hears the signal at once, and Redis serves it afterwards."""

    def send() -> None:
        wait_until(lambda: _blocked(core), "somebody waits in Redis")
        os.kill(os.getpid(), number)

    sender = threading.Thread(target=send)
    sender.start()
    began_s = monotonic()
    stop.interrupt(lambda: wait_for_alarm(core, LONG_MS))

    assert monotonic() - began_s < SOON_S
    assert stop.received
    assert core.store.command("ECHO", "here") == b"here"
    sender.join()


def test_a_signal_does_not_end_work(stop: StopSignal) -> None:
    """Outside a sleep the signal is noted and nothing is torn out."""
    os.kill(os.getpid(), signal.SIGTERM)

    assert stop.received


def test_after_the_signal_nothing_sleeps(stop: StopSignal) -> None:
    """A sleep that would begin after the signal does not."""
    os.kill(os.getpid(), signal.SIGTERM)
    slept: list[bool] = []

    stop.interrupt(lambda: slept.append(True))

    assert slept == []


def test_an_error_of_a_sleep_is_handed_on(stop: StopSignal) -> None:
    """What goes wrong in a sleep is its caller's; a signal after it tears nothing out."""

    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stop.interrupt(fail)

    os.kill(os.getpid(), signal.SIGTERM)
    assert stop.received
