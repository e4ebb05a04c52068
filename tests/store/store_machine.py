"""Everything in any order, against a model in plain Python; every index is audited after every step."""

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from qstash_rq.core import Core
from qstash_rq.delivery import Claim, Settled
from qstash_rq.store import delivery_scripts, keys, message_scripts
from qstash_rq.store.message_scripts import Accepted
from qstash_rq.store.queue_scripts import Upserted
from qstash_rq.users import FIRST_USER, ensure_first_user
from tests import seed
from tests.clock import FakeClock
from tests.factories import make_message
from tests.store.audit import Audit
from tests.store.model import Gate, Model

_QUEUES = st.sampled_from(["a", "b"])
_LANES = st.sampled_from([None, "a", "a", "b"])
_DELAYS = st.sampled_from([0, 0, 0, 5, 40])
_PICK = st.integers(min_value=0, max_value=10_000)
_LONG_MS = 1000 * seed.LEASE_MS


class StoreMachine(RuleBasedStateMachine):
    """Drives the scripts and the model side by side."""

    def __init__(self, core: Core) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.core = replace(core, clock=self.clock)
        core.store.command("FLUSHDB")
        ensure_first_user(self.core)
        self.model = Model()
        self.claims: list[Claim] = []  # also those that were lost or settled since: workers come late
        self.count = 0
        self.steps = 0
        self.disturbed = False  # somebody else wrote into the lines

    # ── steps ──────────────────────────────────────────────────────────────────────────────────

    @rule(queue=_LANES, delay_ms=_DELAYS, number=st.integers(1, 4))
    def accept(self, queue: str | None, delay_ms: int, number: int) -> None:
        """Several messages come in one call."""
        due_ms = self.clock.now_ms() + delay_ms
        messages = [
            make_message(message_id=self._fresh_id(), queue_name=queue, not_before_ms=due_ms)
            for _ in range(number)
        ]
        assert seed.accept(self.core, messages) is Accepted.ACCEPTED
        for message in messages:
            self.model.accept(message.message_id, queue, due_ms, self.clock.now_ms())

    @rule(most=st.sampled_from([1, 2, 100]), named=st.booleans())
    def claim(self, most: int, named: bool) -> None:
        """A worker takes messages, each one the model allows at that moment, and leaves none behind."""
        lanes = [seed.lane(), seed.lane("a"), seed.lane("b")] if named else []
        claims = seed.claim(self.core, most, lanes=lanes)
        assert len(claims) <= most
        for one in claims:
            message_id = one.message.message_id
            assert message_id in self.model.claimable(), "claimed out of turn"
            self.model.claim(message_id, self.clock.now_ms() + seed.LEASE_MS)
            expected = self.model.messages[message_id]
            assert (one.attempt, one.retried) == (expected.attempt, expected.retried)
        if len(claims) < most and not self.disturbed:
            assert not self.model.claimable(), "left behind"
            assert named or seed.ring(self.core) == [], "a lane on the ring without work"
        self.claims += claims

    @precondition(lambda self: self.claims)
    @rule(
        pick=_PICK,
        outcome=st.sampled_from([Settled.DELIVERED, Settled.DELIVERED, Settled.RETRY, Settled.FAILED]),
        delay_ms=_DELAYS,
    )
    def settle(self, pick: int, outcome: Settled, delay_ms: int) -> None:
        """A worker settles an attempt, in time or late."""
        one = self.claims[pick % len(self.claims)]
        due_ms = self.clock.now_ms() + delay_ms
        expected = self.model.settle(one.message.message_id, one.attempt, outcome, due_ms)
        assert seed.settle(self.core, [one], outcome, due_ms=due_ms) == (expected,)

    @precondition(lambda self: self.claims)
    @rule(pick=_PICK)
    def renew(self, pick: int) -> None:
        """A worker keeps a lease, or learns that it is lost."""
        one = self.claims[pick % len(self.claims)]
        expected = self.model.messages[one.message.message_id]
        until_ms = self.clock.now_ms() + seed.LEASE_MS
        held = [(one.message.message_id, one.attempt)]
        lost = self.core.store.run(delivery_scripts.renew(lease_until_ms=until_ms, held=held))
        if expected.state == "active" and expected.attempt == one.attempt:
            expected.lease_ms = until_ms
        assert bool(lost) == (expected.state == "ready" or expected.attempt != one.attempt)

    @rule(ms=st.sampled_from([1, 10, 50, seed.LEASE_MS + 1]))
    def advance(self, ms: int) -> None:
        """Time goes on."""
        self.clock.advance(ms)

    @rule()
    def promote(self) -> None:
        """The scheduler promotes what is due."""
        seed.promote(self.core)
        self.model.promote(self.clock.now_ms())

    @rule()
    def recover(self) -> None:
        """The scheduler takes back what is leased for too long."""
        assert seed.recover(self.core).count == self.model.recover(self.clock.now_ms())

    @rule(
        queue=_QUEUES,
        parallelism=st.sampled_from([None, 1, 2, 3]),
        paused=st.sampled_from([None, True, False]),
    )
    def upsert(self, queue: str, parallelism: int | None, paused: bool | None) -> None:
        """Somebody makes a queue, pauses or resumes it, or changes its parallelism."""
        assert seed.upsert(self.core, queue, parallelism=parallelism, paused=paused) is Upserted.WRITTEN
        gate = self.model.queues.setdefault(queue, Gate())
        gate.parallelism = gate.parallelism if parallelism is None else parallelism
        gate.paused = gate.paused if paused is None else paused

    @precondition(lambda self: self.model.messages)
    @rule(pick=_PICK)
    def cancel(self, pick: int) -> None:
        """Somebody cancels a message, living or not."""
        message_id = list(self.model.messages)[pick % len(self.model.messages)]
        assert seed.cancel(self.core, message_id) == (self.model.cancel(message_id),)

    @rule(queue=_QUEUES)
    def close(self, queue: str) -> None:
        """Somebody deletes a queue, and dies before its messages are cancelled."""
        seed.close(self.core, queue)
        self.model.close(queue)

    @rule(queue=_QUEUES, most=st.sampled_from([1, 2, 100]))
    def drain(self, queue: str, most: int) -> None:
        """The scheduler cancels messages of a deleted queue."""
        before = self._closing(queue)
        left = seed.drain(self.core, queue, most)
        after = self._closing(queue)
        assert len(after) == left == max(len(before) - most, 0)
        for message_id in before - after:
            self.model.drain(message_id)

    @precondition(lambda self: self.model.dead)
    @rule(pick=_PICK, queue=_LANES, revives=st.booleans())
    def take_dead_letter(self, pick: int, queue: str | None, revives: bool) -> None:
        """Somebody revives a dead letter or deletes it."""
        message_id = self.model.dead.pop(pick % len(self.model.dead))
        dlq_id = seed.record(self.core, message_id)["dlq_id"]
        if revives:
            message = make_message(message_id=self._fresh_id(), queue_name=queue)
            assert seed.accept(self.core, [message], revived=[dlq_id]) is Accepted.ACCEPTED
            self.model.accept(message.message_id, queue, 0, self.clock.now_ms())
        else:
            assert self.core.store.run(message_scripts.discard(user_id=FIRST_USER, dlq_ids=[dlq_id])) == 1

    # ── what must hold after every step ────────────────────────────────────────────────────────

    @invariant()
    def count_steps(self) -> None:
        """Count the steps; Hypothesis does not tell."""
        self.steps += 1

    @invariant()
    def the_store_is_as_the_model_says(self) -> None:
        """Records, dead letters, slots and places are those of the model."""
        for message_id, expected in self.model.messages.items():
            assert seed.record(self.core, message_id).get("state", "gone") == expected.state, message_id
        assert sorted(seed.dead(self.core).values()) == sorted(self.model.dead)
        for queue, gate in self.model.queues.items():
            placed = [one for one in seed.members(self.core, queue) if one in gate.order]
            assert placed == gate.order
            assert seed.slots(self.core, queue) == set(self.model.holders(queue))

    @invariant()
    def every_index_is_exact(self) -> None:
        """Every index says what the records say."""
        Audit(self.core).check(tampered=self.disturbed)

    def teardown(self) -> None:
        """Let everything come to its end: then nothing may be left of any message but its record and log."""
        for queue in ("a", "b"):
            while seed.drain(self.core, queue):
                pass
            seed.upsert(self.core, queue, parallelism=3, paused=False)
        for _ in range(1000):
            self.clock.advance(_LONG_MS)
            seed.recover(self.core)
            seed.promote(self.core)
            claims = seed.claim(self.core)
            seed.deliver(self.core, claims)
            if not claims and not seed.live(self.core):
                break
        states = {seed.record(self.core, one).get("state") for one in self.model.messages}
        assert not states & {"due", "ready", "active"}
        self._nothing_is_left()

    def _nothing_is_left(self) -> None:
        families = (keys.QUEUE, keys.SLOTS, keys.MEMBERS, keys.LIVE, keys.CLOSING)
        singles = (keys.DUE, keys.LEASES, keys.RING, keys.RINGED, keys.CLOSINGS)
        patterns = [*(key("*") for key in families), *(key() for key in singles)]
        assert [name for pattern in patterns for name in self.core.store.command("KEYS", pattern)] == []

    def _fresh_id(self) -> str:
        self.count += 1
        return f"msg_{self.count:06}"

    def _closing(self, queue: str) -> set[str]:
        words = self.core.store.command("ZRANGE", keys.CLOSING(seed.lane(queue)), 0, -1)
        return {word.decode() for word in words}


class DisturbedMachine(StoreMachine):
    """The same with stock RQ workers about, that pop ids, put them back late or push them by themselves."""

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self.popped: list[str] = []

    @rule(queue=_LANES)
    def pop(self, queue: str | None) -> None:
        """A stock worker pops an id."""
        popped = self.core.store.command("LPOP", keys.QUEUE(seed.lane(queue)))
        if popped is not None:
            self.disturbed = True
            self.popped.append(popped.decode())

    @precondition(lambda self: self.popped)
    @rule(pick=_PICK, waking=st.booleans())
    def give_back(self, pick: int, waking: bool) -> None:
        """It gives the id back by our verb, or RQ pushes it by itself and tells nobody."""
        message_id = self.popped.pop(pick % len(self.popped))
        queue = self.model.messages[message_id].queue
        if waking:
            self.core.store.run(message_scripts.put_back(message_id=message_id))
        else:
            self.core.store.command("LPUSH", keys.QUEUE(seed.lane(queue)), message_id)

    @precondition(lambda self: self.model.messages)
    @rule(pick=_PICK, queue=_LANES)
    def push(self, pick: int, queue: str | None) -> None:
        """Somebody pushes any id into any line."""
        self.disturbed = True
        message_id = list(self.model.messages)[pick % len(self.model.messages)]
        self.core.store.command("LPUSH", keys.QUEUE(seed.lane(queue)), message_id)

    def teardown(self) -> None:
        """With every popped id given back and every lane woken, all comes to its end as always."""
        for message_id in self.popped:
            self.core.store.run(message_scripts.put_back(message_id=message_id))
        self.accept(None, 0, 1)
        super().teardown()
