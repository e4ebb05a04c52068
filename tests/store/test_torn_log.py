"""A machine that lost power left the log of Redis cut off somewhere behind the last answer."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from qstash_rq.core import Core, open_core
from qstash_rq.message import Callback, Flow
from qstash_rq.settings import Settings
from tests import seed
from tests.clock import FakeClock
from tests.factories import make_message
from tests.running import RedisServer
from tests.store.audit import Audit

_CUTS = 12
_SEED = 5


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """Give a server that has on disk what it has answered."""
    server = RedisServer(tmp_path, persistent=True, fsync="always")
    server.start()
    yield server
    server.stop()


def _log(server: RedisServer) -> Path:
    (log,) = server.directory.glob("appendonlydir/*.incr.aof")
    return log


def _live_a_little(core: Core, server: RedisServer) -> list[tuple[int, set[str]]]:
    """Accept, claim and settle; return after each accept how long the log is and what has been accepted."""
    accepted: set[str] = set()
    answered = [(_log(server).stat().st_size, set(accepted))]
    callback = Callback(url="https://example.com/told", delay_ms=60_000)
    for changes in ({}, {"queue_name": "q"}, {"flow": Flow(key="k", parallelism=2)}, {"callback": callback}):
        messages = [make_message(**changes, body=bytes(50)) for _ in range(3)]
        seed.accept(core, messages)
        accepted |= {message.message_id for message in messages}
        answered.append((_log(server).stat().st_size, set(accepted)))
        first, *others = seed.claim(core)
        seed.fail(core, [first])
        seed.retry(core, others)
    return answered


def test_whatever_was_answered_is_there_and_the_rest_whole_or_not_at_all(server: RedisServer) -> None:
    """Wherever the log ends, each call is there whole or not at all, and each that was answered before is."""
    core = open_core(Settings(redis_url=server.url), FakeClock())
    answered = _live_a_little(core, server)
    server.kill()
    log, random = _log(server), Random(_SEED)
    whole = log.read_bytes()
    cuts = [answered[1][0], answered[1][0] - 1, *(random.randrange(len(whole)) for _ in range(_CUTS))]
    for cut in cuts:
        log.write_bytes(whole[:cut])
        server.start()
        audit = Audit(core)
        audit.check()
        found = {message_id for message_id in audit.records if message_id in answered[-1][1]}
        before = [ids for size, ids in answered if size <= cut]
        after = [ids for size, ids in answered if size > cut]
        assert found in [*before[-1:], *after[:1]], cut
        server.kill()
        core.store.close_idle()
    log.write_bytes(whole)
    server.start()
