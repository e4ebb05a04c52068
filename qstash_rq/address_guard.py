"""The address guard as the settings have it: asked by every verb that takes a URL to call later.

Workers ask again about the address they really connect to: see `workers/connect_guard.py`.
"""

from qstash_rq.core import Core
from qstash_rq.hosts import check_host
from qstash_rq.message import Callback


def guard_url(core: Core, url: str) -> None:
    """Refuse a destination on a private network, where the settings forbid them; raises InvalidInput."""
    if not core.settings.allow_private_networks:
        check_host(url, core.resolve, core.settings.allowed_private_hosts)


def guard_callbacks(core: Core, *callbacks: Callback | None) -> None:
    """Refuse callbacks to private networks, at any depth; raises InvalidInput."""
    for callback in callbacks:
        if callback is not None:
            guard_url(core, callback.url)
            guard_callbacks(core, callback.callback, callback.failure_callback)
