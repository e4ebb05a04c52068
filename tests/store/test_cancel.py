"""cancel.lua: messages are cancelled, one user's only."""

import pytest

from qstash_rq.core import Core
from qstash_rq.store import keys
from qstash_rq.store.message_scripts import Canceled
from tests import seed
from tests.clock import FakeClock

_CANCELED = ["CANCEL_REQUESTED", "CANCELED"]


@pytest.mark.parametrize("queue", [None, "q"])
@pytest.mark.parametrize(
    ("state", "word", "story"),
    [
        ("ready", Canceled.CANCELED, ["CREATED", *_CANCELED]),
        ("due", Canceled.CANCELED, ["CREATED", *_CANCELED]),
        ("between attempts", Canceled.CANCELED, ["CREATED", "ACTIVE", "ERROR", "RETRY", *_CANCELED]),
        ("recovered", Canceled.CANCELED, ["CREATED", "ACTIVE", *_CANCELED]),
        ("active", Canceled.REQUESTED, ["CREATED", "ACTIVE", "CANCEL_REQUESTED"]),
    ],
)
def test_a_living_message_is_cancelled(
    core: Core, clock: FakeClock, queue: str | None, state: str, word: Canceled, story: list[str]
) -> None:
    """Waiting messages are cancelled at once, one in flight is marked; the log says so (contract 4.11)."""
    (message_id,) = seed.seed(core, queue=queue, delay_ms=10 if state == "due" else 0)
    if state not in ("ready", "due"):
        claims = seed.claim(core)
        if state == "between attempts":
            seed.retry(core, claims)
        elif state == "recovered":
            clock.advance(seed.LEASE_MS + 1)
            seed.recover(core)

    assert seed.cancel(core, message_id) == (word,)

    assert seed.story(core, message_id) == story
    assert seed.line(core, queue) == []
    if word is Canceled.CANCELED:
        assert seed.state(core, message_id) == "canceled"
        assert 0 < seed.ttl_ms(core, message_id) <= seed.KEEP_MS
        assert seed.live(core) == set()
        assert seed.due(core) == {}
        seed.claim(core)
    assert seed.cancel(core, message_id) == (Canceled.GONE,)


@pytest.mark.parametrize(
    "state", ["delivered", "failed", "canceled", "requested", "unknown", "another user's"]
)
def test_cancel_refuses_before_its_first_write(core: Core, state: str) -> None:
    """Unknown, terminal and cancelled messages and those of other users are gone: nothing is written."""
    (message_id,) = seed.seed(core, user_id="other" if state == "another user's" else "defaultUser")
    if state in ("delivered", "failed", "requested"):
        claims = seed.claim(core)
        if state == "delivered":
            seed.deliver(core, claims)
        elif state == "failed":
            seed.fail(core, claims)
    if state in ("canceled", "requested"):
        seed.cancel(core, message_id)
        if state == "canceled":
            seed.claim(core)
    before = seed.contents(core)

    assert seed.cancel(core, "msg_unknown" if state == "unknown" else message_id) == (Canceled.GONE,)

    assert seed.contents(core) == before


def test_each_id_of_a_call_gets_its_word(core: Core) -> None:
    """One call cancels what can be cancelled and says for every id what became of it, repeated ones too."""
    active, ready = seed.seed(core, 2)
    seed.claim(core, 1)
    (delayed,) = seed.seed(core, delay_ms=10)

    words = seed.cancel(core, ready, "msg_unknown", active, ready, delayed)
    seed.claim(core)

    assert words == (
        Canceled.CANCELED,
        Canceled.GONE,
        Canceled.REQUESTED,
        Canceled.GONE,
        Canceled.CANCELED,
    )


def test_cancelling_the_head_of_a_queue_lets_the_next_one_go(core: Core) -> None:
    """The slot of a message that waits for its retry is free as soon as it is cancelled."""
    ids = seed.seed(core, 3, "q")
    seed.retry(core, seed.claim(core))
    assert seed.claim(core) == ()

    seed.cancel(core, ids[0])

    assert seed.slots(core, "q") == set()
    assert seed.ids(seed.claim(core)) == ids[1:2]


def test_cancelling_in_the_middle_changes_no_order(core: Core) -> None:
    """What is left of a queue goes on in its order, whoever was taken out before or behind it."""
    ids = seed.seed(core, 6, "q")

    seed.cancel(core, ids[4], ids[0], ids[2])
    seen: list[str] = []
    while claims := seed.claim(core):
        seen += seed.ids(claims)
        seed.deliver(core, claims)

    assert seen == [ids[1], ids[3], ids[5]]


def test_a_cancelled_delayed_message_never_comes(core: Core, clock: FakeClock) -> None:
    """After its time a cancelled message is not promoted."""
    (message_id,) = seed.seed(core, queue="q", delay_ms=10)
    seed.cancel(core, message_id)
    clock.advance(10)

    assert seed.promote(core).count == 0
    assert seed.members(core, "q") == []


@pytest.mark.usefixtures("tampered")
def test_a_very_long_line_keeps_the_id_until_a_claim_drops_it(core: Core) -> None:
    """Taking an id out of the middle of a long list would hold up everyone: the claim skips it instead."""
    first, second, third = seed.seed(core, 3, "q")
    core.store.command("RPUSH", keys.QUEUE(seed.lane("q")), *["msg_stale"] * 10_000)

    assert seed.cancel(core, first, second) == (Canceled.CANCELED,) * 2

    assert seed.line(core, "q")[:3] == [first, second, third]
    seen = seed.claim(core)
    seed.deliver(core, seen)
    assert seed.ids(seen) == [third]
    while seed.ring(core):
        assert seed.claim(core) == ()
    assert seed.line(core, "q") == []
