"""One seed for a whole chaos run, two lines of tests beside one another, and their report at the end."""

import os
import random
import sys
from collections.abc import Callable

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

_SEED = "CHAOS_SEED"
_REPORTED = "chaos report"
# What waits most of its time; all other tests keep the machine busy, and run one after the other.
_WAITING = ("test_failover.py", "test_redis_gone_for_a_minute.py", "test_schedules_under_fire.py")


class TwoLines(LoadScopeScheduling):
    """One worker runs what waits, the other one what keeps the machine busy."""

    def _split_scope(self, nodeid: str) -> str:
        return "waiting" if nodeid.partition("::")[0].endswith(_WAITING) else "busy"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    """Deal the tests of a chaos run to two workers; xdist's own groups are lost on pytest 9.2."""
    return TwoLines(config, log) if config.option.markexpr == "chaos" else None


def pytest_configure() -> None:
    """Choose the seed where nobody has; processes that are started from here on have the same one."""
    os.environ.setdefault(_SEED, str(random.SystemRandom().randrange(1, 1_000_000)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what each test has reported."""
    texts = [
        f"{report.location[2]}: {text}"
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, text in report.user_properties
        if name == _REPORTED
    ]
    if texts:
        terminalreporter.section(f"chaos, {_SEED}={os.environ[_SEED]}")
        terminalreporter.write_line("\n\n".join(texts))


@pytest.fixture
def report(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Give a function that keeps a text for the end of the run; a test that fails shows it as well."""

    def keep(text: str) -> None:
        record_property(_REPORTED, text)
        sys.stdout.write(f"{text}\n")

    return keep


@pytest.fixture
def chaos_seed(report: Callable[[str], None]) -> int:
    """Give the seed of the run, and report it."""
    seed = os.environ[_SEED]
    report(f"{_SEED}={seed}")
    return int(seed)
