"""renew.lua: leases of slow deliveries go on."""

import pytest

from qstash_rq.core import Core
from qstash_rq.delivery import Claim
from qstash_rq.store import keys
from qstash_rq.store.delivery_scripts import renew
from tests import seed
from tests.clock import FakeClock
from tests.factories import NOW_MS


def _renew(core: Core, *claims: Claim, until_ms: int = NOW_MS + 50_000) -> tuple[str, ...]:
    held = [(one.message.message_id, one.attempt) for one in claims]
    return core.store.run(renew(lease_until_ms=until_ms, held=held))


def test_a_held_lease_goes_on(core: Core, clock: FakeClock) -> None:
    """A renewed message is not recovered before its new lease is over."""
    (message_id,) = seed.seed(core)
    (one,) = seed.claim(core)

    assert _renew(core, one) == ()

    assert seed.leases(core) == {message_id: NOW_MS + 50_000}
    clock.advance(50_000)
    assert seed.recover(core).count == 0
    clock.advance(1)
    assert seed.recover(core).count == 1


def test_a_lease_that_has_ended_unseen_can_still_be_renewed(core: Core, clock: FakeClock) -> None:
    """Nobody recovered the message yet, so its worker still has it."""
    seed.seed(core)
    (one,) = seed.claim(core)
    clock.advance(seed.LEASE_MS + 1000)

    assert _renew(core, one, until_ms=clock.now_ms() + 1) == ()
    assert seed.recover(core).count == 0


@pytest.mark.parametrize(
    ("since", "lost"),
    [
        ("recovered", True),
        ("claimed again", True),
        ("retried and claimed again", True),
        ("forgotten", True),
        ("delivered", False),
        ("retried", False),
        ("failed", False),
    ],
)
def test_a_lease_is_lost_to_recovery_but_not_to_the_settle_on_its_way(
    core: Core, clock: FakeClock, since: str, lost: bool
) -> None:
    """A worker learns of messages others may have, not of those it has just settled; nothing is written."""
    (message_id,) = seed.seed(core)
    (late,) = seed.claim(core)
    if since == "delivered":
        seed.deliver(core, [late])
    elif since.startswith("retried"):
        seed.retry(core, [late], in_ms=1)
    elif since == "failed":
        seed.fail(core, [late])
    elif since == "forgotten":
        seed.deliver(core, [late])
        core.store.command("DEL", keys.JOB(message_id))
    else:
        clock.advance(seed.LEASE_MS + 1)
        seed.recover(core)
    if since.endswith("again"):
        clock.advance(1)
        seed.promote(core)
        seed.claim(core)
    before = seed.contents(core)

    assert _renew(core, late) == ((message_id,) if lost else ())

    assert seed.contents(core) == before


def test_lost_leases_stop_none_of_the_others(core: Core, clock: FakeClock) -> None:
    """Of many leases those that are held go on, the others are named."""
    seed.seed(core, 3)
    first = seed.claim(core, 1)
    clock.advance(seed.LEASE_MS + 1)
    seed.recover(core)
    rest = seed.claim(core, 1)

    assert _renew(core, *first, *rest) == (first[0].message.message_id,)
    assert seed.leases(core) == {rest[0].message.message_id: NOW_MS + 50_000}
