"""claim.lua where others wrote into the lines: an id in a line is a hint, the record decides."""

import pytest

from qstash_rq.core import Core
from qstash_rq.store import keys, message_scripts
from tests import seed
from tests.clock import FakeClock


@pytest.mark.usefixtures("tampered")
@pytest.mark.parametrize("queue", [None, "q"])
def test_duplicates_of_an_id_in_a_line_are_harmless(core: Core, queue: str | None) -> None:
    """However often an id stands in a line, its message is claimed once and the order holds."""
    seed.upsert(core, "q", parallelism=10)
    ids = seed.seed(core, 3, queue)
    key = keys.QUEUE(seed.lane(queue))
    core.store.command("RPUSH", key, ids[0], ids[2], ids[1])
    core.store.command("LPUSH", key, ids[1], ids[0])

    claims = seed.claim(core)

    assert sorted(seed.ids(claims)) == sorted(ids)
    if queue:
        assert seed.ids(claims) == ids
    assert seed.line(core, queue) == []
    assert seed.ring(core) == []


@pytest.mark.usefixtures("tampered")
@pytest.mark.parametrize("queue", [None, "q"])
def test_ids_of_nothing_are_dropped(core: Core, queue: str | None) -> None:
    """Unknown, terminal and waiting ids in a line cost a look and are gone."""
    (done,) = seed.seed(core)
    seed.deliver(core, seed.claim(core))
    (later,) = seed.seed(core, queue=queue, delay_ms=1000)
    (ready,) = seed.seed(core, queue=queue)
    core.store.command("LPUSH", keys.QUEUE(seed.lane(queue)), "msg_unknown", done, later)

    assert seed.ids(seed.claim(core)) == [ready]
    assert seed.claim(core) == ()
    assert seed.line(core, queue) == []
    assert seed.ring(core) == []
    assert seed.state(core, later) == "due"


@pytest.mark.usefixtures("tampered")
def test_a_popped_head_of_a_queue_is_not_overtaken(core: Core) -> None:
    """When a stock RQ worker popped the head of a queue, the next claim hands it out all the same."""
    ids = seed.seed(core, 3, "q")
    assert core.store.command("LPOP", keys.QUEUE(seed.lane("q"))) == ids[0].encode()

    seen: list[str] = []
    while claims := seed.claim(core):
        seen += seed.ids(claims)
        seed.deliver(core, claims)

    assert seen == ids


@pytest.mark.usefixtures("tampered")
def test_a_queue_whose_whole_line_was_popped_is_restored(core: Core) -> None:
    """Even with nothing left in the line, a queue on the ring gives its messages in order."""
    ids = seed.seed(core, 3, "q")
    seed.upsert(core, "q", parallelism=2)
    core.store.command("DEL", keys.QUEUE(seed.lane("q")))

    first = seed.claim(core)
    seed.deliver(core, first)

    assert seed.ids(first) == ids[:2]
    assert core.store.command("EXISTS", keys.QUEUE(seed.lane("q"))) == 0
    seed.seed(core, 1, "q")
    assert seed.ids(seed.claim(core))[0] == ids[2]


@pytest.mark.usefixtures("tampered")
def test_a_stranger_in_front_of_a_shut_queue_shuts_out_nobody_who_holds_a_slot(
    core: Core, clock: FakeClock
) -> None:
    """When ids are given back in the wrong order, the one that holds the slot still goes first."""
    ids = seed.seed(core, 3, "q")
    seed.retry(core, seed.claim(core), in_ms=10)
    clock.advance(10)
    seed.promote(core)
    key = keys.QUEUE(seed.lane("q"))
    assert [core.store.command("LPOP", key).decode() for _ in range(2)] == ids[:2]

    core.store.run(message_scripts.put_back(message_id=ids[0]))
    core.store.run(message_scripts.put_back(message_id=ids[1]))

    assert seed.ids(seed.claim(core)) == ids[:1]


@pytest.mark.usefixtures("tampered")
@pytest.mark.parametrize("parallelism", [1, 2])
def test_a_queue_survives_the_deletion_of_a_waiting_job(core: Core, parallelism: int) -> None:
    """`rq empty` deletes records of waiting messages: those are lost, the queue goes on with the next."""
    seed.upsert(core, "q", parallelism=parallelism)
    ids = seed.seed(core, 4, "q")
    for message_id in (ids[0], ids[2]):
        core.store.command("LREM", keys.QUEUE(seed.lane("q")), 0, message_id)
        core.store.command("DEL", keys.JOB(message_id))
        core.store.command("ZREM", keys.LIVE("defaultUser"), message_id)

    seen: list[str] = []
    while claims := seed.claim(core):
        assert len(claims) <= parallelism
        seen += seed.ids(claims)
        seed.deliver(core, claims)

    assert seen == [ids[1], ids[3]]
    assert seed.ring(core) == []
    assert seed.members(core, "q") == []


@pytest.mark.usefixtures("tampered")
def test_an_id_in_another_lanes_line_passes_no_gate(core: Core) -> None:
    """A message is claimed from its own lane only: in the plain line it would pass by its queue's gate."""
    ids = seed.seed(core, 2, "q")
    seed.claim(core)
    seed.seed(core)
    core.store.command("LPUSH", keys.QUEUE(seed.lane()), ids[1])

    claims = seed.claim(core)

    assert ids[1] not in seed.ids(claims)
    assert len(claims) == 1


@pytest.mark.usefixtures("tampered")
def test_a_foreign_id_goes_with_the_last_message_of_a_queue(core: Core) -> None:
    """When a queue is empty but for ids that others pushed, they are dropped, and RQ counts nothing."""
    (foreign,) = seed.seed(core, delay_ms=1000)
    seed.seed(core, 1, "q")
    claims = seed.claim(core)
    core.store.command("LPUSH", keys.QUEUE(seed.lane("q")), foreign)

    seed.deliver(core, claims)
    seed.claim(core)

    assert seed.line(core, "q") == []
    assert seed.ring(core) == []
    assert seed.state(core, foreign) == "due"
