"""How deliveries share the tasks that are kept for them."""

import asyncio
from collections.abc import Coroutine

from qstash_rq.delivery import Claim
from tests.factories import make_message
from workers.hands import Hands


def _claim(message_id: str) -> Claim:
    message = make_message(message_id=message_id)
    return Claim(message=message, attempt=1, retried=0, signing_key="sig_key")


async def _settle_down() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def _run(main: Coroutine[None, None, None]) -> None:
    asyncio.run(main)


def test_a_hand_takes_the_next_claim_when_it_is_idle() -> None:
    """Claims one after the other are worked on by one task, each with its own lease."""
    worked_on: list[tuple[str, int]] = []

    async def work(claimed: Claim, lease_until_ms: int) -> None:
        worked_on.append((claimed.message.message_id, lease_until_ms))

    async def main() -> None:
        hands = Hands(work)
        for number in range(3):
            hands.give(_claim(f"msg_{number}"), number)
            await _settle_down()

        assert len(hands.tasks) == 1
        hands.tasks[0].cancel()

    _run(main())

    assert worked_on == [("msg_0", 0), ("msg_1", 1), ("msg_2", 2)]


def test_claims_at_the_same_time_are_worked_on_side_by_side() -> None:
    """No claim waits for another one's end."""
    at_work: set[str] = set()

    async def work(claimed: Claim, _lease_until_ms: int) -> None:
        at_work.add(claimed.message.message_id)
        await asyncio.Event().wait()

    async def main() -> None:
        hands = Hands(work)
        for number in range(3):
            hands.give(_claim(f"msg_{number}"), 0)
        await _settle_down()

        assert at_work == {"msg_0", "msg_1", "msg_2"}
        for task in hands.tasks:
            task.cancel()

    _run(main())


def test_a_hand_that_fails_is_replaced() -> None:
    """A failure ends one hand, is told by its task, and leaves the next claim to another one."""
    worked_on: list[str] = []

    async def work(claimed: Claim, _lease_until_ms: int) -> None:
        worked_on.append(claimed.message.message_id)
        if claimed.message.message_id == "msg_bad":
            msg = "a defect"
            raise RuntimeError(msg)

    async def main() -> None:
        hands = Hands(work)
        hands.give(_claim("msg_bad"), 0)
        (failing,) = hands.tasks
        await _settle_down()

        assert str(failing.exception()) == "a defect"
        assert hands.tasks == []
        hands.give(_claim("msg_good"), 0)
        await _settle_down()
        hands.tasks[0].cancel()

    _run(main())

    assert worked_on == ["msg_bad", "msg_good"]
