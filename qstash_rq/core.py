"""The one value every verb takes first: settings, clock and store."""

from dataclasses import dataclass

from qstash_rq.clock import Clock, SystemClock
from qstash_rq.hosts import Resolver, system_resolver
from qstash_rq.settings import Settings, deliverable_schemes
from qstash_rq.store.connection import open_client
from qstash_rq.store.executor import Executor
from qstash_rq.store.script import load_every_script


@dataclass(frozen=True, slots=True)
class Core:
    """Settings, clock and store of one process; `resolve` looks up host names for the address guard."""

    settings: Settings
    clock: Clock
    store: Executor
    schemes: frozenset[str]
    resolve: Resolver = system_resolver


def open_core(settings: Settings, clock: Clock | None = None) -> Core:
    """Return a core on the Redis of `settings`; connects when first used."""
    load_every_script()
    return Core(
        settings, clock or SystemClock(), Executor(open_client(settings.redis_url)), deliverable_schemes()
    )
