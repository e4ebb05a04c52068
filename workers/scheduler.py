"""The scheduler as an rq-scheduler: `python -m workers.scheduler`.

Its jobs are the due messages in rq-scheduler's own set, scored in milliseconds. It
promotes them, takes messages back from silent workers and trims what is old, and
sleeps until the next of these is due or the alarm rings. Any number may run: every
step is a script that does its work once, so there is no lock.
"""

import logging
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast
from uuid import uuid4

from rq.job import Job
from rq.serializers import JSONSerializer
from rq_scheduler import Scheduler
from rq_scheduler.utils import (
    rationalize_until,  # pyright: ignore[reportUnknownVariableType] - rq-scheduler has no types
)

from qstash_rq.clock import SystemClock
from qstash_rq.core import Core, open_core
from qstash_rq.errors import SettingsError, StoreDefect, StoreUnavailable
from qstash_rq.events import Event, log_event
from qstash_rq.settings import Settings
from qstash_rq.shared_clock import SharedClock, correct_clock
from qstash_rq.starting import refuse_unfit_server
from qstash_rq.sweeping import Sweeper
from qstash_rq.ticking import tick_due
from qstash_rq.upkeep import (
    SCHEDULED_JOBS_KEY,
    SCHEDULER_PREFIX,
    beat_scheduler,
    drain_closed,
    expire_old,
    forget_scheduler,
    list_due,
    promote_due,
    recover_lost,
)
from qstash_rq.waiting import wait_for_alarm
from workers.patience import Patience
from workers.steps import Steps
from workers.stop_signal import StopSignal

# The longest sleep, and never longer than half a lease: a lease rings no alarm when it begins, so a
# scheduler must look in between to know when it ends.
LONGEST_SLEEP_MS = 3_000
# Redis looks at the time-outs of waiting clients ten times a second, so the end of a sleep is not
# left to it: what was due arrived 48 ms late at the median with it, and 5 ms without.
REDIS_TIMEOUT_MS = 100
# Of that end, the longest without hearing the alarm, and the shortest: a due message a millisecond
# must not be a step each.
LONGEST_NAP_MS = 20
SHORTEST_NAP_MS = 5
RECOVER_TOGETHER_MS = 100
HEARTBEAT_MS = 5_000
TIDY_MS = 30_000

_log = logging.getLogger("qstash_rq.workers")


class DeliveryScheduler(Scheduler):
    """Promote due messages; recover, drain and expire beside it."""

    redis_scheduler_namespace_prefix = SCHEDULER_PREFIX
    scheduled_jobs_key = SCHEDULED_JOBS_KEY

    def __init__(self, core: Core, name: str | None = None) -> None:
        super().__init__(  # pyright: ignore[reportUnknownMemberType] - rq-scheduler has no types
            connection=core.store.client, interval=HEARTBEAT_MS // 1000, name=name
        )
        self._core = core
        self.name: str = name or uuid4().hex
        self._sweeper = Sweeper(core)
        self._steps = Steps(core)
        self._stop = StopSignal()
        self._beat_at_ms = 0
        self._tidy_at_ms = 0

    def run(self, burst: bool = False) -> None:  # noqa: FBT001, FBT002 - rq-scheduler's signature
        """Do what is due until told to stop by SIGTERM or SIGINT; `burst` does it once."""
        self._stop.install()
        log_event(_log, logging.INFO, Event.SCHEDULER_STARTED, name=self.name)
        patience = Patience("scheduler")
        while not self._stop.received:
            try:
                wake_ms = self.tick()
                if burst:
                    break
                self._stop.interrupt(partial(self.sleep_until, wake_ms))
                # Not before the sleep: a server with a full disk lets an idle tick pass, and refuses to wait.
                patience.succeeded()
            except (StoreUnavailable, StoreDefect) as error:
                self._stop.interrupt(partial(time.sleep, patience.next_wait_s(error)))
        self._forget()

    def tick(self) -> int | None:
        """Do everything that is due now; returns when the next thing is, in ms, or None."""
        now_ms = self._core.clock.now_ms()
        if now_ms >= self._beat_at_ms:
            self._beat_at_ms = now_ms + HEARTBEAT_MS
            self._steps.run("beat", self._beat)
            self._steps.run("drain", drain_closed)
        if now_ms >= self._tidy_at_ms:
            self._tidy_at_ms = now_ms + TIDY_MS
            self._steps.run("expire", expire_old)
            self._steps.run("sweep", self._sweep)
        tick_ms, due_ms = self._steps.run("tick", tick_due), self._steps.run("promote", promote_due)
        lease_end_ms = self._steps.run("recover", recover_lost)
        if lease_end_ms is not None:
            # Leases of one worker end a millisecond apart: taken together they are a few steps, not hundreds.
            lease_end_ms += RECOVER_TOGETHER_MS
        return min((at_ms for at_ms in (tick_ms, due_ms, lease_end_ms) if at_ms is not None), default=None)

    def enqueue_jobs(self) -> Any:  # noqa: ANN401 - rq-scheduler answers with the jobs it moved
        """Promote every due message; returns when the next one is due, in ms, or None."""
        return promote_due(self._core)

    def get_jobs(  # pyright: ignore[reportIncompatibleMethodOverride] - theirs is an untyped generator
        self,
        until: Any = None,  # noqa: ANN401 - rq-scheduler takes many kinds of time
        with_times: bool = False,  # noqa: FBT001, FBT002 - rq-scheduler's signature
        offset: int | None = None,
        length: int | None = None,
    ) -> Iterator[Any]:
        """Yield the jobs due until `until`, as rq-scheduler does; our scores are milliseconds."""
        seconds = cast("int | str", rationalize_until(until))
        until_ms = None if isinstance(seconds, str) else int(seconds) * 1000
        fetch = cast("Any", Job).fetch
        for message_id, due_ms in list_due(self._core, until_ms, offset=offset or 0, count=length):
            job = fetch(message_id, connection=self._core.store.client, serializer=JSONSerializer)
            due_at = datetime.fromtimestamp(due_ms / 1000, UTC).replace(tzinfo=None)
            yield (job, due_at) if with_times else job

    def sleep_until(self, wake_ms: int | None) -> None:
        """Sleep until `wake_ms` or the alarm; may return earlier, so ask again what is due."""
        longest_ms = left_ms = min(LONGEST_SLEEP_MS, self._core.settings.lease_ms // 2)
        if wake_ms is not None:
            left_ms = min(wake_ms - self._core.clock.now_ms(), longest_ms)
        if left_ms > REDIS_TIMEOUT_MS:
            wait_for_alarm(self._core, left_ms - REDIS_TIMEOUT_MS)
        else:
            time.sleep(max(SHORTEST_NAP_MS, min(left_ms, LONGEST_NAP_MS)) / 1000)

    def _beat(self, core: Core) -> None:
        correct_clock(core)
        beat_scheduler(core, self.name)

    def _sweep(self, _core: Core) -> None:
        put_back = self._sweeper.sweep()
        if put_back:
            log_event(_log, logging.WARNING, Event.MESSAGES_SWEPT, messages=put_back)

    def _forget(self) -> None:
        try:
            forget_scheduler(self._core, self.name)
        except (StoreUnavailable, StoreDefect) as error:
            _log.warning("scheduler %s leaves its record to expire: %s", self.name, error)


def main() -> None:
    """Run a scheduler with the settings of the environment."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    core = open_core(Settings.from_env(), SharedClock(SystemClock()))
    refuse_unfit_server(core)
    DeliveryScheduler(core).run()


if __name__ == "__main__":
    try:
        main()
    except SettingsError as error:
        sys.exit(f"qstash-rq: {error}")
