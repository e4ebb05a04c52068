"""Callbacks are made where an attempt is settled, and hold a queue's slot until they end."""

import json

from qstash_rq.claim import claim_messages
from qstash_rq.core import Core
from qstash_rq.dead_letters import list_dead_letters
from qstash_rq.delivery import Attempt, Claim, Settled, Withheld
from qstash_rq.filters import Filter
from qstash_rq.ids import new_message_id
from qstash_rq.message import Callback, Message
from qstash_rq.messages import cancel_message
from qstash_rq.queues import get_queue
from qstash_rq.settle import judge_attempt, settle_outcomes
from qstash_rq.storing import store_messages
from qstash_rq.upkeep import promote_due
from qstash_rq.users import FIRST_USER
from tests.clock import FakeClock

OK = Attempt(status=200, headers=(("content-type", "text/plain"),), body=b"fine")
FAILED = Attempt(status=500, body=b"no")
CALLBACK = Callback(url="http://cb.io/", max_retries=0)
FAILURE_CALLBACK = Callback(url="http://fail.io/", max_retries=0)


def stored(core: Core, queue: str | None = None, max_retries: int = 0) -> str:
    """Store a message with both callbacks and return its id."""
    now_ms = core.clock.now_ms()
    message = Message(
        message_id=new_message_id(),
        user_id=FIRST_USER,
        url="http://a.io/",
        created_at_ms=now_ms,
        not_before_ms=now_ms,
        queue_name=queue,
        max_retries=max_retries,
        body=b"hi",
        callback=CALLBACK,
        failure_callback=FAILURE_CALLBACK,
    )
    store_messages(core, [message])
    return message.message_id


def claimed(core: Core) -> list[Claim]:
    """Claim what may be claimed."""
    claims = core.store.run(claim_messages(core, worker="w", most=100))
    assert not isinstance(claims, Withheld)
    return list(claims)


def settled(core: Core, claim: Claim, attempt: Attempt) -> Settled:
    """Settle one attempt."""
    outcome = judge_attempt(core, claim, attempt)
    (word,) = core.store.run(settle_outcomes(core, worker="w", outcomes=[outcome]))
    return word


def test_a_delivered_message_makes_its_callback(core: Core) -> None:
    """After a 2xx the callback waits to be delivered, with the response in its body."""
    message_id = stored(core)

    settled(core, claimed(core)[0], OK)

    (callback,) = claimed(core)
    payload = json.loads(callback.message.body)
    assert callback.message.url == CALLBACK.url
    assert (payload["status"], payload["sourceMessageId"], payload["body"]) == (200, message_id, "ZmluZQ==")
    assert "dlqId" not in payload


def test_a_retry_makes_a_callback_and_a_final_failure_both(core: Core, clock: FakeClock) -> None:
    """Every attempt is told to the callback; the last failed one to the failure callback with its DLQ id."""
    stored(core, max_retries=1)
    assert settled(core, claimed(core)[0], FAILED) is Settled.RETRY
    (first,) = claimed(core)
    assert first.message.url == CALLBACK.url
    settled(core, first, OK)

    wake_ms = promote_due(core)
    assert wake_ms is not None
    clock.advance(wake_ms - clock.now_ms())
    promote_due(core)
    assert settled(core, claimed(core)[0], FAILED) is Settled.FAILED

    by_url = {one.message.url: json.loads(one.message.body) for one in claimed(core)}
    (letter,) = list_dead_letters(core, FIRST_USER, Filter()).items
    assert set(by_url) == {CALLBACK.url, FAILURE_CALLBACK.url}
    assert by_url[FAILURE_CALLBACK.url]["dlqId"] == letter.dlq_id
    assert by_url[FAILURE_CALLBACK.url]["retried"] == by_url[CALLBACK.url]["maxRetries"] == 1


def test_a_cancelled_message_makes_no_callbacks(core: Core) -> None:
    """A message that was cancelled in flight and fails tells nobody."""
    message_id = stored(core)
    (claim,) = claimed(core)
    cancel_message(core, FIRST_USER, message_id)

    assert settled(core, claim, FAILED) is Settled.CANCELED

    assert claimed(core) == []


def test_a_superseded_attempt_makes_no_callbacks(core: Core) -> None:
    """Settled twice, an attempt calls back once."""
    stored(core)
    (claim,) = claimed(core)
    settled(core, claim, OK)

    assert settled(core, claim, OK) is Settled.SUPERSEDED

    assert len(claimed(core)) == 1


def test_a_queues_slot_is_held_until_the_callbacks_have_ended(core: Core) -> None:
    """The next message of a queue waits for the callback of the one before; lag counts the living alone."""
    stored(core, "q")
    second = stored(core, "q")
    (claim,) = claimed(core)
    settled(core, claim, OK)

    (callback,) = claimed(core)
    assert callback.message.url == CALLBACK.url
    assert get_queue(core, FIRST_USER, "q").lag == 1
    assert claimed(core) == []

    settled(core, callback, OK)
    assert [one.message.message_id for one in claimed(core)] == [second]


def test_a_callback_that_fails_or_is_cancelled_frees_the_slot_too(core: Core) -> None:
    """Whatever becomes of a callback, its end gives the slot back."""
    stored(core, "q")
    stored(core, "q")
    third = stored(core, "q")
    settled(core, claimed(core)[0], OK)
    (callback,) = claimed(core)
    assert settled(core, callback, FAILED) is Settled.FAILED

    settled(core, claimed(core)[0], OK)
    (callback,) = claimed(core)
    cancel_message(core, FIRST_USER, callback.message.message_id)
    assert settled(core, callback, FAILED) is Settled.CANCELED

    assert [one.message.message_id for one in claimed(core)] == [third]
