"""Flow control at the gate: parallelism, rate, pauses and pins, on a real server."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from qstash_rq.claim import claim_messages
from qstash_rq.core import Core
from qstash_rq.delivery import Claim, Settled, Withheld
from qstash_rq.flow_control import (
    get_flow,
    get_global_parallelism,
    list_flows,
    pause_flow,
    pin_flow,
    reset_rate,
    resume_flow,
    unpin_flow,
)
from qstash_rq.ids import new_message_id
from qstash_rq.message import Flow, Message
from qstash_rq.messages import cancel_message
from qstash_rq.store import keys
from qstash_rq.store.delivery_scripts import Settlement, settle
from qstash_rq.storing import store_messages
from qstash_rq.upkeep import promote_due, recover_lost
from qstash_rq.users import FIRST_USER
from tests import seed
from tests.clock import FakeClock
from tests.store import gates


def stored(core: Core, flow: Flow, count: int = 1, queue: str | None = None) -> list[str]:
    """Store messages under a key and return their ids."""
    now_ms = core.clock.now_ms()
    messages = [
        Message(
            message_id=new_message_id(),
            user_id=FIRST_USER,
            url="http://a.io/",
            created_at_ms=now_ms,
            not_before_ms=now_ms,
            flow=flow,
            queue_name=queue,
        )
        for _ in range(count)
    ]
    for message in messages:
        store_messages(core, [message])
    return [message.message_id for message in messages]


def claimed(core: Core, most: int = 100) -> list[Claim]:
    """Claim what may be claimed."""
    claims = core.store.run(claim_messages(core, worker="w", most=most))
    assert not isinstance(claims, Withheld)
    return list(claims)


def settled(
    core: Core, claims: Sequence[Claim], outcome: Settled = Settled.DELIVERED, due_ms: int = 0
) -> None:
    """Settle claims."""
    call = settle(
        worker="w",
        now_ms=core.clock.now_ms(),
        keep_ms=60_000,
        dead_keep_ms=60_000,
        max_timeout_ms=1_000,
        settlements=[
            Settlement(
                message_id=one.message.message_id,
                attempt=one.attempt,
                outcome=outcome,
                due_ms=due_ms,
                response="{}",
            )
            for one in claims
        ],
    )
    assert set(core.store.run(call)) == {outcome}


def ids(claims: Sequence[Claim]) -> list[str]:
    """Return the message ids of claims."""
    return [one.message.message_id for one in claims]


def test_parallelism_bounds_what_is_in_flight(core: Core) -> None:
    """No more deliveries of a key are open than its parallelism; each end starts the next one."""
    waiting = stored(core, Flow(key="k", parallelism=2), 5)

    first = claimed(core)
    assert ids(first) == waiting[:2]
    assert claimed(core) == []

    settled(core, first[:1])
    second = claimed(core)
    assert ids(second) == waiting[2:3]
    state = get_flow(core, FIRST_USER, "k")
    assert (state.parallelism_count, state.parallelism_max, state.wait_list_size) == (2, 2, 2)


def test_a_retry_does_not_hold_the_parallelism(core: Core) -> None:
    """Between two attempts a message holds no slot of its key: in flight means sent and unanswered."""
    waiting = stored(core, Flow(key="k", parallelism=1), 2)

    settled(core, claimed(core), Settled.RETRY, core.clock.now_ms() + 1_000)

    assert ids(claimed(core)) == waiting[1:]


def test_rate_bounds_what_starts_in_a_window(core: Core, clock: FakeClock) -> None:
    """At most `rate` deliveries start in a period; the window's end puts the lane on the ring by itself."""
    waiting = stored(core, Flow(key="k", rate=3, period_ms=1_000), 7)
    settled(core, claimed(core))
    assert claimed(core) == []

    window_end = promote_due(core)
    assert window_end is not None
    assert 1_000 <= window_end - clock.now_ms() <= 1_050
    clock.advance(window_end - clock.now_ms())
    promote_due(core)

    assert ids(claimed(core)) == waiting[3:6]


def test_a_gate_at_which_nothing_waits_wakes_nobody(core: Core) -> None:
    """A lane that has given its last message is looked at once more; its window need not end for anybody."""
    stored(core, Flow(key="k", rate=2, period_ms=60_000), 2)
    settled(core, claimed(core, 2))
    assert gates.gate("k") in seed.ring(core)

    assert claimed(core) == []

    assert core.store.command("ZCARD", keys.WAKES()) == 0
    assert seed.ring(core) == []


def test_every_attempt_counts_for_the_rate(core: Core, clock: FakeClock) -> None:
    """A retry within the window takes one of its places."""
    (first, second) = stored(core, Flow(key="k", rate=2, period_ms=60_000), 2)
    settled(core, claimed(core, 1), Settled.RETRY, clock.now_ms() + 10)
    clock.advance(10)
    promote_due(core)

    assert ids(claimed(core)) == [second]
    assert get_flow(core, FIRST_USER, "k").rate_count == 2
    assert first not in ids(claimed(core))


def test_a_dead_workers_slot_comes_back_with_the_lease(core: Core, clock: FakeClock) -> None:
    """A claim that is never settled gives its place back when its lease has ended."""
    waiting = stored(core, Flow(key="k", parallelism=1), 2)
    claimed(core)
    clock.advance(core.settings.lease_ms + 1)

    recover_lost(core)

    assert get_flow(core, FIRST_USER, "k").parallelism_count == 0
    assert ids(claimed(core)) == waiting[:1]


def test_a_message_in_a_queue_passes_both_gates(core: Core) -> None:
    """The head of a queue waits for its key, the queue behind it too, and both go on when the key is free."""
    (busy,) = stored(core, Flow(key="k", parallelism=1))
    queued = stored(core, Flow(key="k", parallelism=1), 2, queue="q")
    first = claimed(core)
    assert ids(first) == [busy]
    assert claimed(core) == []

    settled(core, first)
    second = claimed(core)
    assert ids(second) == queued[:1]
    assert claimed(core) == []

    settled(core, second)
    assert ids(claimed(core)) == queued[1:]


def test_a_paused_key_dispatches_nothing_until_it_is_resumed(core: Core) -> None:
    """Pausing holds a key's messages back, in a queue too; resuming wakes them at once."""
    pause_flow(core, FIRST_USER, "k")
    plain = stored(core, Flow(key="k", parallelism=5), 2)
    queued = stored(core, Flow(key="k", parallelism=5), 1, queue="q")
    assert claimed(core) == []
    assert get_flow(core, FIRST_USER, "k").is_paused

    resume_flow(core, FIRST_USER, "k")

    assert sorted(ids(claimed(core))) == sorted(plain + queued)


def test_a_pin_outlasts_what_messages_bring(core: Core) -> None:
    """Pinned limits stay whatever messages say, and an unpinned one follows the next message."""
    pin_flow(core, FIRST_USER, "k", parallelism=1)
    stored(core, Flow(key="k", parallelism=9, rate=7, period_ms=2_000))
    pinned = get_flow(core, FIRST_USER, "k")
    assert (pinned.parallelism_max, pinned.rate_max, pinned.rate_period_s) == (1, 7, 2)
    assert (pinned.is_pinned_parallelism, pinned.is_pinned_rate) == (True, False)

    unpin_flow(core, FIRST_USER, "k", parallelism=True, rate=False)
    assert get_flow(core, FIRST_USER, "k").parallelism_max == 1
    stored(core, Flow(key="k", parallelism=9))
    free = get_flow(core, FIRST_USER, "k")
    assert (free.parallelism_max, free.rate_max, free.is_pinned_parallelism) == (9, 0, False)


def test_a_wider_limit_wakes_what_waits(core: Core) -> None:
    """A message that brings a larger parallelism lets others start at once."""
    stored(core, Flow(key="k", parallelism=1), 3)
    assert len(claimed(core)) == 1

    stored(core, Flow(key="k", parallelism=3))

    assert len(claimed(core)) == 2


def test_reset_rate_starts_a_window_now(core: Core) -> None:
    """After a reset nothing is counted and the wait list is looked at again."""
    stored(core, Flow(key="k", rate=1, period_ms=60_000), 2)
    assert len(claimed(core)) == 1
    assert claimed(core) == []

    reset_rate(core, FIRST_USER, "k")

    assert get_flow(core, FIRST_USER, "k").rate_count == 0
    assert len(claimed(core)) == 1


def test_keys_of_others_go_on(core: Core) -> None:
    """A key whose gate is shut holds no other key back."""
    stored(core, Flow(key="a", parallelism=1), 50)
    (other,) = stored(core, Flow(key="b", parallelism=1))

    assert other in ids(claimed(core))


def test_an_unused_key_is_forgotten_after_a_day(core: Core) -> None:
    """When the last message of a key has ended it expires, unless it is pinned."""
    (message_id,) = stored(core, Flow(key="k", parallelism=1))
    key = f"{{test}}:qstash:flow:{FIRST_USER}:~k"
    assert core.store.command("TTL", key) == -1

    cancel_message(core, FIRST_USER, message_id)
    assert 0 < core.store.command("TTL", key) <= 86_400

    pin_flow(core, FIRST_USER, "k", rate=1)
    assert core.store.command("TTL", key) == -1

    unpin_flow(core, FIRST_USER, "k", parallelism=False, rate=True)
    assert 0 < core.store.command("TTL", key) <= 86_400


def test_a_key_may_be_any_text(core: Core) -> None:
    """Keys with colons, tildes, blanks and slashes are lanes of their own and are listed and searched."""
    keys = ["a:b", "~x", "with blank", "path/like", "ü"]
    for key in keys:
        stored(core, Flow(key=key, parallelism=1))

    assert [flow.key for flow in list_flows(core, FIRST_USER)] == sorted(keys)
    assert [flow.key for flow in list_flows(core, FIRST_USER, search="/li")] == ["path/like"]
    assert len(claimed(core)) == len(keys)


def test_all_workers_together_hold_no_more_than_the_global_parallelism(core: Core) -> None:
    """At the cap a claim is withheld; an end lets the next one start."""
    capped = replace(core, settings=replace(core.settings, max_global_parallelism=2))
    stored(core, Flow(key="k", parallelism=9), 3)

    first = claimed(capped)
    assert len(first) == 2
    assert capped.store.run(claim_messages(capped, worker="w", most=9)) is Withheld.FULL
    assert get_global_parallelism(capped).count == 2

    settled(core, first[:1])
    assert len(claimed(capped)) == 1


@pytest.mark.parametrize("closed", ["paused", "in flight", "rate"])
def test_cancelling_the_head_that_waits_for_its_key_lets_the_queue_go_on(core: Core, closed: str) -> None:
    """The next message of the queue, of no key or of another one, starts at once."""
    if closed == "paused":
        pause_flow(core, FIRST_USER, "k")
    else:
        flow = Flow(key="k", parallelism=1) if closed == "in flight" else Flow(key="k", rate=1)
        stored(core, flow)
        claimed(core)
    flow = Flow(key="k", rate=1) if closed == "rate" else Flow(key="k", parallelism=1)
    (head,) = stored(core, flow, queue="q")
    (free,) = seed.seed(core, queue="q")
    assert claimed(core) == []

    cancel_message(core, FIRST_USER, head)

    assert ids(claimed(core)) == [free]
    resume_flow(core, FIRST_USER, "k")
