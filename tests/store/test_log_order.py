"""The log: ids only grow, and each message's trail names its own entries."""

import pytest

from qstash_rq.core import Core
from qstash_rq.store import keys
from qstash_rq.store.messages import read_trails
from tests import seed
from tests.clock import FakeClock
from tests.factories import NOW_MS, make_message


def test_the_trail_is_the_messages_entries(core: Core, clock: FakeClock) -> None:
    """A record names the ids of all log entries of its message, in the order of the stream."""
    ids = seed.seed(core, 3)
    claims = seed.claim(core)
    seed.retry(core, claims[:1], in_ms=5)
    seed.fail(core, claims[1:2])
    seed.cancel(core, ids[2])
    seed.retry(core, claims[2:])
    clock.advance(5)
    seed.promote(core)
    seed.deliver(core, seed.claim(core))

    for message_id in ids:
        trail = seed.record(core, message_id)["trail"].split()
        assert trail == [entry["id"] for entry in seed.log(core, message_id)]
    assert seed.story(core, ids[0]) == ["CREATED", "ACTIVE", "ERROR", "RETRY", "ACTIVE", "DELIVERED"]
    assert read_trails(core.store, "defaultUser", ids) == [entry["id"] for entry in seed.log(core)]


def test_entries_of_one_millisecond_keep_their_order(core: Core) -> None:
    """A sequence number breaks the ties of a millisecond."""
    seed.seed(core, 3)

    assert [entry["id"] for entry in seed.log(core)] == [f"{NOW_MS}-{number}" for number in range(3)]


@pytest.mark.parametrize("back_ms", [1, 999, 1_000_000])
def test_ids_grow_although_a_clock_goes_backwards(core: Core, clock: FakeClock, back_ms: int) -> None:
    """An entry of a machine whose clock is behind takes the last millisecond instead of its own."""
    seed.seed(core, 2)
    clock.advance(-back_ms)
    seed.seed(core, 2)
    clock.advance(back_ms + 1)
    seed.seed(core)

    assert [entry["id"] for entry in seed.log(core)] == [
        *(f"{NOW_MS}-{number}" for number in range(4)),
        f"{NOW_MS + 1}-0",
    ]


def test_dlq_ids_grow_although_a_clock_goes_backwards(core: Core, clock: FakeClock) -> None:
    """A dead letter of a machine whose clock is behind comes after the others, in the same millisecond."""
    seed.seed_dead(core)
    clock.advance(-5000)
    seed.seed_dead(core)
    clock.advance(5001)
    seed.seed_dead(core)

    assert list(seed.dead(core)) == [f"{NOW_MS}-0", f"{NOW_MS}-1", f"{NOW_MS + 1}-0"]


def test_an_emptied_log_still_grows(core: Core, clock: FakeClock) -> None:
    """After all entries were trimmed away, a clock that is behind still makes larger ids."""
    seed.seed(core)
    core.store.command("XTRIM", keys.LOG("defaultUser"), "MAXLEN", 0)
    clock.advance(-1000)
    message = make_message()

    seed.accept(core, [message])

    assert [entry["id"] for entry in seed.log(core)] == [f"{NOW_MS}-1"]


def test_each_user_has_a_log_of_its_own(core: Core) -> None:
    """One user's entries are in one stream and another's are not."""
    (mine,) = seed.seed(core)
    (other,) = seed.seed(core, user_id="other")

    assert [entry["m"] for entry in seed.log(core)] == [mine]
    assert [entry["m"] for entry in seed.log(core, user_id="other")] == [other]
