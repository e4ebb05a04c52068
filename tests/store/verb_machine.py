"""The verbs of the API in any order, with all that workers and schedulers do, against a model."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from qstash_rq.dead_letters import delete_dead_letters, list_dead_letters, retry_dead_letters
from qstash_rq.delivery import Claim, Settled, Withheld
from qstash_rq.errors import NotFound
from qstash_rq.filters import Filter
from qstash_rq.messages import cancel_messages
from qstash_rq.queues import delete_queue, pause_queue, resume_queue
from qstash_rq.signing_keys import rotate_signing_keys
from qstash_rq.store import delivery_scripts, keys
from qstash_rq.sweeping import Sweeper
from qstash_rq.upkeep import expire_old
from qstash_rq.users import FIRST_USER
from tests.store.flow_machine import CALLBACKS, Callbacks
from tests.store.making_machine import MakingMachine

_QUEUES = st.sampled_from(["a", "b"])
_LANES = st.sampled_from([None, None, "a", "b"])
_COUNTS = st.sampled_from([None, 1, 2])
# Longer than anything is kept.
_LONG_MS = 8 * 86_400_000


class VerbMachine(MakingMachine):
    """Drives the verbs, the scripts and the model side by side."""

    # ── what ends messages ─────────────────────────────────────────────────────────────────────

    @precondition(lambda self: self.steps % 4 == 0)
    @rule(queue=_LANES, count=_COUNTS)
    def cancel_by_filter(self, queue: str | None, count: int | None) -> None:
        """Somebody cancels the messages of a queue, or all, the oldest first."""
        wanted = Filter(queue_names=(queue,) if queue else ())
        expected = self.model.cancel_oldest(queue, count)
        assert cancel_messages(self.core, FIRST_USER, wanted, count=count) == expected

    @precondition(lambda self: self.model.messages and self.steps % 2 == 0)
    @rule(picks=st.lists(st.integers(0, 10_000), min_size=1, max_size=4))
    def cancel_by_id(self, picks: list[int]) -> None:
        """Somebody cancels given messages, living or not, and one that never was."""
        known = list(self.model.messages)
        ids = tuple(dict.fromkeys(known[pick % len(known)] for pick in picks))
        expected = sum(self.model.cancel(one) != "gone" for one in ids)
        given = (*ids, "msg_unknown", ids[0])
        assert cancel_messages(self.core, FIRST_USER, Filter(), message_ids=given) == expected

    @precondition(lambda self: self.model.dead)
    @rule(count=st.integers(1, 3), revives=st.booleans())
    def take_dead_letters(self, count: int, revives: bool) -> None:
        """Somebody revives the newest dead letters or deletes them."""
        letters = list_dead_letters(self.core, FIRST_USER, Filter(), count=count).items
        newest = self.model.dead[::-1][:count]
        assert [one.message.message_id for one in letters] == newest
        del self.model.dead[-len(newest) :]
        if not revives:
            assert delete_dead_letters(self.core, FIRST_USER, Filter(), count=count).count == len(newest)
            return
        ids = retry_dead_letters(self.core, FIRST_USER, Filter(), count=count).items
        for letter, message_id in zip(letters, ids, strict=True):
            self.model.take_in(message_id, letter.message.queue_name, letter.message.flow, 0)

    @precondition(lambda self: self.steps % 2 == 0)
    @rule(queue=_QUEUES, change=st.sampled_from([pause_queue, resume_queue, delete_queue]))
    def change_queue(self, queue: str, change: Any) -> None:
        """Somebody pauses, resumes or deletes a queue."""
        if change is delete_queue:
            change(self.core, FIRST_USER, queue)
            self.model.delete_queue(queue)
        elif queue in self.model.queues:
            change(self.core, FIRST_USER, queue)
            self.model.queues[queue].paused = change is pause_queue
        else:
            with pytest.raises(NotFound):
                change(self.core, FIRST_USER, queue)

    # ── the rest ───────────────────────────────────────────────────────────────────────────────

    def _claim(self, most: int, lanes: Sequence[str]) -> tuple[Claim, ...]:
        claims = super()._claim(most, lanes)
        assert {one.signing_key for one in claims} <= {self.model.signing_keys[0]}
        return claims

    @precondition(lambda self: self.steps % 3 == 0)
    @rule(what=st.sampled_from(["rotate", "suspend", "sweep", "forget first use"]))
    def operate(self, what: str) -> None:
        """Somebody rotates keys or suspends workers; the scheduler sweeps; deduplication windows end."""
        {
            "rotate": self._rotate,
            "suspend": self._suspend,
            "sweep": self._sweep,
            "forget first use": self._forget_first_use,
        }[what]()

    def _rotate(self) -> None:
        """The next key signs from now on."""
        _, following = self.model.signing_keys
        rotated = rotate_signing_keys(self.core, FIRST_USER)
        assert rotated.current == following
        self.model.signing_keys = (rotated.current, rotated.next)

    def _suspend(self) -> None:
        """A claim while all are suspended hands out nothing."""
        now_ms = self.clock.now_ms()
        self.core.store.command("SET", keys.SUSPENDED(), 1)
        call = delivery_scripts.claim(
            worker="w", now_ms=now_ms, lease_until_ms=now_ms + 1, most=10, most_in_flight=10
        )
        assert self.core.store.run(call) is Withheld.SUSPENDED
        self.core.store.command("DEL", keys.SUSPENDED())

    def _sweep(self) -> None:
        """There is nothing to find: no stock worker is about."""
        assert Sweeper(self.core).sweep() == 0

    def _forget_first_use(self) -> None:
        """The windows end, as they do by themselves in real time."""
        self.model.first_use.clear()
        for name in self.core.store.command("KEYS", keys.DEDUP("*")):
            self.core.store.command("DEL", name)

    @precondition(lambda self: self.steps % 6 == 0)
    @rule()
    def grow_old(self) -> None:
        """A week and more goes by, and the scheduler trims logs and dead letters."""
        self.clock.advance(_LONG_MS)
        expire_old(self.core)
        self.model.grow_old()

    # Hypothesis gives each rule the same weight: without these three hardly a message would be tried.

    @rule(callbacks=CALLBACKS)
    def work_well(self, callbacks: Callbacks) -> None:
        """A worker delivers all it is given."""
        self.work(Settled.DELIVERED, callbacks)

    @rule(callbacks=CALLBACKS)
    def work_badly(self, callbacks: Callbacks) -> None:
        """A worker fails at all it is given."""
        self.work(Settled.FAILED, callbacks)

    @rule(most=st.sampled_from([1, 3, 100]))
    def take(self, most: int) -> None:
        """A worker takes messages and has not yet settled them."""
        self._claim(most, ())
