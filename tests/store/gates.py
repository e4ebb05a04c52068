"""Change the gates of flow-control keys, and look at what they hold and at who waits."""

from collections.abc import Iterable
from math import ceil

from qstash_rq.core import Core
from qstash_rq.delivery import Claim
from qstash_rq.lanes import Lane
from qstash_rq.queues import get_queue
from qstash_rq.store import delivery_scripts, keys
from qstash_rq.store.flow_scripts import change_flow, confirm
from qstash_rq.users import FIRST_USER
from tests import seed


def gate(key: str, user_id: str = FIRST_USER) -> str:
    """Return the name of the gate of a flow-control key, which is that of its own lane."""
    return Lane(user_id, flow_key=key).name


def slack_ms(period_ms: int) -> int:
    """Return how much a request of a key with this period may be on its way."""
    return min(ceil(period_ms / 25), 500)


def window_end_ms(window_ms: int, arrived_ms: int, period_ms: int) -> int:
    """Return when the next window may begin; `arrived_ms` 0: nobody told of its first request."""
    return (arrived_ms or window_ms + slack_ms(period_ms)) + period_ms


def change(core: Core, key: str, *, new_window: bool = False, **fields: int) -> None:
    """Set fields of a gate as the API does."""
    call = change_flow(
        lane=Lane(FIRST_USER, flow_key=key),
        now_ms=core.clock.now_ms(),
        fields=fields,
        new_window=new_window,
    )
    core.store.run(call)


def confirm_window(core: Core, key: str, began_ms: int, arrived_ms: int) -> None:
    """Tell a gate when a request of one of its windows had arrived, as a worker does."""
    core.store.run(confirm(arrivals=[(gate(key), began_ms, arrived_ms)]))


def give_back(core: Core, claims: Iterable[Claim]) -> int:
    """Give claims back as a worker does whose requests did not leave."""
    held = [(one.message.message_id, one.attempt) for one in claims]
    now_ms = core.clock.now_ms()
    return core.store.run(delivery_scripts.give_back(now_ms=now_ms, keep_ms=seed.KEEP_MS, held=held))


def fields(core: Core, key: str) -> dict[str, int]:
    """Return the numbers of a gate; empty when there is none."""
    row = core.store.command("HGETALL", keys.FLOW(gate(key)))
    return {name.decode(): int(value) for name, value in row.items()}


def users(core: Core, key: str) -> set[str]:
    """Return the ids of the living messages of a key."""
    return {word.decode() for word in core.store.command("SMEMBERS", keys.FLOW_USERS(gate(key)))}


def in_flight(core: Core, key: str) -> set[str]:
    """Return the ids that hold a slot of a gate."""
    return {word.decode() for word in core.store.command("SMEMBERS", keys.SLOTS(gate(key)))}


def waiters(core: Core, key: str) -> list[str]:
    """Return the lanes that wait for a gate, the next one first."""
    return [word.decode() for word in core.store.command("ZRANGE", keys.WAITERS(gate(key)), 0, -1)]


def wakes(core: Core) -> dict[str, int]:
    """Return the lanes that are woken by time alone, and when."""
    words = core.store.command("ZRANGE", keys.WAKES(), 0, -1, "WITHSCORES")
    return {word.decode(): int(float(score)) for word, score in zip(words[::2], words[1::2], strict=True)}


def ttl_ms(core: Core, key: str) -> int:
    """Return how long a gate will still be kept; -1 for ever, -2 when it is not there."""
    return core.store.command("PTTL", keys.FLOW(gate(key)))


def lingering(core: Core, queue: str) -> tuple[int, int]:
    """Return how many messages of a queue are over but for their callbacks, and the queue's lag."""
    count = core.store.command("HGET", keys.LANE(seed.lane(queue)), "lingering")
    return int(count or 0), get_queue(core, FIRST_USER, queue).lag
