"""A child that ends when its parent does, however the parent ended; Linux only."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def on_parent_death(number: signal.Signals) -> Callable[[], None] | None:
    """Return what a child must run before `exec` so that the kernel sends it `number` when we die."""
    if sys.platform != "linux":
        return None
    # Loaded here, because nothing may be imported or looked up between fork and exec.
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask_the_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:
            os._exit(1)  # the parent died before the kernel knew

    return ask_the_kernel
