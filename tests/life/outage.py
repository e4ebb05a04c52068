"""What a caller sees of Redis in trouble: 503 and nothing else, and afterwards all is well at once."""

from time import monotonic

from tests.life.caller import Answer, Caller
from tests.receiver import Receiver
from tests.waiting import wait_until

BACK_S = 5
# The time-out of a call to Redis, and a little for the rest of the way.
ANSWER_S = 4.5


def try_to_publish(api: Caller, receiver: Receiver, path: str) -> Answer:
    """Publish a message and return whatever the answer is."""
    return api.call("POST", f"/v2/publish/{receiver.url(path)}")


def be_refused(api: Caller, receiver: Receiver) -> None:
    """Publish a message, which must be answered 503, in words, and in time."""
    began = monotonic()
    answer = try_to_publish(api, receiver, "/refused")
    assert answer.status == 503
    assert list(answer.json()) == ["error"]
    assert monotonic() - began < ANSWER_S


def until_back(api: Caller, receiver: Receiver) -> float:
    """Return the seconds until a message is accepted and delivered; fails when they are too many."""
    began = monotonic()
    path = f"/after/{began}"
    wait_until(lambda: try_to_publish(api, receiver, path).status == 200, "a publish is accepted", BACK_S)
    receiver.wait_for(1, path, timeout_s=BACK_S)
    needed_s = monotonic() - began
    assert needed_s < BACK_S
    return needed_s
