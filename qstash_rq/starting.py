"""What a process checks before it starts to work."""

from qstash_rq.core import Core
from qstash_rq.store.connection import check_server, url_of


def refuse_unfit_server(core: Core) -> None:
    """Raise SettingsError when the server may evict keys; warn when it keeps nothing on disk."""
    check_server(core.store)


def redis_url_of(client: object, fallback: str) -> str:
    """Return the URL of the server that `client` (a redis-py client) talks to."""
    return url_of(client, fallback)
