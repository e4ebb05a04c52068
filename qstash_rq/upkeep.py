"""What the timers call: promote, recover, drain, expire; each is safe to run anywhere, at any time."""

import logging
import time
from collections.abc import Callable

from qstash_rq.core import Core
from qstash_rq.events import Event, log_event
from qstash_rq.quarantine import quarantine
from qstash_rq.store import keys
from qstash_rq.store.flows import forget_expired_flows
from qstash_rq.store.queues import read_closing_lanes
from qstash_rq.store.script import Call
from qstash_rq.store.upkeep_scripts import Moved, beat, drain, expire, promote, recover
from qstash_rq.store.users import read_user_ids

_log = logging.getLogger("qstash_rq.upkeep")

SCHEDULED_JOBS_KEY = keys.DUE()
SCHEDULER_PREFIX = keys.SCHEDULER()
SCHEDULER_TTL_S = 20
BEAT_KEPT_S = 86_400

# Bounds one script call to a few milliseconds, so that claims and publishes get their turn.
PROMOTE_STEP = 200
RECOVER_STEP = 500
DRAIN_STEP = 200
EXPIRE_STEP = 500
# Between two steps of a flood Redis is left alone for as long as the step took: at least half of its time is
# for claims. A Redis that does not answer is not waited for twice.
LONGEST_BREATH_S = 0.1


def promote_due(core: Core) -> int | None:
    """Move every due message to its place in line; returns when the next one is due, in ms."""
    return _until_done(core, lambda now_ms: promote(now_ms=now_ms, most=PROMOTE_STEP), PROMOTE_STEP)


def list_due(
    core: Core, until_ms: int | None, *, offset: int = 0, count: int | None = None
) -> list[tuple[str, int]]:
    """Return (message id, due ms) of the messages due until `until_ms` (None: all), the first due first."""
    high = "+inf" if until_ms is None else until_ms
    most = -1 if count is None else count
    rows: list[bytes] = core.store.command(
        "ZRANGEBYSCORE", keys.DUE(), "-inf", high, "WITHSCORES", "LIMIT", offset, most
    )
    return [(word.decode(), int(float(score))) for word, score in zip(rows[::2], rows[1::2], strict=True)]


def recover_lost(core: Core) -> int | None:
    """Take messages back from silent workers, and say so; returns when the next lease ends, in ms.

    What has killed its workers too often is quarantined.
    """
    keep_ms, max_deaths = core.settings.record_retention_ms, core.settings.max_deaths
    return _until_done(
        core,
        lambda now_ms: recover(now_ms=now_ms, keep_ms=keep_ms, most=RECOVER_STEP, max_deaths=max_deaths),
        RECOVER_STEP,
        Event.LEASE_RECOVERED,
    )


def drain_lane(core: Core, lane_name: str) -> None:
    """Cancel what is left of a closed queue."""
    left = 1
    while left:
        left = core.store.run(
            drain(
                lane_name=lane_name,
                now_ms=core.clock.now_ms(),
                keep_ms=core.settings.record_retention_ms,
                most=DRAIN_STEP,
            )
        )


def drain_closed(core: Core) -> None:
    """Finish the deletion of queues that a crash cut short."""
    for lane_name in read_closing_lanes(core.store):
        drain_lane(core, lane_name)


def expire_old(core: Core) -> int:
    """Trim logs and dead letters by age and length, forget expired keys; returns how many entries went."""
    settings = core.settings
    removed = 0
    for user_id in read_user_ids(core.store):
        forget_expired_flows(core.store, user_id, EXPIRE_STEP)
        step = EXPIRE_STEP
        while step >= EXPIRE_STEP:
            step = core.store.run(
                expire(
                    user_id=user_id,
                    now_ms=core.clock.now_ms(),
                    log_retention_ms=settings.log_retention_ms,
                    log_max_entries=settings.log_max_entries,
                    dlq_retention_ms=settings.dlq_retention_ms,
                    grace_ms=settings.grace_ms,
                    most=EXPIRE_STEP,
                )
            )
            removed += step
    return removed


def beat_scheduler(core: Core, name: str) -> None:
    """Say that this scheduler lives; its record expires twenty seconds after the last beat."""
    now_ms = core.clock.now_ms()
    core.store.run(beat(name=name, now_ms=now_ms, ttl_s=SCHEDULER_TTL_S, kept_s=BEAT_KEPT_S))


def forget_scheduler(core: Core, name: str) -> None:
    """Take back a scheduler's record."""
    core.store.command("DEL", keys.SCHEDULER(name))


def _until_done(
    core: Core, step: Callable[[int], Call[Moved]], full: int, event: Event | None = None
) -> int | None:
    # A full step means there may be more; the clock is read again because time goes on.
    while True:
        began_s = time.perf_counter()
        moved = core.store.run(step(core.clock.now_ms()))
        if moved.count and event is not None:
            log_event(_log, logging.WARNING, event, messages=moved.count)
        quarantine(core, moved.condemned)
        if moved.count < full:
            return moved.next_ms
        time.sleep(min(time.perf_counter() - began_s, LONGEST_BREATH_S))
