"""The function every message's RQ job names, so that a stock `rq worker` does no harm.

RQ popped the id and believes it runs a job. The message goes back to the front of its
line, and then this process delivers what that lane's gate allows next, through the same
claim and settle as everyone: nothing is lost, doubled or overtaken.
"""

import asyncio
import time
from dataclasses import replace
from uuid import uuid4

from rq import get_current_job

from qstash_rq.claim import put_back_message
from qstash_rq.core import Core, open_core
from qstash_rq.settings import Settings
from qstash_rq.starting import redis_url_of
from qstash_rq.waiting import open_async_store
from workers.deliverer import Deliverers
from workers.delivery_loop import DeliveryLoop, LoopOptions

# A stock worker that finds a gate shut would pop the same id again at once.
SHUT_GATE_S = 1.0


def deliver(message_id: str) -> None:
    """Deliver the next message of the lane that `message_id` waits in; called by a stock RQ worker."""
    settings = Settings.from_env()
    job = get_current_job()
    if job is not None:
        settings = replace(settings, redis_url=redis_url_of(job.connection, settings.redis_url))
    core = open_core(settings)
    lane = put_back_message(core, message_id)
    if lane and not asyncio.run(_deliver_one(core, lane)):
        time.sleep(SHUT_GATE_S)


async def _deliver_one(core: Core, lane: str) -> bool:
    store, deliverers = open_async_store(core.settings), Deliverers(core.settings)
    options = LoopOptions(
        worker=f"stock-{uuid4().hex}", concurrency=1, lanes=(lane,), burst=True, max_messages=1
    )
    loop = DeliveryLoop(core, store, deliverers, options)
    try:
        await loop.run()
    finally:
        await deliverers.aclose()
        await store.aclose()
    return loop.claimed > 0
