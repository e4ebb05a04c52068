"""A scenario: what is in Redis, what one process does with it, and what may come of it when it is killed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from qstash_rq.core import Core
from tests.crash.stage import Stage

Known = dict[str, str]
Act = Callable[[Stage], None]


def nothing(_core: Core, _url: str) -> Known:
    """Leave the store as it is."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One verb, or one process at its work.

    `prepare` is given the core and the URL of the endpoints, and says what the act has to know. `made`:
    the numbers of new messages that there may be once the process is dead, None for those of its
    callbacks. `again`: who got no answer sends it again, and then there must be the greatest of them.
    """

    name: str
    act: Act
    prepare: Callable[[Core, str], Known] = nothing
    made: tuple[int, ...] | None = (0,)
    again: bool = False
    cancels: bool = False  # messages may end as cancelled, or be deleted with their queue
    knows_no_scripts: bool = False
    deletes: bool = False  # somebody else deleted records: indexes hold more until they are swept
    tampers: bool = False  # somebody else wrote into the lines, as stock workers do
    real: bool = False  # the process tells the time by the system's clock, and sends over the network
    leaves: tuple[str, ...] = ()  # keys of RQ's own that it keeps for its next worker to clean up
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
