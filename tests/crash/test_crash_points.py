"""Wherever a process dies in the course of whatever it does, no promise is broken.

A tenth of the crash points; `make chaos` visits all of them (`tests/chaos/test_every_crash_point.py`).
"""

from collections.abc import Iterator

import pytest

from api.app import create_app
from qstash_rq.core import open_core
from qstash_rq.settings import Settings
from tests.crash.call_sites import call_sites
from tests.crash.plan import Plan, make_plan, strike_all
from tests.crash.seam import SCRIPTS
from tests.crash.sweep import Sweep, open_sweep

# Answers with an error before it comes to a verb.
_WITHOUT_A_VERB = {"publish.enqueue_nowhere"}

# Asks Sentinels and nodes of a Cluster where the primary is, and writes nothing.
_NEEDS_MORE_SERVERS = {"qstash_rq/store/primaries.py"}


@pytest.fixture(scope="module")
def sweep(valkey: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sweep]:
    """Give a sweep with its nursery."""
    with open_sweep(valkey, tmp_path_factory.mktemp("sweep")) as running:
        yield running


@pytest.fixture(scope="module")
def plan(sweep: Sweep) -> Plan:
    """Give the plan of all scenarios; making it plays each of them to its end."""
    return make_plan(sweep)


def test_every_script_can_be_cut_short(plan: Plan) -> None:
    """No script is called by no scenario: a new one needs one."""
    assert set(SCRIPTS) - plan.calls == set()


def test_every_place_that_sends_to_redis_can_be_cut_short(plan: Plan) -> None:
    """No line of the product sends something that no scenario sends."""
    missed = {site.path for site in call_sites() if not site.was_passed(plan.sites)}
    assert missed - _NEEDS_MORE_SERVERS == set()


def test_every_endpoint_can_be_cut_short(plan: Plan) -> None:
    """No endpoint is asked by no scenario."""
    app = create_app(open_core(Settings(token="t")))
    assert app.view_functions.keys() - plan.endpoints - _WITHOUT_A_VERB == set()


def test_a_tenth_of_all_crash_points(sweep: Sweep, plan: Plan) -> None:
    """Of each ten points one is visited: nothing is lost, doubled, overtaken, over a limit or left behind."""
    points = plan.tenth()
    assert {one.point.after for one in points} == {False, True}
    assert abs(len(points) - len(plan.points) / 10) < 2

    visited, wrong = strike_all(sweep, points)
    assert wrong == []
    assert visited == len(points)
