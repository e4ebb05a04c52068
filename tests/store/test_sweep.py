"""What a stock RQ worker popped and lost comes back into line."""

import pytest

from qstash_rq.claim import claim_messages
from qstash_rq.core import Core
from qstash_rq.delivery import Attempt, Claim, Withheld
from qstash_rq.ids import new_message_id
from qstash_rq.message import Flow, Message
from qstash_rq.settle import judge_attempt, settle_outcomes
from qstash_rq.storing import store_messages
from qstash_rq.sweeping import SWEEP_AFTER_MS, Sweeper
from qstash_rq.upkeep import promote_due
from qstash_rq.users import FIRST_USER
from tests.clock import FakeClock

PLAIN = f"{{test}}:queue:{FIRST_USER}"
QUEUE = f"{{test}}:queue:{FIRST_USER}:q"
FLOW = f"{{test}}:queue:{FIRST_USER}:~k"


def stored(core: Core, count: int, queue: str | None = None, flow: Flow | None = None) -> list[str]:
    """Store messages, each a millisecond after the one before, and return their ids."""
    ids: list[str] = []
    for _ in range(count):
        now_ms = core.clock.now_ms()
        message = Message(
            message_id=new_message_id(),
            user_id=FIRST_USER,
            url="http://a.io/",
            created_at_ms=now_ms,
            not_before_ms=now_ms,
            queue_name=queue,
            flow=flow,
        )
        store_messages(core, [message])
        core.clock.advance(1)  # type: ignore[attr-defined]
        ids.append(message.message_id)
    return ids


def claimed(core: Core) -> list[Claim]:
    """Claim what may be claimed."""
    claims = core.store.run(claim_messages(core, worker="w", most=100))
    assert not isinstance(claims, Withheld)
    return list(claims)


def settled(core: Core, claim: Claim, status: int) -> None:
    """Settle a claim with the answer of an endpoint."""
    outcome = judge_attempt(core, claim, Attempt(status=status))
    core.store.run(settle_outcomes(core, worker="w", outcomes=[outcome]))


def ids_of(claims: list[Claim]) -> list[str]:
    """Return the message ids of claims."""
    return [claim.message.message_id for claim in claims]


@pytest.mark.parametrize(("line", "flow"), [(PLAIN, None), (FLOW, Flow(key="k", parallelism=9))])
@pytest.mark.parametrize("count", [1, 3])
def test_a_lost_id_comes_back_in_front(
    core: Core, clock: FakeClock, line: str, flow: Flow | None, count: int
) -> None:
    """A message whose id was popped and lost is put back, whether or not others wait behind it."""
    ids = stored(core, count, flow=flow)
    core.store.command("LPOP", line)
    clock.advance(SWEEP_AFTER_MS)

    assert Sweeper(core).sweep() == 1

    assert ids_of(claimed(core)) == ids


def test_a_young_message_is_left_to_its_worker(core: Core, clock: FakeClock) -> None:
    """What was popped a moment ago may still be in the hands of a stock worker that lives."""
    stored(core, 1)
    core.store.command("LPOP", PLAIN)

    assert Sweeper(core).sweep() == 0

    clock.advance(SWEEP_AFTER_MS)
    assert Sweeper(core).sweep() == 1


def test_messages_in_line_are_left_alone(core: Core, clock: FakeClock) -> None:
    """Where nothing is lost a sweep changes nothing, however often it comes."""
    ids = stored(core, 20)
    clock.advance(SWEEP_AFTER_MS)
    sweeper = Sweeper(core)

    assert [sweeper.sweep() for _ in range(3)] == [0, 0, 0]

    assert core.store.command("LLEN", PLAIN) == 20
    assert ids_of(claimed(core)) == ids


def test_a_queue_goes_on_without_the_ids_of_its_line(core: Core) -> None:
    """When the head ends, the next message of a queue is claimed although a stock worker lost its id."""
    first, second = stored(core, 2, queue="q")
    (claim,) = claimed(core)
    assert claim.message.message_id == first
    core.store.command("DEL", QUEUE)

    settled(core, claim, 200)

    assert ids_of(claimed(core)) == [second]


def test_a_lost_head_that_holds_its_slot_blocks_no_queue(core: Core, clock: FakeClock) -> None:
    """The id of a retry that a stock worker lost comes back, and the queue behind it goes on in order."""
    first, second = stored(core, 2, queue="q")
    settled(core, claimed(core)[0], 500)
    wake_ms = promote_due(core)
    assert wake_ms is not None
    clock.advance(wake_ms - clock.now_ms())
    promote_due(core)
    core.store.command("LPOP", QUEUE)
    assert claimed(core) == []

    assert Sweeper(core).sweep() == 1

    (claim,) = claimed(core)
    assert claim.message.message_id == first
    settled(core, claim, 200)
    assert ids_of(claimed(core)) == [second]


def test_what_a_stock_worker_leaves_behind_is_forgotten(core: Core) -> None:
    """RQ's results and finished entries of our messages do not stay for ever."""
    for lane in (FIRST_USER, f"{FIRST_USER}:q"):
        core.store.command("ZADD", f"{{test}}:finished:{lane}", "inf", f"msg_{lane}")
        core.store.command("XADD", f"{{test}}:results:msg_{lane}", "*", "a", "b")
    stored(core, 1, queue="q")

    Sweeper(core).sweep()

    assert core.store.command("KEYS", "{test}:finished:*") == []
    assert core.store.command("KEYS", "{test}:results:*") == []


def test_a_long_list_is_swept_in_steps(core: Core, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep goes on where the one before it stopped, and then from the start again."""
    monkeypatch.setattr("qstash_rq.sweeping.SWEEP_STEP", 4)
    stored(core, 6)
    last = core.store.command("RPOP", PLAIN)
    core.store.command("DEL", PLAIN)
    clock.advance(SWEEP_AFTER_MS)
    sweeper = Sweeper(core)

    assert [sweeper.sweep(), sweeper.sweep(), sweeper.sweep()] == [4, 2, 0]

    assert last.decode() in ids_of(claimed(core))
