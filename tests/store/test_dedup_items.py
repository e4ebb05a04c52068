"""accept.lua: what was published under the same deduplication id is not stored again (contract 3.7)."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from qstash_rq.core import Core
from qstash_rq.message import Flow, Message
from qstash_rq.store import keys
from qstash_rq.store.message_scripts import Acceptance, Accepted, Item
from qstash_rq.users import FIRST_USER
from tests import seed
from tests.factories import make_message
from tests.store import gates


def _item(digest: str | None = "d", count: int = 1, **changes: object) -> Item:
    return Item(messages=tuple(make_message(**changes) for _ in range(count)), digest=digest)


def _ids(item: Item) -> tuple[str, ...]:
    return tuple(one.message_id for one in item.messages)


def _accepted(*first_use: tuple[str, ...]) -> Acceptance:
    return Acceptance(word=Accepted.ACCEPTED, first_use=first_use)


def _key(digest: str = "d", user_id: str = FIRST_USER) -> str:
    return keys.DEDUP(f"{user_id}:{digest}")


def _used(core: Core) -> set[str]:
    return {name.decode() for name in core.store.command("KEYS", keys.DEDUP("*"))}


def test_a_duplicate_is_answered_with_the_first_id(core: Core) -> None:
    """The second use of an id is accepted and writes nothing: no message, no log entry, no counter."""
    first = _item()
    assert seed.accept_items(core, [first]) == _accepted(())
    before = seed.contents(core)

    second = _item(body=b"other", url="https://other.example.com/", flow=Flow(key="k", rate=1))

    assert seed.accept_items(core, [second]) == _accepted(_ids(first))
    assert seed.contents(core) == before


@pytest.mark.parametrize("end", ["delivered", "failed", "cancelled", "revived", "queue deleted"])
def test_the_end_of_the_first_message_is_no_end_of_the_window(core: Core, end: str) -> None:
    """Whatever became of the first message, its id is used up for the window."""
    first = _item(queue_name="q")
    seed.accept_items(core, [first])
    if end == "delivered":
        seed.deliver(core, seed.claim(core))
    elif end in ("failed", "revived"):
        seed.fail(core, seed.claim(core))
        if end == "revived":
            seed.accept(core, [make_message()], revived=list(seed.dead(core)))
    elif end == "cancelled":
        seed.cancel(core, *_ids(first))
    else:
        seed.close(core, "q")
        seed.drain(core, "q")
    before = seed.contents(core)

    assert seed.accept_items(core, [_item(queue_name="q")]) == _accepted(_ids(first))

    assert seed.contents(core) == before


def test_the_window_runs_from_the_first_use(core: Core) -> None:
    """A duplicate does not prolong the window; after it the id makes a message again."""
    seed.accept_items(core, [_item()])
    assert seed.DEDUP_WINDOW_MS - 5000 < core.store.command("PTTL", _key()) <= seed.DEDUP_WINDOW_MS
    core.store.command("PEXPIRE", _key(), 1000)

    seed.accept_items(core, [_item()])
    assert 0 < core.store.command("PTTL", _key()) <= 1000

    core.store.command("PEXPIRE", _key(), 0)
    again = _item()
    assert seed.accept_items(core, [again]) == _accepted(())
    assert seed.state(core, _ids(again)[0]) == "ready"
    assert core.store.command("PTTL", _key()) > 1000


def test_duplicates_inside_one_call(core: Core) -> None:
    """Of several items of one call with the same id the first is stored and the others stand for it."""
    known = _item("known")
    seed.accept_items(core, [known])
    items = [_item("a"), _item(None), _item("a"), _item("known"), _item("b"), _item(None), _item("a")]

    answer = seed.accept_items(core, items)

    first = _ids(items[0])
    assert answer == _accepted((), (), first, _ids(known), (), (), first)
    stored = [_ids(items[at])[0] for at in (0, 1, 4, 5)]
    assert seed.live(core) == {*stored, *_ids(known)}
    assert [entry["m"] for entry in seed.log(core)][1:] == stored


def test_a_group_is_decided_once(core: Core) -> None:
    """A duplicate of a publish to a group is answered with all the first ids, however many it has now."""
    first = _item(count=3)
    seed.accept_items(core, [first])
    before = seed.contents(core)

    assert seed.accept_items(core, [_item(count=2)]) == _accepted(_ids(first))
    assert seed.accept_items(core, [_item(count=5)]) == _accepted(_ids(first))
    assert seed.accept_items(core, [_item("e"), _item(count=3)]) == _accepted((), _ids(first))

    assert set(seed.contents(core)) - set(before) >= {_key("e")}
    assert len(seed.live(core)) == 4


def test_ids_belong_to_their_user(core: Core) -> None:
    """The same id of another user is another one."""
    seed.accept_items(core, [_item()])

    assert seed.accept_items(core, [_item(user_id="other")]) == _accepted(())

    assert _used(core) == {_key(), _key(user_id="other")}


@pytest.mark.parametrize("why", ["queues", "dead letter"])
def test_a_refused_call_uses_up_no_id(core: Core, why: str) -> None:
    """What is refused leaves no trace: the same call is accepted as soon as nothing is in its way."""
    items: Sequence[Item] = [_item("a"), _item("b", queue_name="q"), _item("a")]
    before = seed.contents(core)
    refusal = {"max_queues": 0} if why == "queues" else {"revived": ["1-0"]}

    answer = seed.accept_items(core, items, **refusal)  # type: ignore[arg-type] # one of two

    assert answer.word is (Accepted.QUEUES_FULL if why == "queues" else Accepted.GONE)
    assert seed.contents(core) == before
    assert seed.accept_items(core, items) == _accepted((), (), _ids(items[0]))


def test_a_duplicate_makes_no_queue_and_counts_for_none(core: Core) -> None:
    """The queue of a duplicate is neither made nor one too many."""
    first = _item()
    seed.accept_items(core, [first])
    before = seed.contents(core)

    answer = seed.accept_items(core, [_item(queue_name="new")], max_queues=0)

    assert answer == _accepted(_ids(first))
    assert seed.contents(core) == before
    answer = seed.accept_items(core, [_item("x", queue_name="a"), _item("x", queue_name="b")], max_queues=1)
    assert answer.word is Accepted.ACCEPTED
    assert core.store.command("SMEMBERS", keys.QUEUE_NAMES(FIRST_USER)) == {b"a"}


def test_a_call_sent_again_is_no_duplicate_of_itself(core: Core) -> None:
    """A call repeated because its answer was lost is answered as the first time, and writes nothing."""
    seed.accept_items(core, [_item("known")])
    items = [_item("a", queue_name="q"), _item("known"), _item("b", count=2), _item(None)]
    first = seed.accept_items(core, items, max_queues=1)
    seed.deliver(core, seed.claim(core))
    before = seed.contents(core)

    assert seed.accept_items(core, items, max_queues=1) == first

    assert seed.contents(core) == before


def test_users_of_a_key_are_counted_once(core: Core) -> None:
    """Neither a duplicate nor a repeated call makes a flow-control key believe it has more messages."""
    flow = Flow(key="k", parallelism=3)
    items = [_item("a", flow=flow), _item("a", flow=flow), _item("b", count=2, flow=flow)]
    seed.accept_items(core, items)
    seed.accept_items(core, items)
    seed.accept_items(core, [_item("a", flow=flow)])

    assert len(gates.users(core, "k")) == 3


@pytest.mark.parametrize("attempt", range(3))
def test_of_concurrent_publishes_with_one_id_one_makes_a_message(core: Core, attempt: int) -> None:
    """Many publishers at the same time: one message, and all hear its id."""
    many = 16
    barrier = Barrier(many)

    def publish(message: Message) -> Acceptance:
        barrier.wait()
        return seed.accept_items(core, [Item(messages=(message,), digest=f"d{attempt}")])

    messages = [make_message() for _ in range(many)]
    with ThreadPoolExecutor(many) as pool:
        answers = list(pool.map(publish, messages))

    (winner,) = seed.live(core)
    assert sorted(answer.first_use for answer in answers) == [((),), *[((winner,),)] * (many - 1)]
    assert answers[[one.message_id for one in messages].index(winner)] == _accepted(())
