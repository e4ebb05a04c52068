"""Hold a chaos run to what is promised of messages that are taken for killers of their workers.

Who kills workers at random may cost an innocent message, by docs/adr/0022-poison.md: one that was in flight
in three deaths in a row, the last time on trial; and one message for each death at most.
"""

from collections.abc import Sequence
from itertools import pairwise

from qstash_rq.settings import Settings
from tests.chaos.ledger import Entry, Ledger

MAX_DEATHS = Settings(token="t").max_deaths
# Whose lease ends because Redis or the worker stood still is taken for dead, until it is heard of again.
_DEADLY = ("kill worker", "restart worker", "freeze worker", "kill redis", "freeze redis")


def is_quarantined(entries: Sequence[Entry]) -> bool:
    """Whether a message has ended as a dead letter because of the deaths of its workers."""
    return bool(entries) and entries[-1].state == "FAILED" and entries[-1].error.startswith("quarantined")


def find_quarantined(ledger: Ledger) -> list[str]:
    """Return the ids of all messages that were put away."""
    return [message_id for message_id, entries in ledger.log.items() if is_quarantined(entries)]


def find_wrongly_quarantined(ledger: Ledger) -> list[str]:
    """Only what was in flight in enough deaths in a row was put away, and one message for each death."""
    found = find_quarantined(ledger)
    wrong: list[str] = []
    for message_id in found:
        entries = ledger.log[message_id]
        spans = _unsettled(entries)
        deaths = [span for span in spans if ledger.harmed(*span, *_DEADLY)]
        if len(deaths) < MAX_DEATHS:
            wrong.append(
                f"{message_id} was put away after {len(deaths)} deaths: {[e.state for e in entries]}"
            )
    kills = sum(fault.kind in _DEADLY for fault in ledger.faults)
    if len(found) > kills:
        wrong.append(f"{len(found)} messages were put away after {kills} deaths")
    return wrong


def _unsettled(entries: Sequence[Entry]) -> list[tuple[int, int]]:
    """Return, of the last attempt, each claim's time and that of what came next."""
    spans: list[tuple[int, int]] = []
    for one, other in pairwise(entries):
        if one.state == "ACTIVE":
            spans.append((one.at_ms, other.at_ms))
        elif one.state == "RETRY":
            spans.clear()
    return spans
