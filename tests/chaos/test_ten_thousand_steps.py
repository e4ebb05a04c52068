"""Ten thousand steps of the state machine with all verbs: new ones each time, the same for one CHAOS_SEED."""

import sys
from collections.abc import Callable

import pytest

from qstash_rq.core import Core
from tests.store.machines import drive
from tests.store.verb_machine import VerbMachine

STEPS = 10_000
EXAMPLES = 20
STEPS_OF_AN_EXAMPLE = 50


pytestmark = pytest.mark.chaos


def test_ten_thousand_steps(core: Core, chaos_seed: int, report: Callable[[str], None]) -> None:
    """Summed over all examples, ten thousand steps in any order keep store and model the same."""
    done, at = 0, chaos_seed
    while done < STEPS:
        sys.stdout.write(f"CHAOS_SEED={at}, {done} steps before it\n")
        done += drive(VerbMachine, core, examples=EXAMPLES, steps=STEPS_OF_AN_EXAMPLE, at=at)
        at += 1
    report(f"{done} steps in any order with the seeds {chaos_seed} to {at - 1}")
