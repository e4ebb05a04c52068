"""Messages of concurrent publishes, stored together."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from qstash_rq.core import Core
from qstash_rq.errors import LimitExceeded, StoreUnavailable
from qstash_rq.group_commit import LARGEST_GROUP, GroupCommit
from qstash_rq.settings import Settings
from qstash_rq.store import keys
from qstash_rq.storing import Item
from qstash_rq.users import FIRST_USER, add_user
from qstash_rq.waiting import open_async_store
from tests import seed
from tests.factories import make_message

Work = Callable[[GroupCommit], Awaitable[Any]]


def run(core: Core, work: Work, settings: Settings | None = None) -> Any:
    """Run `work` with a group commit of its own."""

    async def main() -> Any:
        store = open_async_store(settings or core.settings)
        try:
            return await work(GroupCommit(core, store))
        finally:
            await store.aclose()

    return asyncio.run(main())


def calls(core: Core) -> int:
    """Return how many scripts the server has run so far."""
    stats: dict[str, dict[str, int]] = core.store.command("INFO", "commandstats")
    return sum(stats.get(name, {}).get("calls", 0) for name in ("cmdstat_evalsha", "cmdstat_eval"))


def item(**changes: Any) -> Item:
    """Return the item of one publish."""
    digest = changes.pop("digest", None)
    return Item(messages=(make_message(**changes),), digest=digest)


def ids(items: list[Item]) -> set[str]:
    """Return the ids of their messages."""
    return {message.message_id for one in items for message in one.messages}


def test_concurrent_publishes_share_round_trips(core: Core) -> None:
    """What gathers while a group is on its way goes together; everything is stored."""
    items = [item() for _ in range(LARGEST_GROUP + 1)]
    before = calls(core)

    async def publish(commit: GroupCommit) -> list[tuple[str, ...]]:
        return await asyncio.gather(*(commit.store(FIRST_USER, one) for one in items))

    first_uses = run(core, publish)

    assert not any(first_uses)
    assert seed.live(core) == ids(items)
    # The first try of a script that the server does not know yet counts as well.
    assert calls(core) - before <= 3


def test_a_publish_is_answered_once_it_is_stored(core: Core) -> None:
    """When the caller goes on, its message is in Redis; so it goes one after the other, too."""

    async def publish(commit: GroupCommit) -> None:
        for _ in range(3):
            one = item()
            await commit.store(FIRST_USER, one)
            assert ids([one]) <= seed.live(core)

    run(core, publish)


def test_duplicates_in_one_group(core: Core) -> None:
    """The second of two publishes with one deduplication id hears of the first one's message."""
    first, second = item(digest="d"), item(digest="d")

    async def publish(commit: GroupCommit) -> list[tuple[str, ...]]:
        return await asyncio.gather(commit.store(FIRST_USER, first), commit.store(FIRST_USER, second))

    assert run(core, publish) == [(), (first.messages[0].message_id,)]
    assert seed.live(core) == ids([first])


def test_a_limit_hits_those_alone_who_exceed_it(core: Core) -> None:
    """One publish that would make a queue too many is refused; those beside it are stored."""
    limited = replace(core, settings=replace(core.settings, max_queues=1))
    items = [item(), item(queue_name="a"), item(queue_name="b"), item()]

    async def publish(commit: GroupCommit) -> list[tuple[str, ...] | BaseException]:
        stores = (commit.store(FIRST_USER, one) for one in items)
        return await asyncio.gather(*stores, return_exceptions=True)

    answers = run(limited, publish)

    assert [type(answer) for answer in answers] == [tuple, tuple, LimitExceeded, tuple]
    assert seed.live(core) == ids(items) - ids([items[2]])


def test_users_do_not_share_a_call(core: Core) -> None:
    """Each message goes to the user who published it."""
    add_user(core, "other")
    mine, theirs = item(), item(user_id="other")

    async def publish(commit: GroupCommit) -> None:
        await asyncio.gather(commit.store(FIRST_USER, mine), commit.store("other", theirs))

    run(core, publish)

    assert seed.live(core) == ids([mine])
    assert core.store.command("ZCARD", keys.LIVE("other")) == 1


def test_a_caller_who_hangs_up_disturbs_nobody(core: Core) -> None:
    """Its message may be stored; the others are answered, and so is whoever comes later."""
    items = [item() for _ in range(3)]

    async def publish(commit: GroupCommit) -> None:
        gone, staying = (commit.store(FIRST_USER, one) for one in items[:2])
        await asyncio.sleep(0)
        gone.cancel()
        assert await staying == ()
        assert await commit.store(FIRST_USER, items[2]) == ()

    run(core, publish)

    assert ids(items[1:]) <= seed.live(core)


def test_an_outage_is_told_to_all(core: Core) -> None:
    """Without Redis every caller hears of it, and the next publish tries again."""
    away = replace(core.settings, redis_url="redis://127.0.0.1:1/0")

    async def publish(commit: GroupCommit) -> list[tuple[str, ...] | BaseException]:
        stores = (commit.store(FIRST_USER, item()) for _ in range(3))
        answers = await asyncio.gather(*stores, return_exceptions=True)
        with pytest.raises(StoreUnavailable):
            await commit.store(FIRST_USER, item())
        return answers

    assert [type(answer) for answer in run(core, publish, away)] == [StoreUnavailable] * 3


def test_a_group_waits_for_replicas_that_are_wanted(core: Core) -> None:
    """Without the replicas each caller of the group hears of it, and all of it is stored."""
    careful = replace(core, settings=replace(core.settings, wait_replicas=1))
    items = [item(), item()]

    async def publish(commit: GroupCommit) -> list[Any]:
        return await asyncio.gather(*(commit.store(FIRST_USER, one) for one in items), return_exceptions=True)

    for answer in run(careful, publish):
        assert isinstance(answer, StoreUnavailable)
        assert "0 of 1 replicas" in str(answer)
    assert {seed.state(core, one) for one in ids(items)} == {"ready"}
