"""Everything in any order, against a model in plain Python; every index is audited after every step.

A short run; `make chaos` has the long one (`tests/chaos/test_ten_thousand_steps.py`).
"""

import pytest

from qstash_rq.core import Core
from tests.store.machines import drive
from tests.store.store_machine import DisturbedMachine, StoreMachine
from tests.store.verb_machine import VerbMachine


@pytest.mark.timeout(600)  # finding the shortest failure takes its time
def test_any_order_of_steps_keeps_the_store_exact(core: Core) -> None:
    """No message is lost or doubled, queues keep order and parallelism, and nothing is left over."""
    drive(StoreMachine, core, examples=50, steps=40)


@pytest.mark.timeout(600)
def test_stock_workers_do_no_harm(core: Core) -> None:
    """Whatever is popped and pushed past the scripts, nothing is lost, doubled or overtaken."""
    drive(DisturbedMachine, core, examples=50, steps=40)


@pytest.mark.timeout(600)
def test_all_verbs_in_any_order_keep_the_store_exact(core: Core) -> None:
    """No limit is exceeded, queues keep order until callbacks end, nothing is stuck and nothing left over."""
    drive(VerbMachine, core, examples=40, steps=30)
