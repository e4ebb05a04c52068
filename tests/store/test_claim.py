"""claim.lua: ready messages go to a worker, lanes take turns, gates hold."""

import pytest

from qstash_rq.core import Core
from qstash_rq.delivery import Claim, Settled, Withheld
from qstash_rq.settings import DEVELOPMENT_CURRENT_SIGNING_KEY
from qstash_rq.store import delivery_scripts, keys
from qstash_rq.store.message_scripts import Accepted
from tests import seed
from tests.clock import FakeClock
from tests.factories import NOW_MS, make_message


def test_a_claim_is_the_message_and_all_a_delivery_needs(core: Core) -> None:
    """A claim carries the message as published, its attempt number, retries and the user's signing key."""
    message = make_message(
        headers=(("Content-Type", "text/plain"), ("X-A", "ü")),
        body=b"\x00\xff",
        labels=("a", "b"),
        timeout_ms=5,
    )
    seed.accept(core, [message])

    assert seed.claim(core) == (
        Claim(message=message, attempt=1, retried=0, signing_key=DEVELOPMENT_CURRENT_SIGNING_KEY),
    )


def test_a_claimed_message_is_leased(core: Core) -> None:
    """A claim takes the message out of its line, makes it active, leases it and logs ACTIVE."""
    (message_id,) = seed.seed(core)

    seed.claim(core, worker="w7")

    record = seed.record(core, message_id)
    assert (record["state"], record["status"], record["worker_name"]) == ("active", "started", "w7")
    assert record["started_at"] == "2023-11-14T22:13:20.000000Z"
    assert seed.line(core) == []
    assert seed.leases(core) == {message_id: NOW_MS + seed.LEASE_MS}
    assert seed.story(core, message_id) == ["CREATED", "ACTIVE"]


def test_attempts_count_claims_and_retries_count_failures(core: Core, clock: FakeClock) -> None:
    """A retry raises both numbers, a recovery only the attempt."""
    seed.seed(core)
    seen: list[tuple[int, int]] = []
    for step in ("retry", "recover", "retry", "recover", "end"):
        (one,) = seed.claim(core)
        seen.append((one.attempt, one.retried))
        if step == "retry":
            seed.retry(core, [one], in_ms=10)
            clock.advance(10)
            seed.promote(core)
        elif step == "recover":
            clock.advance(seed.LEASE_MS + 1)
            seed.recover(core)

    assert seen == [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2)]


def test_no_more_than_asked_is_claimed(core: Core) -> None:
    """The number asked for is the most, across lanes and within one."""
    seed.seed(core, 40)
    seed.seed(core, 3, "q")

    assert [len(seed.claim(core, most)) for most in (0, 1, 7, 25, 100)] == [0, 1, 7, 25, 8]


def test_claim_refuses_while_suspended(core: Core) -> None:
    """While `rq suspend` is on nothing is claimed and nothing written; `rq resume` lets it go on."""
    (message_id,) = seed.seed(core)
    core.store.command("SET", keys.SUSPENDED(), "1")
    before = seed.contents(core)

    call = delivery_scripts.claim(
        worker="w", now_ms=NOW_MS, lease_until_ms=NOW_MS + 1, most=10, most_in_flight=99
    )
    named = delivery_scripts.claim(
        worker="w", now_ms=NOW_MS, lease_until_ms=NOW_MS + 1, most=10, most_in_flight=99, lanes=[seed.lane()]
    )

    assert core.store.run(call) is Withheld.SUSPENDED
    assert core.store.run(named) is Withheld.SUSPENDED
    assert seed.contents(core) == before
    core.store.command("DEL", keys.SUSPENDED())
    assert seed.ids(seed.claim(core)) == [message_id]


def test_two_workers_never_get_the_same_message(core: Core) -> None:
    """What one worker claimed no other one gets, whatever lines and rings say."""
    ids = seed.seed(core, 30) + seed.seed(core, 5, "q")
    first, second = seed.claim(core, 15, worker="a"), seed.claim(core, worker="b")

    assert len(set(seed.ids(first) + seed.ids(second))) == 31
    assert set(seed.ids(first) + seed.ids(second)) <= set(ids)


# ── turns ──────────────────────────────────────────────────────────────────────────────────────


def test_a_long_lane_does_not_starve_another(core: Core) -> None:
    """With 1,000 messages in one lane, a message of another lane is claimed after one turn at most."""
    seed.accept(core, [make_message() for _ in range(1000)])
    late = make_message(user_id="other")
    seed.accept(core, [late])

    first = seed.claim(core, 20)

    assert late.message_id in seed.ids(first)
    assert len(first) == 20


def test_a_long_lane_does_not_starve_another_for_a_worker_with_one_place(core: Core) -> None:
    """Claims of one message each take lanes in turn as well."""
    seed.accept(core, [make_message() for _ in range(50)])
    seed.accept(core, [make_message(user_id="other") for _ in range(3)])

    owners = [seed.claim(core, 1)[0].message.user_id for _ in range(6)]

    assert owners.count("other") == 3


def test_many_queues_each_get_their_turn(core: Core) -> None:
    """Of many queues with a backlog each gives its one message before anything else happens."""
    for queue in range(9):
        seed.seed(core, 5, f"q{queue}")

    claims = seed.claim(core)

    assert sorted(one.message.queue_name or "" for one in claims) == [f"q{queue}" for queue in range(9)]
    assert seed.ring(core) == []


def test_lanes_with_work_stay_on_the_ring(core: Core) -> None:
    """A lane leaves the ring when it is empty, and not before."""
    seed.seed(core, 17)

    seed.claim(core, 16)
    assert seed.ring(core) == [seed.lane()]
    seed.claim(core, 1)
    assert seed.ring(core) == []


def test_one_call_looks_at_a_bounded_number_of_lanes(core: Core) -> None:
    """A ring full of shut lanes is emptied over several calls, and what is behind them is found."""
    lanes = [f"u{number}" for number in range(600)]
    core.store.command("RPUSH", keys.RING(), *lanes)
    core.store.command("SADD", keys.RINGED(), *lanes)
    (message_id,) = seed.seed(core)

    assert seed.claim(core) == ()
    assert len(seed.ring(core)) == 601 - 512
    assert seed.ids(seed.claim(core)) == [message_id]
    assert seed.ring(core) == []


# ── gates ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("parallelism", [1, 2, 5])
def test_a_queue_gives_as_many_as_it_has_slots(core: Core, parallelism: int) -> None:
    """The first messages of a queue, as many as its parallelism, are claimed in order; then it is shut."""
    seed.upsert(core, "q", parallelism=parallelism)
    ids = seed.seed(core, 6, "q")

    assert seed.ids(seed.claim(core)) == ids[:parallelism]
    assert seed.slots(core, "q") == set(ids[:parallelism])
    assert seed.ring(core) == []
    assert seed.claim(core) == ()


def test_a_slot_that_is_freed_goes_to_the_next_in_line(core: Core) -> None:
    """Messages of a queue come one by one, each when the one before is terminal, and leave nothing behind."""
    ids = seed.seed(core, 5, "q")
    seen: list[str] = []
    while claims := seed.claim(core):
        seen += seed.ids(claims)
        seed.deliver(core, claims)

    assert seen == ids
    assert seed.slots(core, "q") == set()
    assert seed.members(core, "q") == []
    assert seed.line(core, "q") == []
    assert seed.ring(core) == []


def test_slots_are_not_in_the_way_of_each_other(core: Core) -> None:
    """With parallelism 3, messages that end in any order free their own slots; the order of starts holds."""
    seed.upsert(core, "q", parallelism=3)
    ids = seed.seed(core, 6, "q")
    first = seed.claim(core)

    seed.deliver(core, first[1:2])
    second = seed.claim(core)
    seed.fail(core, first[2:3])
    seed.deliver(core, second)

    assert seed.ids(first) == ids[:3]
    assert seed.ids(second) == ids[3:4]
    assert seed.ids(seed.claim(core)) == ids[4:6]
    assert seed.slots(core, "q") == {ids[0], ids[4], ids[5]}


def test_a_message_waiting_for_its_retry_keeps_its_slot(core: Core, clock: FakeClock) -> None:
    """While the head of a queue waits for its next attempt nothing behind it starts; then it is first."""
    ids = seed.seed(core, 3, "q")
    seed.retry(core, seed.claim(core), in_ms=1000)

    assert seed.claim(core) == ()
    assert seed.slots(core, "q") == {ids[0]}
    clock.advance(1000)
    seed.promote(core)
    assert seed.line(core, "q") == ids
    assert seed.ids(seed.claim(core)) == ids[:1]


def test_a_paused_queue_gives_nothing_and_leaves_the_ring(core: Core) -> None:
    """A paused lane is taken off the ring, so that no worker looks at it again and again."""
    seed.upsert(core, "q", paused=True)
    seed.seed(core, 2, "q")
    assert seed.ring(core) == [seed.lane("q")]

    assert seed.claim(core) == ()
    assert seed.ring(core) == []


def test_a_message_that_holds_a_slot_waits_while_its_queue_is_paused(core: Core, clock: FakeClock) -> None:
    """A pause holds for retries and recovered messages too."""
    ids = seed.seed(core, 2, "q")
    seed.claim(core)
    seed.upsert(core, "q", paused=True)
    clock.advance(seed.LEASE_MS + 1)
    seed.recover(core)

    assert seed.claim(core) == ()
    seed.upsert(core, "q", paused=False)
    assert seed.ids(seed.claim(core)) == ids[:1]


def test_lowering_the_parallelism_stops_nobody_who_holds_a_slot(core: Core, clock: FakeClock) -> None:
    """Slot holders go on over a lower parallelism; nothing new starts until fewer are held."""
    seed.upsert(core, "q", parallelism=3)
    ids = seed.seed(core, 5, "q")
    claims = seed.claim(core)
    seed.retry(core, claims, in_ms=10)
    seed.upsert(core, "q", parallelism=1)
    clock.advance(10)
    seed.promote(core)

    again = seed.claim(core)
    assert sorted(seed.ids(again)) == sorted(ids[:3])
    seed.deliver(core, again[:2])
    assert seed.claim(core) == ()
    seed.deliver(core, again[2:])
    assert seed.ids(seed.claim(core)) == ids[3:4]


# ── named lanes ────────────────────────────────────────────────────────────────────────────────


def test_a_worker_with_named_lanes_serves_only_those(core: Core) -> None:
    """Named lanes give their messages, others keep theirs and their place on the ring."""
    (mine,) = seed.seed(core, queue="mine")
    (other,) = seed.seed(core, queue="other")

    claims = seed.claim(core, lanes=[seed.lane("mine"), seed.lane("unknown")])

    assert seed.ids(claims) == [mine]
    assert seed.lane("other") in seed.ring(core)
    assert seed.ids(seed.claim(core)) == [other]


def test_named_lanes_take_turns(core: Core) -> None:
    """A worker that serves several lanes by name does not starve one behind another one's backlog."""
    seed.accept(core, [make_message() for _ in range(1000)])
    seed.upsert(core, "q", parallelism=100)
    seed.seed(core, 3, "q")

    claims = seed.claim(core, 40, lanes=[seed.lane(), seed.lane("q")])

    assert len(claims) == 40
    assert sum(one.message.queue_name == "q" for one in claims) == 3


def test_named_lanes_take_turns_for_a_worker_with_one_place(core: Core, clock: FakeClock) -> None:
    """A stock worker or a full one claims one at a time: each millisecond another lane is asked first."""
    seed.accept(core, [make_message() for _ in range(50)])
    seed.accept(core, [make_message(user_id="other") for _ in range(50)])
    owners: list[str] = []
    for _ in range(10):
        (one,) = seed.claim(core, 1, lanes=[seed.lane(), seed.lane(user_id="other")])
        owners.append(one.message.user_id)
        clock.advance(1)

    assert owners.count("other") == 5


def test_a_named_lane_with_nothing_to_give_is_looked_at_once(core: Core) -> None:
    """A call for empty and shut lanes costs one look each, however many messages are asked for."""
    seed.upsert(core, "shut", paused=True)
    seed.seed(core, 3, "shut")
    send = core.store.client.execute_command
    before = send("INFO", "commandstats")["cmdstat_hmget"]["calls"]

    assert seed.claim(core, lanes=[seed.lane(), seed.lane("shut"), seed.lane("unknown")]) == ()

    # The plain lane has no gate to ask.
    assert send("INFO", "commandstats")["cmdstat_hmget"]["calls"] - before == 2


def test_the_gate_holds_for_named_lanes(core: Core) -> None:
    """A lane asked for by name is subject to its pause and its parallelism like any other."""
    ids = seed.seed(core, 2, "q")
    seed.seed(core, 2, "paused")
    seed.upsert(core, "paused", paused=True)

    claims = seed.claim(core, lanes=[seed.lane("q"), seed.lane("paused")])

    assert seed.ids(claims) == ids[:1]


def test_bells_ring_for_watched_lanes_only(core: Core) -> None:
    """A lane's bell rings, once and for a minute at most, when it is watched and has work."""
    core.store.command("HSET", keys.WATCHED(), seed.lane("a"), NOW_MS)

    seed.seed(core, 3, "a")
    seed.seed(core, 3, "b")

    assert core.store.command("LLEN", keys.BELL(seed.lane("a"))) == 1
    assert 0 < core.store.command("PTTL", keys.BELL(seed.lane("a"))) <= 60_000
    assert not seed.bell(core, "b")


def test_a_lane_with_more_to_give_rings_its_bell_again(core: Core) -> None:
    """When a named lane has more than a worker took, the next worker's bell rings; when not, it does not."""
    core.store.command("HSET", keys.WATCHED(), seed.lane(), NOW_MS)
    seed.seed(core, 5)
    seed.bell(core)

    seed.claim(core, 3, lanes=[seed.lane()])
    assert seed.bell(core)
    seed.claim(core, 3, lanes=[seed.lane()])
    assert not seed.bell(core)


@pytest.mark.parametrize("event", ["settle", "resume", "promote", "recover", "cancel", "parallelism"])
def test_every_way_to_new_work_wakes_the_lane(core: Core, clock: FakeClock, event: str) -> None:
    """Whatever opens a gate puts the lane on the ring and rings its bell."""
    core.store.command("HSET", keys.WATCHED(), seed.lane("q"), NOW_MS)
    ids = seed.seed(core, 2, "q")
    claims = seed.claim(core)
    seed.bell(core, "q")
    assert seed.ring(core) == []

    if event == "settle":
        seed.deliver(core, claims)
    elif event == "resume":
        seed.upsert(core, "q", paused=True, parallelism=2)
        seed.claim(core, 0)
        seed.upsert(core, "q", paused=False)
    elif event == "promote":
        seed.retry(core, claims, in_ms=1)
        clock.advance(1)
        seed.promote(core)
    elif event == "recover":
        clock.advance(seed.LEASE_MS + 1)
        seed.recover(core)
    elif event == "cancel":
        seed.cancel(core, ids[0])
        assert seed.ring(core) == []
        assert seed.settle(core, claims, Settled.RETRY) == (Settled.CANCELED,)
    else:
        seed.upsert(core, "q", parallelism=2)

    assert seed.ring(core) == [seed.lane("q")]
    assert seed.bell(core, "q")
    assert len(seed.claim(core)) == 1


def test_a_user_without_keys_is_no_obstacle(core: Core) -> None:
    """Messages of a user that is not there are claimed without a key; other users' keys are right."""
    assert seed.accept(core, [make_message(user_id="ghost")]) is Accepted.ACCEPTED
    seed.seed(core)

    found = {one.message.user_id: one.signing_key for one in seed.claim(core)}

    assert found == {"ghost": "", "defaultUser": DEVELOPMENT_CURRENT_SIGNING_KEY}
