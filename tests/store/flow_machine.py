"""Flow-control keys and callbacks in any order with everything else, against a model in plain Python."""

from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from qstash_rq.core import Core
from qstash_rq.delivery import Claim, Settled
from qstash_rq.message import Flow, Message
from qstash_rq.store import keys
from qstash_rq.store.message_scripts import Accepted
from tests import seed
from tests.factories import make_message
from tests.store import gates
from tests.store.audit import Audit
from tests.store.flow_model import FlowModel, Key
from tests.store.store_machine import StoreMachine

_NAMES = ("k1", "k2")
_QUEUES = st.sampled_from(["a", "b"])
_LANES = st.sampled_from([None, None, "a", "a", "b"])
_DELAYS = st.sampled_from([0, 0, 0, 5, 40])
_PICK = st.integers(min_value=0, max_value=10_000)
_FLOWS = st.sampled_from(
    [
        None,
        Flow(key="k1", parallelism=1),
        Flow(key="k1", parallelism=2, rate=3, period_ms=100),
        Flow(key="k2", rate=1, period_ms=40),
        Flow(key="k2", rate=2, period_ms=100),
    ]
)
_OUTCOMES = st.sampled_from([Settled.DELIVERED, Settled.DELIVERED, Settled.RETRY, Settled.FAILED])
Callbacks = list[tuple[Flow | None, int]]
CALLBACKS = st.lists(st.tuples(_FLOWS, _DELAYS), max_size=2)
_CHANGES: dict[str, tuple[dict[str, int], bool]] = {
    "pause": ({"paused": 1}, False),
    "resume": ({"paused": 0}, False),
    "pin parallelism": ({"parallelism": 1, "pin_parallelism": 1}, True),
    "pin rate": ({"rate": 1, "period_ms": 60, "pin_rate": 1}, True),
    "unpin": ({"pin_parallelism": 0, "pin_rate": 0}, False),
    "reset": ({}, True),
}


class FlowMachine(StoreMachine):
    """Drives the scripts and the model side by side."""

    model: FlowModel

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self.model = FlowModel(self.clock)

    # ── steps ──────────────────────────────────────────────────────────────────────────────────

    @initialize(backlog=st.lists(st.tuples(_LANES, _FLOWS), min_size=5, max_size=12))
    def begin(self, backlog: list[tuple[str | None, Flow | None]]) -> None:
        """A backlog waits in all lanes."""
        for queue, flow in backlog:
            self.accept(queue, 0, 1, flow)

    @rule(queue=_LANES, delay_ms=_DELAYS, number=st.integers(1, 4), flow=_FLOWS)
    def accept(self, queue: str | None, delay_ms: int, number: int, flow: Flow | None = None) -> None:
        """Several messages come in one call, under the same key."""
        messages = [self._message(flow, delay_ms, queue) for _ in range(number)]
        assert seed.accept(self.core, messages) is Accepted.ACCEPTED
        self._expect(messages)

    @rule(most=st.sampled_from([1, 2, 100]), named=st.booleans())
    def claim(self, most: int, named: bool) -> None:
        """A worker takes messages, each one the model allows at that moment, and leaves none behind."""
        lanes = [seed.lane(), seed.lane("a"), seed.lane("b"), *map(gates.gate, _NAMES)] if named else []
        if len(self._claim(most, lanes)) == most or self.disturbed:
            return
        assert named or seed.ring(self.core) == [], "a lane on the ring without work"
        if self.model.startable() and not named:
            # The window of a key has ended: it is the scheduler that tells of it.
            self.promote()
            while self._claim(100, ()):
                pass
        assert not self.model.startable(), "left behind"

    def _claim(self, most: int, lanes: Sequence[str]) -> tuple[Claim, ...]:
        claims = seed.claim(self.core, most, lanes=lanes)
        assert len(claims) <= most
        for one in claims:
            message_id = one.message.message_id
            assert message_id in self.model.claimable(), "claimed out of turn"
            window = self.model.hand_out(message_id, self.clock.now_ms() + seed.LEASE_MS)
            assert one.window == window
            expected = self.model.messages[message_id]
            assert (one.attempt, one.retried) == (expected.attempt, expected.retried)
        self.claims += claims
        return claims

    @precondition(lambda self: self.claims)
    @rule(
        pick=_PICK, late=st.sampled_from([False, False, False, True]), outcome=_OUTCOMES, callbacks=CALLBACKS
    )
    def settle(self, pick: int, late: bool, outcome: Settled, callbacks: Callbacks) -> None:
        """A worker settles an attempt, in time or late, with its callbacks."""
        held = [one for one in self.claims if late or self._is_held(one)]
        if held:
            self._settle(held[pick % len(held)], outcome, callbacks)

    @rule(outcome=_OUTCOMES, callbacks=CALLBACKS)
    def work(self, outcome: Settled, callbacks: Callbacks) -> None:
        """A worker takes all it is given and settles it at once."""
        for one in self._claim(100, ()):
            self._settle(one, outcome, callbacks)

    @precondition(lambda self: self.claims)
    @rule(pick=_PICK)
    def give_back(self, pick: int) -> None:
        """A worker gives back what it could not send in time, or what it no longer holds."""
        one = self.claims[pick % len(self.claims)]
        message_id = one.message.message_id
        expected = self.model.give_back(message_id, one.attempt)
        assert gates.give_back(self.core, [one]) == expected

    @precondition(lambda self: self.claims)
    @rule(pick=_PICK, ago_ms=st.sampled_from([0, 0, 5, 50]))
    def confirm(self, pick: int, ago_ms: int) -> None:
        """A worker tells when the request of a delivery, of a window long gone perhaps, had arrived."""
        one = self.claims[pick % len(self.claims)]
        if one.window is None or one.message.flow is None:
            return
        began_ms = one.window.began_ms
        arrived_ms = max(began_ms, self.clock.now_ms() - ago_ms)
        gates.confirm_window(self.core, one.message.flow.key, began_ms, arrived_ms)
        self.model.keys[one.message.flow.key].confirm(began_ms, arrived_ms)

    def _is_held(self, one: Claim) -> bool:
        expected = self.model.messages[one.message.message_id]
        return expected.state == "active" and expected.attempt == one.attempt

    def _settle(self, one: Claim, outcome: Settled, callbacks: Callbacks) -> None:
        message_id, due_ms = one.message.message_id, self.clock.now_ms() + 5
        messages = [self._message(*callback) for callback in callbacks]
        expected = self.model.settle(message_id, one.attempt, outcome, due_ms, len(messages))
        assert seed.settle(self.core, [one], outcome, due_ms=due_ms, callbacks=tuple(messages)) == (expected,)
        if expected in (Settled.DELIVERED, Settled.RETRY, Settled.FAILED):
            self._expect(messages)
            self.model.source_of |= {one.message_id: message_id for one in messages}

    @rule(ms=st.sampled_from([5, 50, 130, seed.LEASE_MS + 1]), promotes=st.booleans())
    def schedule(self, ms: int, promotes: bool) -> None:
        """Time goes on, and the scheduler does what it should, or comes late."""
        self.clock.advance(ms)
        if promotes:
            self.promote()
            self.recover()

    @precondition(lambda self: self.model.of("due", "ready", "active"))
    @rule(pick=_PICK)
    def cancel(self, pick: int) -> None:
        """Somebody cancels a living message."""
        living = self.model.of("due", "ready", "active")
        message_id = living[pick % len(living)]
        assert seed.cancel(self.core, message_id) == (self.model.cancel(message_id),)

    @precondition(lambda self: self.steps % 4 == 0)
    @rule(queue=_QUEUES, drained=st.sampled_from([0, 1, 100]))
    def close(self, queue: str, drained: int) -> None:
        """Somebody deletes a queue; its messages are cancelled now, in part, or by the scheduler."""
        super().close(queue)
        if drained:
            self.drain(queue, drained)

    @rule(name=st.sampled_from(_NAMES), change=st.sampled_from(sorted(_CHANGES)))
    def change(self, name: str, change: str) -> None:
        """Somebody pauses, resumes, pins or unpins a key, or starts a window."""
        fields, new_window = _CHANGES[change]
        gates.change(self.core, name, new_window=new_window, **fields)
        key = self.model.keys.setdefault(name, Key())
        if new_window:
            key.window_ms, key.arrived_ms, key.count = self.clock.now_ms(), 0, 0
        key.parallelism = fields.get("parallelism", key.parallelism)
        key.rate = fields.get("rate", key.rate)
        key.period_ms = fields.get("period_ms", key.period_ms)
        key.paused = bool(fields.get("paused", key.paused))
        key.pinned_parallelism = bool(fields.get("pin_parallelism", key.pinned_parallelism))
        key.pinned_rate = bool(fields.get("pin_rate", key.pinned_rate))

    @precondition(lambda self: self.model.dead)
    @rule(pick=_PICK, queue=_LANES, flow=_FLOWS, revives=st.booleans())
    def take_dead_letter(self, pick: int, queue: str | None, flow: Flow | None, revives: bool) -> None:
        """Somebody revives a dead letter, a callback's too, or deletes it."""
        if not revives:
            super().take_dead_letter(pick, queue, False)
            return
        message_id = self.model.dead.pop(pick % len(self.model.dead))
        message = self._message(flow, 0, queue)
        dlq_id = seed.record(self.core, message_id)["dlq_id"]
        assert seed.accept(self.core, [message], revived=[dlq_id]) is Accepted.ACCEPTED
        self._expect([message])

    def _message(self, flow: Flow | None, delay_ms: int, queue: str | None = None) -> Message:
        now_ms = self.clock.now_ms()
        return make_message(
            message_id=self._fresh_id(),
            queue_name=queue,
            flow=flow,
            created_at_ms=now_ms,
            not_before_ms=now_ms + delay_ms,
        )

    def _expect(self, messages: Sequence[Message]) -> None:
        for one in messages:
            self.model.join(one.message_id, one.flow)
            self.model.accept(one.message_id, one.queue_name, one.not_before_ms, one.created_at_ms)

    # Parts of the steps above, and no steps of their own.

    def advance(self, ms: int) -> None:
        """Let time go on."""
        self.clock.advance(ms)

    def promote(self) -> None:
        """Promote what is due."""
        super().promote()

    def recover(self) -> None:
        """Take back what is leased for too long."""
        super().recover()

    def drain(self, queue: str, most: int) -> None:
        """Cancel messages of a deleted queue."""
        super().drain(queue, most)

    def renew(self, pick: int) -> None:
        """Keep a lease; keys and callbacks have no part in it."""

    # ── what must hold after every step ────────────────────────────────────────────────────────

    @invariant()
    def every_gate_is_as_the_model_says(self) -> None:
        """Limits, windows, pauses and pins of the keys, and the lag of the queues, are those of the model."""
        for name, key in self.model.keys.items():
            fields = gates.fields(self.core, name)
            assert (fields["parallelism"], fields["rate"], fields["period_ms"]) == (
                key.parallelism,
                key.rate,
                key.period_ms,
            )
            shown = tuple(fields.get(name, 0) for name in ("window_ms", "arrived_ms", "count"))
            assert shown == (key.window_ms, key.arrived_ms, key.count)
            assert bool(fields.get("paused")) == key.paused
            assert len(gates.in_flight(self.core, name)) == self.model.in_flight(name)
        for queue in self.model.queues:
            lingering = sum(self.model.messages[one].queue == queue for one in self.model.lingering)
            assert gates.lingering(self.core, queue) == (lingering, self.model.lag(queue))

    def teardown(self) -> None:
        """With every key resumed and all its limits as they are, everything comes to its end."""
        for name in _NAMES:
            gates.change(self.core, name, paused=0)
        super().teardown()

    def _nothing_is_left(self) -> None:
        super()._nothing_is_left()
        assert gates.wakes(self.core) == {}
        assert self.core.store.command("KEYS", keys.WAITERS("*")) == []
        for name in _NAMES:
            assert gates.users(self.core, name) == set()
            gates.change(self.core, name, pin_parallelism=0, pin_rate=0)
        for queue in ("a", "b"):
            assert gates.lingering(self.core, queue) == (0, 0)
        Audit(self.core).check(tampered=self.disturbed)
