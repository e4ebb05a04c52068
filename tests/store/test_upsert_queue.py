"""upsert_queue.lua: a queue is made or its gate changed."""

import pytest

from qstash_rq.core import Core
from qstash_rq.store import keys
from qstash_rq.store.queue_scripts import Upserted
from tests import seed
from tests.clock import FakeClock
from tests.factories import NOW_MS


def _gate(core: Core) -> dict[str, int]:
    fields = core.store.command("HGETALL", keys.LANE(seed.lane("q")))
    return {name.decode(): int(value) for name, value in fields.items()}


@pytest.mark.parametrize(
    ("parallelism", "paused", "gate"),
    [
        (None, None, {"parallelism": 1, "paused": 0}),
        (5, None, {"parallelism": 5, "paused": 0}),
        (None, True, {"parallelism": 1, "paused": 1, "paused_ms": NOW_MS}),
        (3, False, {"parallelism": 3, "paused": 0}),
    ],
)
def test_a_new_queue(core: Core, parallelism: int | None, paused: bool | None, gate: dict[str, int]) -> None:
    """A new queue has parallelism 1 and no pause unless told, and is listed for its user and for RQ."""
    assert seed.upsert(core, "q", parallelism=parallelism, paused=paused) is Upserted.WRITTEN

    assert _gate(core) == gate | {"created_ms": NOW_MS, "updated_ms": NOW_MS}
    assert core.store.command("SMEMBERS", keys.QUEUE_NAMES("defaultUser")) == {b"q"}
    assert core.store.command("SISMEMBER", keys.QUEUES(), keys.QUEUE(seed.lane("q"))) == 1
    assert seed.ring(core) == []


@pytest.mark.parametrize(
    ("parallelism", "paused", "gate"),
    [
        (None, None, {"parallelism": 4, "paused": 1, "paused_ms": NOW_MS}),
        (2, None, {"parallelism": 2, "paused": 1, "paused_ms": NOW_MS}),
        (None, False, {"parallelism": 4, "paused": 0}),
        (9, True, {"parallelism": 9, "paused": 1, "paused_ms": NOW_MS}),
    ],
)
def test_a_queue_that_exists_keeps_what_is_not_said(
    core: Core, clock: FakeClock, parallelism: int | None, paused: bool | None, gate: dict[str, int]
) -> None:
    """What an update leaves out stays, and so does the time of creation."""
    seed.upsert(core, "q", parallelism=4, paused=True)
    clock.advance(7)

    assert seed.upsert(core, "q", parallelism=parallelism, paused=paused) is Upserted.WRITTEN

    assert _gate(core) == gate | {"created_ms": NOW_MS, "updated_ms": NOW_MS + 7}


def test_upsert_refuses_an_unknown_queue_that_must_exist(core: Core) -> None:
    """Pausing what is not there creates nothing."""
    before = seed.contents(core)

    assert seed.upsert(core, "q", paused=True, must_exist=True) is Upserted.GONE

    assert seed.contents(core) == before


def test_upsert_refuses_a_queue_too_many(core: Core) -> None:
    """At the maximum no new queue is made; changing one that exists still works."""
    seed.upsert(core, "q", max_queues=1)
    before = seed.contents(core)

    assert seed.upsert(core, "other", max_queues=1) is Upserted.QUEUES_FULL

    assert seed.contents(core) == before
    assert seed.upsert(core, "q", parallelism=2, max_queues=1) is Upserted.WRITTEN
    assert seed.upsert(core, "q", paused=True, max_queues=1, must_exist=True) is Upserted.WRITTEN


def test_a_gate_that_opens_wakes_its_lane(core: Core) -> None:
    """Resuming goes on with the oldest message; raising the parallelism lets more start at once."""
    ids = seed.seed(core, 4, "q")
    seed.upsert(core, "q", paused=True)
    assert seed.claim(core) == ()

    seed.upsert(core, "q", paused=False)
    assert seed.ids(seed.claim(core)) == ids[:1]
    seed.upsert(core, "q", parallelism=3)
    assert seed.ids(seed.claim(core)) == ids[1:3]


def test_pausing_stops_nothing_that_runs(core: Core) -> None:
    """Attempts in flight finish while their queue is paused."""
    ids = seed.seed(core, 2, "q")
    claims = seed.claim(core)
    seed.upsert(core, "q", paused=True)

    seed.deliver(core, claims)

    assert seed.state(core, ids[0]) == "delivered"
    assert seed.claim(core) == ()
