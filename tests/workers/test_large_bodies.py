"""What a worker holds of large bodies and large answers is bounded, whatever the endpoints do."""

import asyncio
from dataclasses import replace

from qstash_rq.core import Core
from qstash_rq.delivery import Attempt
from qstash_rq.message import Callback
from qstash_rq.store import keys
from qstash_rq.users import FIRST_USER
from tests import seed
from tests.factories import make_message
from tests.large_calls import large_calls
from tests.workers.loops import run_loop, until
from tests.workers.scripted_deliverer import ScriptedDeliverer
from workers.delivery_loop import DeliveryLoop
from workers.prepared import PreparedDelivery
from workers.settler import SETTLE_BYTES

_BODY = bytes(1_000_000)


def test_slow_endpoints_hold_no_more_bytes_than_allowed(core: Core) -> None:
    """With room for three bodies and a bit four are in flight, and the others follow as those end."""
    core = replace(core, settings=replace(core.settings, worker_body_bytes=3_500_000))
    ids = [seed.seed(core, 1, body=_BODY)[0] for _ in range(12)]
    gates: list[asyncio.Event] = []

    def slowly(_: PreparedDelivery) -> asyncio.Event:
        gates.append(asyncio.Event())
        return gates[-1]

    deliverer = ScriptedDeliverer(slowly)

    async def story(loop: DeliveryLoop) -> None:
        for ended in range(12):
            # Of the deliverer: what is claimed is handed to it a turn of the loop later.
            await until(lambda ended=ended: len(gates) == min(12, ended + 4))
            assert deliverer.open <= 4
            gates[ended].set()
        await until(lambda: loop.in_flight == 0)

    run_loop(core, deliverer, story=story)

    assert deliverer.most_open == 4
    assert [dict(one.headers)["Upstash-Message-Id"] for one in deliverer.handed] == ids


def test_large_answers_are_settled_in_calls_of_bounded_size(core: Core) -> None:
    """Forty answers, each kept and told to a callback, are settled in calls that Redis takes at once."""
    callback = Callback(url="https://example.com/told", delay_ms=60_000)
    seed.accept(core, [make_message(callback=callback, max_retries=0) for _ in range(40)])
    deliverer = ScriptedDeliverer(lambda _: Attempt(status=500, body=_BODY))

    with large_calls(core, above_bytes=1_000_000) as sizes:
        run_loop(core, deliverer)
        assert max(sizes()) < SETTLE_BYTES + 4 * len(_BODY)

    assert core.store.command("XLEN", keys.DEAD(FIRST_USER)) == len(deliverer.handed) == 40
