"""What a delivery of a flow-control key costs Redis, counted in commands, while queues wait for the key."""

from qstash_rq.core import Core
from qstash_rq.message import Flow
from tests import seed
from tests.factories import make_message
from tests.store import gates

ROUNDS = 20
# Of one settle and one claim, those inside the scripts included.
MOST_COMMANDS = 99


def _commands(core: Core) -> int:
    stats = core.store.command("INFO", "commandstats")
    return sum(one["calls"] for name, one in stats.items() if name != "cmdstat_info")


def _cost(core: Core, waiting: int) -> float:
    """Return the commands of a delivery while that many queues wait for its key."""
    flow = Flow(key=f"k{waiting}", parallelism=1)
    seed.seed(core, flow=flow)
    running = seed.claim(core)
    for number in range(waiting):
        messages = [make_message(queue_name=f"q{waiting}-{number}", flow=flow) for _ in range(2)]
        seed.accept(core, messages, max_queues=10_000)
    while seed.ring(core):
        assert seed.claim(core) == ()
    assert len(gates.waiters(core, flow.key)) == waiting
    before = _commands(core)
    for _ in range(ROUNDS):
        seed.deliver(core, running)
        running = seed.claim(core)
        assert len(running) == 1
    after = _commands(core)
    seed.cancel(core, *seed.live(core))
    seed.deliver(core, running)
    return (after - before) / ROUNDS


def test_a_delivery_costs_the_same_however_many_queues_wait(core: Core) -> None:
    """Its end wakes one lane; the claim after it visits that one and gives one queue its turn."""
    few, many = _cost(core, 100), _cost(core, 1000)

    assert many == few
    assert many <= MOST_COMMANDS
