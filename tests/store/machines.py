"""Run a state machine of the store for a number of steps."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from qstash_rq.core import Core
from tests.store.store_machine import StoreMachine

Machine = Callable[[Core], StoreMachine]


def drive(machine: Machine, core: Core, *, examples: int, steps: int, at: int | None = None) -> int:
    """Run `examples` of up to `steps` steps and return how many steps that were.

    The same ones each time without a seed `at`, and for the same one. With a seed a failure is not
    made smaller, which can take longer than all the rest.
    """
    done = 0

    def make() -> Any:
        made = machine(core)
        end = made.teardown

        def count_and_end() -> None:
            nonlocal done
            done += made.steps - 1  # counted before the first one too
            end()

        made.teardown = count_and_end
        return made

    factory: Any = make if at is None else seed(at)(make)
    run_state_machine_as_test(
        factory,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=at is None,
            database=None,
            phases=(Phase.generate,) if at is not None else tuple(Phase),
            suppress_health_check=list(HealthCheck),
        ),
    )
    return done
