"""What goes to every endpoint of a group is sent to Redis once, and stands in each of its messages."""

import pytest

from qstash_rq.core import Core
from qstash_rq.message import Headers
from qstash_rq.publish import PublishRequest, publish
from qstash_rq.store.message_scripts import Item
from qstash_rq.ticking import tick_due
from qstash_rq.url_group import Endpoint
from qstash_rq.url_groups import upsert_endpoints
from qstash_rq.users import FIRST_USER
from tests import seed
from tests.clock import FakeClock
from tests.factories import make_message
from tests.large_calls import large_calls

_BODY = bytes(range(256)) * 4_000
_ENDPOINTS = 50


def _bodies(core: Core) -> list[bytes]:
    return [claim.message.body for claim in seed.claim(core, _ENDPOINTS + 1)]


@pytest.mark.parametrize("headers", [(), (("Upstash-Cron", "* * * * *"),)], ids=["publish", "schedule"])
def test_a_group_shares_one_body(core: Core, clock: FakeClock, headers: Headers) -> None:
    """A megabyte for fifty endpoints is one megabyte on its way, however it is published."""
    endpoints = tuple(Endpoint(url=f"https://example.com/{number}") for number in range(_ENDPOINTS))
    upsert_endpoints(core, FIRST_USER, "g", endpoints)

    with large_calls(core, above_bytes=100_000) as sizes:
        publish(core, FIRST_USER, PublishRequest(destination="g", headers=headers, body=_BODY))
        clock.advance(60_000)
        tick_due(core)
        assert max(sizes()) < 2 * len(_BODY)

    assert _bodies(core) == [_BODY] * _ENDPOINTS


@pytest.mark.parametrize("bodies", [[b"a", b"b"], [b"a", b""], [b"", b"a"], [b"", b""], [b"a", b"a", b"b"]])
def test_bodies_that_differ_stay_apart(core: Core, bodies: list[bytes]) -> None:
    """Each message of an item has its own body."""
    seed.accept_items(core, [Item(messages=tuple(make_message(body=body) for body in bodies))])

    assert _bodies(core) == bodies
