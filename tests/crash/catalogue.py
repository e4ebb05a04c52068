"""All scenarios, by name."""

from tests.crash import accepting, changing, delivering, keeping, reading

_ALL = tuple(
    scenario
    for module in (accepting, changing, delivering, keeping, reading)
    for scenario in module.SCENARIOS
)
SCENARIOS = {scenario.name: scenario for scenario in _ALL}
assert len(SCENARIOS) == len(_ALL), "two scenarios of one name"
