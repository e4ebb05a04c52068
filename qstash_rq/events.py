"""The closed list of operator log lines: `event key=value ...`, one line an event.

Secrets never appear; a token or key is logged as configured or not.
"""

import logging
from enum import StrEnum


class Event(StrEnum):
    """What a log line tells."""

    DELIVERY_ATTEMPTED = "delivery.attempted"  # one try, with its verdict
    DELIVERY_SUPERSEDED = "delivery.superseded"  # a late worker's outcome was refused
    LEASE_LOST = "lease.lost"  # the lease of a running delivery went to another worker
    LEASE_RECOVERED = "lease.recovered"  # messages of silent workers stand in line again
    MESSAGE_QUARANTINED = "message.quarantined"  # a message that killed its workers is a dead letter
    MESSAGES_SWEPT = "messages.swept"  # what a stock RQ worker lost stands in line again
    STORE_UNAVAILABLE = "store.unavailable"  # Redis cannot be reached; the process waits
    STORE_DEFECT = "store.defect"  # a command of ours was wrong, or data cannot be read
    STORE_BACK = "store.back"  # Redis answers again
    CLOCK_CORRECTED = "clock.corrected"  # this machine's clock and Redis' differ: Redis' counts
    SCHEDULER_STARTED = "scheduler.started"  # from now on a signal stops it cleanly
    WORKER_SUSPENDED = "worker.suspended"  # `rq suspend` is on
    WORKER_STOPPING = "worker.stopping"  # no new deliveries; those in flight finish


def log_event(logger: logging.Logger, level: int, event: Event, **fields: object) -> None:
    """Write one line; values with blanks are quoted."""
    if logger.isEnabledFor(level):
        words = " ".join(f"{name}={_word(value)}" for name, value in fields.items() if value is not None)
        logger.log(level, "%s %s", event.value, words)


def _word(value: object) -> str:
    text = str(value)
    return repr(text) if not text or any(letter.isspace() for letter in text) else text
