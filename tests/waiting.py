"""Waiting for something that another thread or process does, instead of sleeping."""

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

import pytest

_POLL_S = 0.005

T = TypeVar("T")


def wait_until(predicate: Callable[[], T], sentence: str, timeout_s: float = 10) -> T:
    """Return the first true value of `predicate`; fail the test with `sentence` when none comes."""
    pause = Event()
    end_s = time.monotonic() + timeout_s
    while not (value := predicate()):
        if time.monotonic() > end_s:
            pytest.fail(f"waited {timeout_s} s in vain until {sentence}")
        pause.wait(_POLL_S)
    return value
