"""The verbs that make messages in any order: publish, enqueue, batch, fan-out, schedules and their ticks."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from qstash_rq.batch import publish_batch
from qstash_rq.core import Core
from qstash_rq.errors import NotFound
from qstash_rq.message import Flow
from qstash_rq.publish import PublishRequest, Receipt, publish, schedule
from qstash_rq.schedules import delete_schedule, get_schedule, pause_schedule, resume_schedule
from qstash_rq.signing_keys import get_signing_keys
from qstash_rq.ticking import tick_due
from qstash_rq.url_group import Endpoint
from qstash_rq.url_groups import delete_group, remove_endpoints, upsert_endpoints
from qstash_rq.users import FIRST_USER
from tests import seed
from tests.store.flow_machine import FlowMachine
from tests.store.verb_model import MINUTE_MS, Plan, VerbModel

_URL = "https://example.com/hook"
_TARGETS = st.sampled_from([_URL, _URL, "g1", "g2"])
_GROUPS = st.sampled_from(["g1", "g2"])
_ENDPOINTS = st.lists(
    st.sampled_from([f"{_URL}/{number}" for number in range(3)]), min_size=1, max_size=3, unique=True
)
_QUEUES = st.sampled_from(["a", "b"])
_LANES = st.sampled_from([None, None, "a", "b"])
_ONCE = st.sampled_from([None, None, None, "x", "y"])
_DELAYS_S = st.sampled_from([0, 0, 0, 1])
_COUNTS = st.sampled_from([None, 1, 2])
_PLANS = st.sampled_from(["s1", "s2"])
_FLOWS = st.sampled_from(
    [None, None, Flow(key="k1", parallelism=1), Flow(key="k2", parallelism=2, rate=2, period_ms=1_000)]
)
_Wish = tuple[str, str | None, Flow | None, str | None, int]
_WISHES = st.tuples(_TARGETS, _LANES, _FLOWS, _ONCE, _DELAYS_S)
# Longer than anything is kept.
_LONG_MS = 8 * 86_400_000


def _headers(flow: Flow | None, once: str | None, delay_s: int) -> dict[str, str]:
    headers = {"Upstash-Delay": f"{delay_s}s"} if delay_s else {}
    if once is not None:
        headers["Upstash-Deduplication-Id"] = once
    if flow is not None:
        limits = {"parallelism": flow.parallelism, "rate": flow.rate, "period": f"{flow.period_ms // 1000}s"}
        words = [f"{name}={value}" for name, value in limits.items() if value is not None]
        headers |= {"Upstash-Flow-Control-Key": flow.key, "Upstash-Flow-Control-Value": ", ".join(words)}
    return headers


class MakingMachine(FlowMachine):
    """Drives the verbs that make messages, and all that workers and schedulers do to them."""

    model: VerbModel

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self.model = VerbModel(self.clock)
        found = get_signing_keys(self.core, FIRST_USER)
        self.model.signing_keys = (found.current, found.next)

    # ── what makes messages ────────────────────────────────────────────────────────────────────

    @rule(wish=_WISHES)
    def publish(self, wish: _Wish) -> None:
        """Somebody publishes or enqueues, to a URL or a group, perhaps again."""
        target, queue, flow, once, delay_s = wish
        headers = tuple(_headers(flow, once, delay_s).items())
        request = PublishRequest(destination=target, headers=headers, body=b"", queue_name=queue)
        if not self.model.copies(target):
            with pytest.raises(NotFound):
                publish(self.core, FIRST_USER, request)
            return
        made = publish(self.core, FIRST_USER, request)
        assert made.to_group == (target != _URL)
        self._take_in(wish, made.receipts)

    @rule(wishes=st.lists(_WISHES, min_size=1, max_size=4))
    def batch(self, wishes: list[_Wish]) -> None:
        """Somebody sends a batch; items to groups that do not exist are told so."""
        items = [
            {"destination": target, "headers": _headers(flow, once, delay_s)}
            | ({"queue": queue} if queue else {})
            for target, queue, flow, once, delay_s in wishes
        ]
        payload = json.dumps(items).encode()
        if not any(self.model.copies(target) for target, *_ in wishes):
            with pytest.raises(NotFound):
                publish_batch(self.core, FIRST_USER, payload, caller_ip=None)
            return
        elements = publish_batch(self.core, FIRST_USER, payload, caller_ip=None)
        for wish, element in zip(wishes, elements, strict=True):
            assert (element.error is None) == bool(self.model.copies(wish[0]))
            if element.error is None:
                self._take_in(wish, element.receipts)

    def _take_in(self, wish: _Wish, receipts: Sequence[Receipt]) -> None:
        target, queue, flow, once, delay_s = wish
        ids = [one.message_id for one in receipts]
        assert len(ids) == self.model.copies(target)
        first_use = self.model.first_use.get(once or "")
        assert {one.deduplicated for one in receipts} == {first_use is not None}
        if first_use is not None:
            assert ids == [first_use[min(at, len(first_use) - 1)] for at in range(len(ids))]
            return
        assert len(set(ids)) == len(ids)
        if once is not None:
            self.model.first_use[once] = ids
        for message_id in ids:
            self.model.take_in(message_id, queue, flow, self.clock.now_ms() + 1000 * delay_s)

    # ── groups ─────────────────────────────────────────────────────────────────────────────────

    @rule(name=_GROUPS, urls=_ENDPOINTS)
    def grow(self, name: str, urls: list[str]) -> None:
        """Somebody adds endpoints to a group."""
        upsert_endpoints(self.core, FIRST_USER, name, tuple(Endpoint(url=url) for url in urls))
        known = self.model.groups.setdefault(name, [])
        known += [url for url in urls if url not in known]

    @rule(name=_GROUPS, urls=_ENDPOINTS, whole=st.booleans())
    def shrink(self, name: str, urls: list[str], whole: bool) -> None:
        """Somebody removes endpoints, or the whole group; with its last endpoint a group goes."""
        known = self.model.groups.pop(name, None)
        if whole:
            delete_group(self.core, FIRST_USER, name)
            return
        endpoints = tuple(Endpoint(url=url) for url in urls)
        if known is None:
            with pytest.raises(NotFound):
                remove_endpoints(self.core, FIRST_USER, name, endpoints)
            return
        remove_endpoints(self.core, FIRST_USER, name, endpoints)
        left = [url for url in known if url not in urls]
        if left:
            self.model.groups[name] = left

    # ── schedules ──────────────────────────────────────────────────────────────────────────────

    @rule(name=_PLANS, to=_TARGETS, queue=_LANES)
    def plan(self, name: str, to: str, queue: str | None) -> None:
        """Somebody makes a schedule or replaces it; to a group that exists."""
        headers = {"Upstash-Cron": "* * * * *", "Upstash-Schedule-Id": name}
        headers |= {"Upstash-Queue-Name": queue} if queue else {}
        request = PublishRequest(destination=to, headers=tuple(headers.items()), body=b"")
        if not self.model.copies(to):
            with pytest.raises(NotFound):
                schedule(self.core, FIRST_USER, request)
            return
        assert schedule(self.core, FIRST_USER, request) == name
        old = self.model.plans.get(name)
        self.model.plans[name] = Plan(
            target=to,
            queue=queue,
            next_ms=self.model.next_minute_ms(),
            paused=old is not None and old.paused,
            made=old.made if old else [],
        )

    @precondition(lambda self: self.model.plans)
    @rule(pick=st.integers(0, 1), change=st.sampled_from([pause_schedule, resume_schedule, delete_schedule]))
    def change_plan(self, pick: int, change: Any) -> None:
        """Somebody pauses, resumes or deletes a schedule."""
        name = sorted(self.model.plans)[pick % len(self.model.plans)]
        change(self.core, FIRST_USER, name)
        self.model.plans[name].paused = change is pause_schedule
        if change is delete_schedule:
            del self.model.plans[name]

    @precondition(lambda self: self.model.plans)
    @rule(minutes=st.sampled_from([1, 1, 3]), schedulers=st.sampled_from([1, 2]))
    def tick(self, minutes: int, schedulers: int) -> None:
        """Schedulers come at the full minute, or later: each schedule ticks once."""
        self.clock.advance(minutes * MINUTE_MS - self.clock.now_ms() % MINUTE_MS)
        for _ in range(schedulers):
            tick_due(self.core)
        for name, plan in self.model.due_plans():
            plan.next_ms = self.model.next_minute_ms()
            if not plan.paused:
                stored = get_schedule(self.core, FIRST_USER, name)
                plan.made = sorted(stored.states, key=self._first_entry)
                assert len(plan.made) == self.model.copies(plan.target)
                assert bool(stored.error) == (not plan.made)
                for message_id in plan.made:
                    self.model.take_in(message_id, plan.queue, None, 0)

    def _first_entry(self, message_id: str) -> tuple[int, ...]:
        return tuple(map(int, seed.record(self.core, message_id)["trail"].split()[0].split("-")))

    @invariant()
    def every_schedule_is_as_the_model_says(self) -> None:
        """Schedules have their next tick, and tell what became of the messages of the last one."""
        words = {"delivered": "SUCCESS", "failed": "FAIL", "canceled": "FAIL"}
        for name, plan in self.model.plans.items():
            stored = get_schedule(self.core, FIRST_USER, name)
            assert (stored.next_ms, stored.paused) == (plan.next_ms, plan.paused)
            assert set(stored.states) == set(plan.made)
            for message_id in plan.made:
                state = self.model.messages[message_id].state
                if state != "gone":
                    assert stored.states[message_id] == words.get(state, "IN_PROGRESS")

    def teardown(self) -> None:
        """Without schedules everything comes to its end."""
        for name in self.model.plans:
            delete_schedule(self.core, FIRST_USER, name)
        super().teardown()
