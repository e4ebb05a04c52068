"""put_group.lua: URL groups are written if nobody changed them since they were read."""

from typing import Any

import pytest

from qstash_rq.core import Core
from qstash_rq.message import Headers
from qstash_rq.store import keys
from qstash_rq.store.groups import PutGroup, put_group, read_group_names, read_groups
from qstash_rq.url_group import Endpoint, UrlGroup
from qstash_rq.users import FIRST_USER
from tests import seed
from tests.clock import FakeClock
from tests.factories import NOW_MS

A = (Endpoint(url="https://a.example.com/"),)
AB = (*A, Endpoint(url="https://b.example.com/", name="b"))


def _put(
    core: Core,
    name: str = "g",
    *,
    read: UrlGroup | None = None,
    endpoints: tuple[Endpoint, ...] = A,
    headers: Headers = (),
    max_groups: int = 10,
    user_id: str = FIRST_USER,
) -> PutGroup:
    call = put_group(
        user_id=user_id,
        name=name,
        version=read.version if read else 0,
        now_ms=core.clock.now_ms(),
        max_groups=max_groups,
        endpoints=endpoints,
        headers=headers,
    )
    return core.store.run(call)


def _get(core: Core, name: str = "g", user_id: str = FIRST_USER) -> UrlGroup:
    (group,) = read_groups(core.store, user_id, [name])
    return group


def test_a_new_group(core: Core) -> None:
    """A group that nobody made before is written with its times and stands among the user's groups."""
    headers = (("Upstash-Retries", "3"), ("Upstash-Forward-X", "ü"))

    assert _put(core, endpoints=AB, headers=headers) is PutGroup.WRITTEN

    group = _get(core)
    assert (group.name, group.endpoints, group.headers) == ("g", AB, headers)
    assert (group.created_at_ms, group.updated_at_ms) == (NOW_MS, NOW_MS)
    assert group.version > 0
    assert read_group_names(core.store, FIRST_USER) == ["g"]


def test_a_change_keeps_the_time_of_creation(core: Core, clock: FakeClock) -> None:
    """What is written replaces endpoints and headers as a whole; only the creation stays."""
    _put(core, endpoints=AB, headers=(("Upstash-Retries", "3"),))
    first = _get(core)
    clock.advance(7)

    assert _put(core, read=first, endpoints=A) is PutGroup.WRITTEN

    group = _get(core)
    assert (group.endpoints, group.headers) == (A, ())
    assert (group.created_at_ms, group.updated_at_ms) == (NOW_MS, NOW_MS + 7)
    assert group.version > first.version


def test_without_endpoints_a_group_goes(core: Core) -> None:
    """Nothing stays of a deleted group, and deleting what is not there writes nothing."""
    before = seed.contents(core)
    assert _put(core, endpoints=()) is PutGroup.WRITTEN
    assert seed.contents(core) == before
    _put(core)

    assert _put(core, read=_get(core), endpoints=()) is PutGroup.WRITTEN

    assert seed.contents(core) == before


@pytest.mark.parametrize("since", ["changed", "deleted", "made", "made anew"])
@pytest.mark.parametrize("endpoints", [AB, ()])
def test_put_group_refuses_when_it_was_changed_since(
    core: Core, clock: FakeClock, since: str, endpoints: tuple[Endpoint, ...]
) -> None:
    """A change computed from what is no longer there is refused before its first write."""
    read = None
    if since != "made":
        _put(core)
        read = _get(core)
    clock.advance(1)
    if since in ("changed", "made"):
        _put(core, read=read, endpoints=AB)
    else:
        _put(core, read=read, endpoints=())
    if since == "made anew":
        _put(core)
    before = seed.contents(core)

    assert _put(core, read=read, endpoints=endpoints) is PutGroup.CHANGED

    assert seed.contents(core) == before


def test_put_group_refuses_a_group_too_many(core: Core) -> None:
    """At the maximum no new group is made; one that exists can be changed and deleted."""
    _put(core, max_groups=1)
    before = seed.contents(core)

    assert _put(core, "other", max_groups=1) is PutGroup.GROUPS_FULL

    assert seed.contents(core) == before
    assert _put(core, read=_get(core), endpoints=AB, max_groups=1) is PutGroup.WRITTEN
    assert _put(core, read=_get(core), endpoints=(), max_groups=1) is PutGroup.WRITTEN
    assert _put(core, "other", max_groups=1) is PutGroup.WRITTEN


def test_groups_belong_to_their_user(core: Core) -> None:
    """The same name under another user is another group, with a maximum of its own."""
    _put(core, max_groups=1)

    assert _put(core, endpoints=AB, max_groups=1, user_id="other") is PutGroup.WRITTEN

    assert (_get(core).endpoints, _get(core, user_id="other").endpoints) == (A, AB)
    fields: dict[bytes, Any] = core.store.command("HGETALL", keys.GROUP(f"{FIRST_USER}:g"))
    assert set(fields) == {b"version", b"created_ms", b"updated_ms", b"endpoints", b"headers"}
