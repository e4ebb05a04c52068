"""Named queues: first in, first out, as many at a time as the queue allows."""

from tests.life.caller import Caller
from tests.receiver import Gate, Receiver, Reply, Request

AT_ONCE = {"Upstash-Retry-Delay": "5"}


def _bodies(receiver: Receiver) -> list[int]:
    return [int(request.body) for request in receiver.requests]


def test_a_queue_keeps_its_order_through_failures(api: Caller, receiver: Receiver) -> None:
    """Of a hundred messages the tenth fails twice: the others wait for it, and never are two under way."""
    failures = iter([Reply(status=500)] * 2)

    def answer(request: Request) -> Reply:
        return next(failures, Reply()) if request.body == b"10" else Reply()

    receiver.script("/line", answer)
    for number in range(1, 101):
        api.enqueue("hundred", receiver.url("/line"), b"%d" % number, headers=AT_ONCE)

    receiver.wait_for(102, timeout_s=30)
    assert _bodies(receiver) == [*range(1, 10), 10, 10, 10, *range(11, 101)]
    assert receiver.most_open_requests == 1


def test_a_paused_queue_waits(api: Caller, receiver: Receiver) -> None:
    """A paused queue takes messages and delivers none; resumed, it goes on with the oldest."""
    api.upsert_queue("paused", paused=True)
    for number in range(5):
        api.enqueue("paused", receiver.url("/line"), b"%d" % number)
    queue = api.get("/v2/queues/paused")
    assert (queue["paused"], queue["lag"]) == (True, 5)
    # A message of another queue that comes later is delivered: this one waits for its own gate only.
    api.wait_until_delivered(api.enqueue("not-paused", receiver.url("/other")))
    assert receiver.requests_to("/line") == ()

    assert api.call("POST", "/v2/queues/paused/resume").status == 200
    receiver.wait_for(5, "/line")
    assert [int(request.body) for request in receiver.requests_to("/line")] == [0, 1, 2, 3, 4]


def test_a_pause_lets_the_attempt_under_way_finish(api: Caller, receiver: Receiver) -> None:
    """Pausing holds back the next message, not the one in flight."""
    gate = Gate()
    receiver.script("/line", Reply(gate=gate), Reply())
    first = api.enqueue("pausing", receiver.url("/line"), b"1")
    second = api.enqueue("pausing", receiver.url("/line"), b"2")
    receiver.wait_for(1)
    assert api.call("POST", "/v2/queues/pausing/pause").status == 200
    gate.open()

    api.wait_until_delivered(first)
    assert api.states(second) == ["CREATED"]
    assert api.get("/v2/queues/pausing")["lag"] == 1
    api.call("POST", "/v2/queues/pausing/resume")
    api.wait_until_delivered(second)
    assert _bodies(receiver) == [1, 2]


def test_parallelism_is_what_the_endpoint_sees(api: Caller, receiver: Receiver) -> None:
    """A queue of parallelism 3 has three requests open while there is work, and never more."""
    gates = [Gate() for _ in range(12)]
    receiver.script("/line", *[Reply(gate=gate) for gate in gates])
    api.upsert_queue("three", parallelism=3)
    ids = [api.enqueue("three", receiver.url("/line")) for _ in gates]

    for number, gate in enumerate(gates):
        receiver.wait_for(min(number + 3, len(gates)))
        gate.open()
    for message_id in ids:
        api.wait_until_delivered(message_id)
    assert receiver.most_open_requests == 3
    assert len(receiver.requests) == 12


def test_more_parallelism_takes_effect_at_once(api: Caller, receiver: Receiver) -> None:
    """A queue that is given more slots fills them while the first one is still held."""
    gate = Gate()
    receiver.script("/line", Reply(gate=gate))
    ids = [api.enqueue("growing", receiver.url("/line")) for _ in range(4)]
    receiver.wait_for(1)

    api.upsert_queue("growing", parallelism=4)
    receiver.wait_for(4)
    gate.open()
    for message_id in ids:
        api.wait_until_delivered(message_id)


def test_a_delayed_message_joins_the_line_when_due(api: Caller, receiver: Receiver) -> None:
    """A delayed message holds no place before its time: what was enqueued after it goes first."""
    late = api.enqueue("joining", receiver.url("/late"), headers={"Upstash-Delay": "1s"})
    early = api.enqueue("joining", receiver.url("/early"))

    api.wait_until_delivered(early)
    assert api.get("/v2/queues/joining")["lag"] == 1
    api.wait_until_delivered(late)
    assert [request.path for request in receiver.requests] == ["/early", "/late"]


def test_a_retry_keeps_its_slot(api: Caller, receiver: Receiver) -> None:
    """While the head waits for its next attempt, the rest of the queue waits too; a cancel lets them go."""
    receiver.script("/head", Reply(status=500))
    head = api.enqueue("blocked", receiver.url("/head"), headers={"Upstash-Retry-Delay": "3600000"})
    rest = api.enqueue("blocked", receiver.url("/rest"))
    api.wait_for(head, "RETRY")
    # A worker that came by since would have taken it: this one has delivered something else meanwhile.
    api.wait_until_delivered(api.publish(receiver.url("/other")))
    assert api.states(rest) == ["CREATED"]

    assert api.call("DELETE", f"/v2/messages/{head}").status == 200
    api.wait_until_delivered(rest)


def test_a_dead_head_lets_the_queue_go_on(api: Caller, receiver: Receiver) -> None:
    """A message that runs out of attempts leaves its queue; revived, it stands at the end of it."""
    receiver.script("/head", Reply(status=500), Reply())
    head = api.enqueue("dying", receiver.url("/head"), headers={"Upstash-Retries": "0"})
    rest = api.enqueue("dying", receiver.url("/rest"))

    api.wait_for(head, "FAILED")
    api.wait_until_delivered(rest)
    (letter,) = api.dead_letters(messageId=head)
    assert letter["queueName"] == "dying"
    revived = api.call("POST", f"/v2/dlq/retry/{letter['dlqId']}").json()["messageId"]
    api.wait_until_delivered(revived)
    assert api.get(f"/v2/messages/{revived}")["queueName"] == "dying"
    assert [request.path for request in receiver.requests] == ["/head", "/rest", "/head"]


def test_a_deleted_queue_takes_its_messages_along(api: Caller, receiver: Receiver) -> None:
    """What waits is cancelled, what is in flight finishes, and the queue is gone at once."""
    gate = Gate()
    receiver.script("/line", Reply(gate=gate))
    flying = api.enqueue("doomed", receiver.url("/line"))
    waiting = [api.enqueue("doomed", receiver.url("/line")) for _ in range(3)]
    waiting.append(api.enqueue("doomed", receiver.url("/line"), headers={"Upstash-Delay": "1h"}))
    receiver.wait_for(1)

    assert api.call("DELETE", "/v2/queues/doomed").status == 200
    assert api.call("GET", "/v2/queues/doomed").status == 404
    assert "doomed" not in [queue["name"] for queue in api.get("/v2/queues")]
    for message_id in waiting:
        assert api.states(message_id) == ["CREATED", "CANCEL_REQUESTED", "CANCELED"]
        assert api.call("GET", f"/v2/messages/{message_id}").status == 404
    gate.open()
    api.wait_until_delivered(flying)
    assert len(receiver.requests) == 1


def test_a_queue_may_come_again_under_its_name(api: Caller, receiver: Receiver) -> None:
    """A queue made anew after its deletion is a fresh one and delivers."""
    api.upsert_queue("again", parallelism=7, paused=True)
    old = api.enqueue("again", receiver.url("/old"))
    assert api.call("DELETE", "/v2/queues/again").status == 200

    new = api.enqueue("again", receiver.url("/new"))
    api.wait_until_delivered(new)
    queue = api.get("/v2/queues/again")
    assert (queue["parallelism"], queue["paused"], queue["lag"]) == (1, False, 0)
    assert api.states(old)[-1] == "CANCELED"
    assert [request.path for request in receiver.requests] == ["/new"]
