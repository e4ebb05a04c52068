"""Tell whether the server can work (contract 2.11)."""

from qstash_rq.core import Core


def check_health(core: Core) -> None:
    """Return when Redis answers; raises StoreUnavailable when it does not."""
    core.store.command("PING")


def start_afresh(core: Core) -> None:
    """Let the next calls make new connections: after an outage the old ones may be dead without a sign."""
    core.store.close_idle()
