"""Read and write URL groups; a write is compare-and-set on the version that was read."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum

from qstash_rq.message import Headers
from qstash_rq.store import keys
from qstash_rq.store.executor import Executor
from qstash_rq.store.script import Call, load_script
from qstash_rq.url_group import Endpoint, UrlGroup

_FIELDS = ("version", "created_ms", "updated_ms", "endpoints", "headers")


class PutGroup(StrEnum):
    """What put_group answers."""

    WRITTEN = "written"
    CHANGED = "changed"
    GROUPS_FULL = "groups_full"


def _name(user_id: str, name: str) -> str:
    return f"{user_id}:{name}"


def read_group_names(store: Executor, user_id: str) -> list[str]:
    """Return the names of the user's groups, sorted."""
    return sorted(word.decode() for word in store.command("SMEMBERS", keys.GROUP_NAMES(user_id)))


def read_groups(store: Executor, user_id: str, names: Sequence[str]) -> list[UrlGroup]:
    """Return those of the named groups that exist; one round trip."""
    rows = store.commands([("HMGET", keys.GROUP(_name(user_id, name)), *_FIELDS) for name in names])
    return [_group(name, row) for name, row in zip(names, rows, strict=True) if row[0] is not None]


def put_group(
    *,
    user_id: str,
    name: str,
    version: int,
    now_ms: int,
    max_groups: int,
    endpoints: Sequence[Endpoint],
    headers: Headers,
) -> Call[PutGroup]:
    """Write a group computed from `version` (0: it did not exist); without endpoints it goes."""
    members = [
        {field: value for field, value in asdict(one).items() if value is not None} for one in endpoints
    ]
    args = (
        name,
        version,
        now_ms,
        max_groups,
        json.dumps(members) if members else "",
        json.dumps(headers),
    )
    names = (keys.GROUP(_name(user_id, name)), keys.GROUP_NAMES(user_id))
    return Call(load_script("put_group"), names, args, lambda answer: PutGroup(answer.decode()))


def _group(name: str, row: Sequence[bytes]) -> UrlGroup:
    version, created_ms, updated_ms, endpoints, headers = row
    return UrlGroup(
        name=name,
        endpoints=tuple(Endpoint(**one) for one in json.loads(endpoints)),
        created_at_ms=int(created_ms),
        updated_at_ms=int(updated_ms),
        headers=tuple((field, value) for field, value in json.loads(headers)),
        version=int(version),
    )
