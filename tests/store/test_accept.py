"""accept.lua: messages come in, all of them or none."""

import pytest

from qstash_rq.core import Core
from qstash_rq.errors import StoreUnavailable
from qstash_rq.store import keys
from qstash_rq.store.message_scripts import Accepted
from tests import seed
from tests.clock import FakeClock
from tests.factories import NOW_MS, make_message


def test_a_message_without_delay_stands_in_line_at_once(core: Core) -> None:
    """An undelayed message is ready, in the plain lane's line, on the ring, living and logged."""
    message = make_message(body=b"hello")

    assert seed.accept(core, [message]) is Accepted.ACCEPTED

    record = seed.record(core, message.message_id)
    assert (record["state"], record["status"], record["origin"]) == ("ready", "queued", seed.lane())
    assert (record["user"], record["body"]) == (message.user_id, "hello")
    assert seed.line(core) == [message.message_id]
    assert seed.ring(core) == [seed.lane()]
    assert seed.live(core) == {message.message_id}
    assert seed.due(core) == {}
    (entry,) = seed.log(core)
    assert (entry["m"], entry["s"], entry["n"]) == (message.message_id, "CREATED", "")
    assert entry["id"] == f"{NOW_MS}-0"
    assert record["trail"] == entry["id"]


def test_a_delayed_message_waits_for_its_time(core: Core) -> None:
    """A delayed message is in the due set under its millisecond, in no line, and its lane is not woken."""
    (message_id,) = seed.seed(core, delay_ms=5000)

    assert seed.state(core, message_id) == "due"
    assert seed.record(core, message_id)["status"] == "scheduled"
    assert seed.due(core) == {message_id: NOW_MS + 5000}
    assert seed.line(core) == []
    assert seed.ring(core) == []
    assert seed.log(core)[0]["n"] == str(NOW_MS + 5000)


@pytest.mark.parametrize(
    ("due_ms", "state"),
    [(0, "ready"), (NOW_MS - 1, "ready"), (NOW_MS, "ready"), (NOW_MS + 1, "due")],
)
def test_a_time_that_has_come_is_no_delay(core: Core, due_ms: int, state: str) -> None:
    """Only a time after now makes a message wait."""
    message = make_message(not_before_ms=due_ms)

    seed.accept(core, [message])

    assert seed.state(core, message.message_id) == state


def test_enqueueing_makes_the_queue(core: Core) -> None:
    """The first message of a queue creates it: parallelism 1, not paused, the message at the first place."""
    (message_id,) = seed.seed(core, queue="q")

    gate = core.store.command("HGETALL", keys.LANE(seed.lane("q")))
    assert gate == {
        b"parallelism": b"1",
        b"paused": b"0",
        b"created_ms": str(NOW_MS).encode(),
        b"updated_ms": str(NOW_MS).encode(),
        b"placed": b"1",
    }
    assert core.store.command("SMEMBERS", keys.QUEUE_NAMES("defaultUser")) == {b"q"}
    assert seed.members(core, "q") == [message_id]
    assert seed.line(core, "q") == [message_id]
    assert seed.slots(core, "q") == set()
    assert seed.ring(core) == [seed.lane("q")]


def test_enqueueing_leaves_a_gate_as_it_is(core: Core, clock: FakeClock) -> None:
    """A message for a queue that exists touches neither its parallelism, its pause nor its dates."""
    seed.upsert(core, "q", parallelism=7, paused=True)
    gate = core.store.command("HGETALL", keys.LANE(seed.lane("q")))
    clock.advance(1000)

    seed.seed(core, queue="q")

    assert core.store.command("HGETALL", keys.LANE(seed.lane("q"))) == gate | {b"placed": b"1"}


def test_a_delayed_message_of_a_queue_is_a_member_behind_every_place(core: Core) -> None:
    """A delayed message counts as the queue's own, stands behind all that have a place, and is in no line."""
    (delayed,) = seed.seed(core, queue="q", delay_ms=1000)
    (first,) = seed.seed(core, queue="q")

    assert seed.members(core, "q") == [first, delayed]
    assert seed.line(core, "q") == [first]


def test_messages_keep_the_order_of_the_call(core: Core) -> None:
    """Messages of one call stand in line, in the log and on the ring in the order they were given."""
    messages = [make_message(queue_name=queue) for queue in ("b", "a", "b", None, "a")]
    ids = [one.message_id for one in messages]

    seed.accept(core, messages)

    assert seed.line(core, "b") == [ids[0], ids[2]]
    assert seed.line(core, "a") == [ids[1], ids[4]]
    assert [entry["m"] for entry in seed.log(core)] == ids
    assert seed.ring(core) == [seed.lane("b"), seed.lane("a"), seed.lane()]


def test_accept_sent_twice_stores_once(core: Core) -> None:
    """A call sent again because its answer was lost is answered as before and changes nothing."""
    messages = [make_message(queue_name="q"), make_message(not_before_ms=NOW_MS + 10), make_message()]
    seed.accept(core, messages)
    before = seed.contents(core)

    assert seed.accept(core, messages) is Accepted.ACCEPTED

    assert seed.contents(core) == before


def test_accept_sent_again_after_the_delivery_stores_nothing(core: Core) -> None:
    """A call repeated when its message is long delivered does not deliver it again."""
    message = make_message()
    seed.accept(core, [message])
    seed.deliver(core, seed.claim(core))
    before = seed.contents(core)

    assert seed.accept(core, [message]) is Accepted.ACCEPTED

    assert seed.contents(core) == before


def test_a_revival_sent_twice_revives_once(core: Core) -> None:
    """A repeated revival finds its dead letter gone and its message there: accepted, nothing written."""
    (dlq_id,) = seed.seed_dead(core)
    message = make_message()
    seed.accept(core, [message], revived=[dlq_id])
    before = seed.contents(core)

    assert seed.accept(core, [message], revived=[dlq_id]) is Accepted.ACCEPTED

    assert seed.contents(core) == before


def test_a_revived_dead_letter_goes_as_its_message_comes(core: Core) -> None:
    """Reviving takes the letter out of the dead letters and RQ's failed jobs; its record stays for logs."""
    first, second = seed.seed_dead(core, 2, "q")
    dead_id, kept_id = seed.dead(core)[first], seed.dead(core)[second]

    assert seed.accept(core, [make_message(queue_name="q")], revived=[first]) is Accepted.ACCEPTED

    assert seed.dead(core) == {second: kept_id}
    assert list(seed.failed(core, "q")) == [kept_id]
    assert "dlq_id" not in seed.record(core, dead_id)
    assert seed.ttl_ms(core, dead_id) > 0


def test_accept_refuses_when_a_dead_letter_is_gone(core: Core) -> None:
    """One unknown dead letter among those to revive refuses the whole call before its first write."""
    (dlq_id,) = seed.seed_dead(core)
    before = seed.contents(core)

    answer = seed.accept(
        core, [make_message(queue_name="new"), make_message()], revived=[dlq_id, "1234567890123-0"]
    )

    assert answer is Accepted.GONE
    assert seed.contents(core) == before


def test_accept_refuses_a_queue_too_many(core: Core) -> None:
    """A call that would make one queue more than allowed stores nothing of itself."""
    seed.upsert(core, "a")
    (dlq_id,) = seed.seed_dead(core)
    before = seed.contents(core)

    answer = seed.accept(
        core,
        [make_message(), make_message(queue_name="b"), make_message(queue_name="c")],
        revived=[dlq_id],
        max_queues=2,
    )

    assert answer is Accepted.QUEUES_FULL
    assert seed.contents(core) == before


def test_the_maximum_of_queues_counts_new_queues_once(core: Core) -> None:
    """At the maximum, existing queues still take messages, and two messages of a new queue are one queue."""
    seed.seed(core, queue="a")

    answer = seed.accept(
        core,
        [make_message(queue_name="b"), make_message(queue_name="a"), make_message(queue_name="b")],
        max_queues=2,
    )

    assert answer is Accepted.ACCEPTED
    assert seed.accept(core, [make_message(queue_name="a")], max_queues=2) is Accepted.ACCEPTED
    assert seed.accept(core, [make_message()], max_queues=2) is Accepted.ACCEPTED


def test_queues_are_counted_per_user(core: Core) -> None:
    """One user's queues leave another user's maximum alone, also under the same name."""
    seed.accept(core, [make_message(queue_name="q", user_id="alice")], max_queues=1)

    assert seed.accept(core, [make_message(queue_name="q", user_id="bob")], max_queues=1) is Accepted.ACCEPTED

    assert sorted(seed.ring(core)) == ["alice:q", "bob:q"]


def test_bytes_arrive_as_they_were_given(core: Core) -> None:
    """Any body is stored byte for byte: NUL, invalid UTF-8, empty."""
    bodies = [bytes(range(256)), b"", b"\x00", b"\r\n$5\r\n"]
    messages = [make_message(body=body) for body in bodies]

    seed.accept(core, messages)

    assert [one.message.body for one in seed.claim(core)] == bodies


def test_a_full_server_refuses_the_whole_call(core: Core) -> None:
    """Out of memory, accept is refused with nothing written; what is stored can still be delivered."""
    (waiting,) = seed.seed(core)
    before = seed.contents(core)
    core.store.client.execute_command("CONFIG SET", "maxmemory", "1")
    try:
        for messages in ([make_message(queue_name="q"), make_message()], [make_message(user_id="other")]):
            with pytest.raises(StoreUnavailable) as refused:
                seed.accept(core, messages)
            assert "maxmemory" in str(refused.value.__cause__)
        assert seed.contents(core) == before
        claims = seed.claim(core)
        assert seed.ids(claims) == [waiting]
        seed.deliver(core, claims)
    finally:
        core.store.client.execute_command("CONFIG SET", "maxmemory", "0")
    assert seed.state(core, waiting) == "delivered"


@pytest.mark.parametrize(
    ("delays", "rings"), [([50], True), ([50, 80], False), ([50, 50], False), ([50, 20], True)]
)
def test_only_a_new_earliest_message_rings_the_alarm(core: Core, delays: list[int], rings: bool) -> None:
    """The scheduler is woken by a message that is due before all others, and by no other."""
    ids = sorted(make_message().message_id for _ in delays)
    for message_id, delay_ms in zip(ids, delays, strict=True):
        seed.alarm(core)
        seed.accept(core, [make_message(message_id=message_id, not_before_ms=NOW_MS + delay_ms)])

    assert seed.alarm(core) is rings


def test_an_alarm_that_nobody_heard_rings_once(core: Core) -> None:
    """However many messages become the earliest, one bell waits, and not for ever."""
    for delay_ms in (50, 40, 30):
        seed.seed(core, delay_ms=delay_ms)

    assert core.store.command("LLEN", keys.ALARM()) == 1
    assert 0 < core.store.command("PTTL", keys.ALARM()) <= 60_000
