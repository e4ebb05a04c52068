"""The executors: scripts are sent by digest, troubles of Redis have one name, mistakes of ours another."""

import asyncio

import pytest
from redis._parsers.base import BaseParser
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError

from qstash_rq.core import Core
from qstash_rq.delivery import Withheld
from qstash_rq.errors import StoreDefect, StoreUnavailable
from qstash_rq.health import check_health
from qstash_rq.settings import Settings
from qstash_rq.store import delivery_scripts, keys, upkeep_scripts
from qstash_rq.store.connection import open_async_client, open_client
from qstash_rq.store.executor import AsyncExecutor, Executor, Word
from qstash_rq.store.outages import is_outage
from tests import seed
from tests.factories import make_message


class Wire:
    """A client that notes what is sent and answers as told."""

    def __init__(self, *answers: object) -> None:
        self.sent: list[Word] = []
        self._answers = list(answers)

    def execute_command(self, *words: Word) -> object:
        """Note the command and give the next answer."""
        self.sent.append(words[0])
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def pipeline(self, transaction: bool = True) -> "Wire":
        """Buffer nothing."""
        del transaction
        return self

    def execute(self) -> list[object]:
        """Give the next answer."""
        return [self.execute_command("EXEC")]


class AsyncWire(Wire):
    """The same for asyncio."""

    async def execute_command(self, *words: Word) -> object:  # type: ignore[override] # asyncio's own shape
        """Note the command and give the next answer."""
        return super().execute_command(*words)

    async def aclose(self) -> None:
        """Nothing to close."""


def test_a_script_the_server_does_not_know_is_sent_whole(core: Core) -> None:
    """A server that restarted empty gets the text once; from then on the digest is enough."""
    core.store.command("SCRIPT FLUSH")
    message = make_message()

    seed.accept(core, [message])
    calls = core.store.client.execute_command("INFO", "commandstats")
    seed.accept(core, [make_message()])
    again = core.store.client.execute_command("INFO", "commandstats")

    assert seed.state(core, message.message_id) == "ready"
    assert again["cmdstat_eval"]["calls"] == calls["cmdstat_eval"]["calls"]
    assert again["cmdstat_evalsha"]["calls"] == calls["cmdstat_evalsha"]["calls"] + 1


def test_the_whole_text_is_sent_at_most_once() -> None:
    """A server that denies knowing what it was just sent is trouble, not a loop."""
    wire = Wire(NoScriptError("NOSCRIPT"), NoScriptError("NOSCRIPT"))

    with pytest.raises(StoreUnavailable):
        Executor(wire).run(upkeep_scripts.promote(now_ms=1, most=1))  # type: ignore[arg-type] # enough of a client

    assert wire.sent == ["EVALSHA", "EVAL"]


@pytest.mark.parametrize(
    "trouble",
    [
        RedisConnectionError("gone"),
        ResponseError("LOADING Redis is loading"),
        ResponseError("READONLY You can't write"),
        ResponseError("OOM command not allowed"),
        RedisError(),
        TimeoutError(),
        ConnectionResetError("reset"),
    ],
)
def test_every_trouble_is_store_unavailable_and_nothing_is_sent_twice(trouble: Exception) -> None:
    """Gone, loading, read-only, full or slow: one error, its cause kept apart, one command sent."""
    call = upkeep_scripts.promote(now_ms=1, most=1)
    for act in (
        lambda executor: executor.run(call),
        lambda executor: executor.command("PING"),
        lambda executor: executor.commands([("PING",)]),
    ):
        wire = Wire(trouble, trouble)
        with pytest.raises(StoreUnavailable) as raised:
            act(Executor(wire))  # type: ignore[arg-type] # enough of a client
        assert raised.value.__cause__ is trouble
        assert str(trouble) not in str(raised.value) or not str(trouble)
    assert len(wire.sent) <= 2


def test_the_asyncio_executor_does_the_same(core: Core, settings: Settings) -> None:
    """Both executors run the same calls: by digest, whole when unknown, and with one name for trouble."""
    (message_id,) = seed.seed(core)
    core.store.command("SCRIPT FLUSH")
    now_ms = core.clock.now_ms()
    call = delivery_scripts.claim(
        worker="w", now_ms=now_ms, lease_until_ms=now_ms + 1, most=1, most_in_flight=99
    )

    async def go() -> tuple[list[str], list[Word], object]:
        store = AsyncExecutor(open_async_client(settings.redis_url))
        claims = await store.run(call)
        none = await store.run(call)
        kind = await store.command("TYPE", keys.LEASES())
        await store.aclose()
        wire = AsyncWire(NoScriptError("NOSCRIPT"), RedisConnectionError("gone"))
        with pytest.raises(StoreUnavailable):
            await AsyncExecutor(wire).run(call)
        assert none == ()
        assert not isinstance(claims, Withheld)
        return seed.ids(claims), wire.sent, kind

    assert asyncio.run(go()) == ([message_id], ["EVALSHA", "EVAL"], b"zset")


def test_no_commands_are_no_round_trip() -> None:
    """An empty list of commands is answered without the server."""
    assert Executor(Wire()).commands([]) == []  # type: ignore[arg-type] # never asked


def test_health_asks_the_server(core: Core) -> None:
    """Healthy is: Redis answers."""
    check_health(core)

    away = Core(core.settings, core.clock, Executor(open_client("redis://127.0.0.1:1/0")), core.schemes)
    with pytest.raises(StoreUnavailable):
        check_health(away)


def test_a_mistake_of_ours_is_no_outage(core: Core) -> None:
    """A command that Redis calls wrong, and a script that meets data it cannot read, are defects."""
    core.store.command("SET", keys.DUE(), "no sorted set", "EX", 60)
    promote = upkeep_scripts.promote(now_ms=1, most=1)
    for act in (
        lambda: core.store.command("NO-SUCH-COMMAND"),
        lambda: core.store.commands([("PING",), ("LLEN", keys.DUE())]),
        lambda: core.store.run(promote),
        lambda: core.store.run_all([promote, promote]),
    ):
        with pytest.raises(StoreDefect) as raised:
            act()
        assert isinstance(raised.value.__cause__, ResponseError)
    core.store.command("DEL", keys.DUE())


OUTAGES = [
    "LOADING Redis is loading the dataset in memory",
    "READONLY You can't write against a read only replica. script: f00, on @user_script:1.",
    "OOM command not allowed when used memory > 'maxmemory'. script: f00, on @user_script:1.",
    "ERR Error running script (call to f_00): @user_script:1: -OOM command not allowed",
    "MISCONF Valkey is configured to save RDB snapshots, but it's currently unable to persist to disk.",
    "BUSY Valkey is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "CLUSTERDOWN The cluster is down",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "MOVED 3999 127.0.0.1:6381",
    "ASK 3999 127.0.0.1:6381",
    "NOREPLICAS Not enough good replicas to write.",
    "NOAUTH Authentication required.",
    "WRONGPASS invalid username-password pair or user is disabled.",
    "NOPERM User default has no permissions to run the 'eval' command",
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
    "ERR max number of clients reached",
    "ERR max number of clients + cluster connections reached",
]
DEFECTS = [
    "ERR unknown command 'EVALSHAS'",
    "ERR user_script:12: attempt to index a nil value script: f00, on @user_script:12.",
    "WRONGTYPE Operation against a key holding the wrong kind of value",
    "CROSSSLOT Keys in request don't hash to the same slot",
    "BUSYGROUP Consumer Group name already exists",
]


@pytest.mark.parametrize("answer", OUTAGES)
def test_what_passes_is_an_outage(answer: str) -> None:
    """What Redis says when it cannot do its work now, as redis-py reads it."""
    assert is_outage(BaseParser.parse_error(answer))


@pytest.mark.parametrize("answer", DEFECTS)
def test_what_stays_wrong_is_a_defect(answer: str) -> None:
    """What Redis says to a command that will be as wrong the next time."""
    assert not is_outage(BaseParser.parse_error(answer))
