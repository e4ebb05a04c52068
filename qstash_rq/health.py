"""Tell whether the server can work (contract 2.11)."""

from qstash_rq.core import Core


def check_health(core: Core) -> None:
    """Return when Redis answers; raises StoreUnavailable when it does not."""
    core.store.command("PING")
