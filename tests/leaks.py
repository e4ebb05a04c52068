"""Every key dies or is on the list: what a test may leave behind in Redis."""

from fnmatch import fnmatchcase
from typing import Any

from redis import Redis

from qstash_rq.store import keys

_FAMILIES = tuple(key.name + ("*" if key.of else "") for key in keys.ALL.values())
# RQ's index of workers: a worker that is killed leaves its name there until another one cleans up.
_OF_RQ = tuple(keys.WORKER.name.removesuffix(":") + suffix for suffix in ("s", "s:*"))
# A lane whose last message was cancelled stays on the ring until the next claim takes it off.
_UNTIL_THE_NEXT_CLAIM = (keys.RING(), keys.RINGED())
_MAY_STAY = keys.PERMANENT + _OF_RQ + _UNTIL_THE_NEXT_CLAIM


def find_leaks(redis_url: str) -> list[str]:
    """Return the keys that nobody declared and, once no message lives, those that will never go."""
    client: Any = Redis.from_url(redis_url)
    with client:
        names = [name.decode() for name in client.scan_iter(count=1000)]
        unknown = [name for name in names if not _matches(name, _FAMILIES + _OF_RQ)]
        if any(name.startswith(keys.LIVE.name) for name in names):
            return unknown
        lasting = [name for name in names if client.ttl(name) == -1]
        return unknown + [name for name in lasting if not _matches(name, _MAY_STAY)]


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
