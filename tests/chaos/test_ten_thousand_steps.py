"""Ten thousand steps of the state machine with all verbs: new ones each time, the same for one CHAOS_SEED."""

import os
import random
import sys

import pytest

from qstash_rq.core import Core
from tests.store.machines import drive
from tests.store.verb_machine import VerbMachine

STEPS = 10_000
EXAMPLES = 20
STEPS_OF_AN_EXAMPLE = 50


@pytest.mark.chaos
def test_ten_thousand_steps(core: Core, capsys: pytest.CaptureFixture[str]) -> None:
    """Summed over all examples, ten thousand steps in any order keep store and model the same."""
    first = int(os.environ.get("CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
    done, at = 0, first
    while done < STEPS:
        _tell(capsys, f"state machine: CHAOS_SEED={at}, {done} steps so far")
        done += drive(VerbMachine, core, examples=EXAMPLES, steps=STEPS_OF_AN_EXAMPLE, at=at)
        at += 1
    _tell(capsys, f"state machine: {done} steps with the seeds {first} to {at - 1}")


def _tell(capsys: pytest.CaptureFixture[str], line: str) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{line}\n")
        sys.stdout.flush()
