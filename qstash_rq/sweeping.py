"""Undo what stock RQ workers do when they die, and what who deletes jobs by RQ's commands leaves behind.

Ids that were popped stand in no line any more; messages that were deleted hold slots and
use keys. Our own workers pop and lease in one step and leave nothing to sweep. Each sweep
looks at a bounded number of messages and the next one goes on from there.
"""

import logging

from qstash_rq.core import Core
from qstash_rq.events import Event, log_event
from qstash_rq.lanes import Lane
from qstash_rq.store import keys
from qstash_rq.store.flows import read_any_flow_keys
from qstash_rq.store.queues import read_queue_names
from qstash_rq.store.upkeep_scripts import Swept, sweep, sweep_flow, sweep_queue
from qstash_rq.store.users import read_user_ids

_log = logging.getLogger("qstash_rq.sweeping")

SWEEP_STEP = 500
# A stock worker that lives has put the message back, or delivered it, long before.
SWEEP_AFTER_MS = 30_000


class Sweeper:
    """Sweeps one user after the other; remembers how far it came with each."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._offsets: dict[str, int] = {}

    def sweep(self) -> int:
        """Sweep a step of every user's messages and keys, and all queues; returns how many were put back."""
        return sum(self._sweep_user(user_id) for user_id in read_user_ids(self._core.store))

    def _sweep_user(self, user_id: str) -> int:
        store = self._core.store
        offset = self._offsets.get(user_id, 0)
        before_ms = self._core.clock.now_ms() - SWEEP_AFTER_MS
        swept = store.run(sweep(user_id=user_id, before_ms=before_ms, offset=offset, most=SWEEP_STEP))
        self._offsets[user_id] = offset + swept.looked if swept.looked == SWEEP_STEP else 0
        lanes = [Lane(user_id, name).name for name in read_queue_names(store, user_id)]
        flow_keys = read_any_flow_keys(store, user_id, SWEEP_STEP)
        store.run_all([sweep_flow(lane=Lane(user_id, flow_key=key), most=SWEEP_STEP) for key in flow_keys])
        calls = [sweep_queue(lane_name=lane, most=SWEEP_STEP, gone=swept.gone) for lane in lanes]
        put_back = swept.put_back + sum(store.run_all(calls))
        # Last: who dies before this leaves them to the sweep that comes next.
        self._forget(user_id, swept)
        return put_back

    def _forget(self, user_id: str, swept: Swept) -> None:
        for message_id in swept.ruined:
            log_event(_log, logging.ERROR, Event.STORE_DEFECT, who="sweep", ruined=message_id)
        if swept.gone:
            names = (keys.DUE(), keys.LIVE(user_id))
            self._core.store.commands([("ZREM", name, *swept.gone) for name in names])
