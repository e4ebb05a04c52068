"""The settings of the deployment that is swept, the same for victims and survivors."""

from typing import Any

from qstash_rq.settings import (
    DEVELOPMENT_CURRENT_SIGNING_KEY,
    DEVELOPMENT_NEXT_SIGNING_KEY,
    DEVELOPMENT_TOKEN,
    Settings,
)


def settings_of(redis_url: str, **changes: Any) -> Settings:
    """Return the settings on a server; `changes` are those of a scenario."""
    given: dict[str, Any] = {
        "redis_url": redis_url,
        "token": DEVELOPMENT_TOKEN,
        "current_signing_key": DEVELOPMENT_CURRENT_SIGNING_KEY,
        "next_signing_key": DEVELOPMENT_NEXT_SIGNING_KEY,
        "allow_private_networks": True,
    }
    return Settings(**given | changes)
