"""A claim takes messages until their bodies have the bytes it asked for; order, turns and limits hold."""

from collections.abc import Sequence

import pytest

from qstash_rq.core import Core
from qstash_rq.delivery import Claim, Withheld
from qstash_rq.message import Flow
from qstash_rq.store import delivery_scripts
from tests import seed
from tests.factories import make_message
from tests.store import gates

_BODY = bytes(100)


def _claim(core: Core, most_bytes: int, lanes: Sequence[str] = ()) -> tuple[Claim, ...]:
    now_ms = core.clock.now_ms()
    call = delivery_scripts.claim(
        worker="w",
        now_ms=now_ms,
        lease_until_ms=now_ms + seed.LEASE_MS,
        most=25,
        most_in_flight=seed.MOST_IN_FLIGHT,
        most_bytes=most_bytes,
        lanes=lanes,
    )
    claims = core.store.run(call)
    assert not isinstance(claims, Withheld)
    return claims


@pytest.mark.parametrize(
    ("most_bytes", "claimed"), [(1, 1), (100, 1), (101, 2), (250, 3), (300, 3), (301, 4), (10_000, 20)]
)
def test_the_message_that_reaches_the_bytes_is_the_last_one(
    core: Core, most_bytes: int, claimed: int
) -> None:
    """Messages are claimed until their bodies reach the number, so one larger than it is claimed too."""
    ids = seed.seed(core, 20, body=_BODY)

    assert seed.ids(_claim(core, most_bytes)) == ids[:claimed]
    assert seed.line(core) == ids[claimed:]
    assert seed.ids(seed.claim(core)) == ids[claimed:]


def test_empty_bodies_take_nothing(core: Core) -> None:
    """Messages without a body are claimed by number alone."""
    ids = seed.seed(core, 30)

    assert seed.ids(_claim(core, 1)) == ids[:25]


def test_what_is_claimed_is_all_that_is_written(core: Core) -> None:
    """A message that was left for its size is as it was: ready, without a lease or an attempt."""
    first, second = seed.seed(core, 2, body=_BODY)

    _claim(core, 1)

    assert list(seed.leases(core)) == [first]
    assert seed.record(core, second)["state"] == "ready"
    assert "attempt" not in seed.record(core, second)
    assert seed.story(core, second) == ["CREATED"]


def test_lanes_take_turns_by_bytes_too(core: Core) -> None:
    """A lane of large bodies goes behind the others when it has given one."""
    seed.accept(core, [make_message(body=_BODY) for _ in range(50)])
    seed.accept(core, [make_message(user_id="other", body=_BODY) for _ in range(3)])

    owners = [_claim(core, 1)[0].message.user_id for _ in range(6)]

    assert owners.count("other") == 3


def test_a_queue_keeps_its_order_and_its_slots(core: Core) -> None:
    """A queue with many slots gives what fits, in order, and the next claim goes on behind it."""
    seed.upsert(core, "q", parallelism=10)
    ids = seed.seed(core, 6, "q", body=_BODY)

    assert seed.ids(_claim(core, 200)) == ids[:2]
    assert seed.slots(core, "q") == set(ids[:2])
    assert seed.ids(_claim(core, 200)) == ids[2:4]
    assert seed.ids(seed.claim(core)) == ids[4:]


def test_a_key_counts_what_was_claimed(core: Core) -> None:
    """What was left for its size stands first in line, and counts neither as started nor as in flight."""
    flow = Flow(key="k", parallelism=5, rate=4)
    ids = seed.seed(core, 6, flow=flow, body=_BODY)

    assert seed.ids(_claim(core, 150)) == ids[:2]
    assert gates.fields(core, "k")["count"] == 2
    assert seed.ids(seed.claim(core)) == ids[2:4]
    assert seed.claim(core) == ()


def test_named_lanes_stop_at_the_bytes(core: Core) -> None:
    """A worker that serves lanes by name gets no more than it asked for, and hears of the rest."""
    lanes = [seed.lane("a"), seed.lane("b")]
    for queue in ("a", "b"):
        seed.upsert(core, queue, parallelism=10)
        seed.seed(core, 3, queue, body=_BODY)

    assert len(_claim(core, 250, lanes=lanes)) == 3
    assert len(seed.claim(core, lanes=lanes)) == 3


def test_a_worker_with_named_lanes_leaves_the_rest_in_line(core: Core) -> None:
    """The plain lane served by name stops at the bytes as well, and is woken for the others."""
    ids = seed.seed(core, 4, body=_BODY)

    assert seed.ids(_claim(core, 150, lanes=[seed.lane()])) == ids[:2]
    assert seed.line(core) == ids[2:]
    assert seed.ring(core) == [seed.lane()]
