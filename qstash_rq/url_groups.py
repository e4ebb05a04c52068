"""The verbs of URL groups (contract 2.5): each reads, applies a pure rule and writes if nothing changed."""

from collections.abc import Callable

from qstash_rq.address_guard import guard_callbacks, guard_url
from qstash_rq.core import Core
from qstash_rq.errors import LimitExceeded, NotFound, StoreUnavailable
from qstash_rq.headers import parse_options
from qstash_rq.message import Headers
from qstash_rq.names import check_name
from qstash_rq.store.groups import PutGroup, put_group, read_group_names, read_groups
from qstash_rq.url_group import Endpoint, UrlGroup
from qstash_rq.url_group_rules import merge_endpoints
from qstash_rq.url_group_rules import remove_endpoints as remaining_endpoints

# Each lost race means that somebody else's change went through.
_TRIES = 20

Change = Callable[[UrlGroup | None], tuple[tuple[Endpoint, ...], Headers]]


def get_group(core: Core, user_id: str, name: str) -> UrlGroup:
    """Return one group; raises NotFound."""
    found = read_groups(core.store, user_id, [check_name(name, "topicName")])
    if not found:
        raise NotFound(_not_found(name))
    return found[0]


def list_groups(core: Core, user_id: str) -> list[UrlGroup]:
    """Return the user's groups by name."""
    return read_groups(core.store, user_id, read_group_names(core.store, user_id))


def upsert_endpoints(core: Core, user_id: str, name: str, items: tuple[Endpoint, ...]) -> None:
    """Merge endpoints into a group, made if need be; atomic.

    Raises InvalidInput for a bad name or a destination the address guard refuses, and
    LimitExceeded for too many groups or endpoints.
    """
    for item in items:
        guard_url(core, item.url)

    def merge(group: UrlGroup | None) -> tuple[tuple[Endpoint, ...], Headers]:
        merged = merge_endpoints(group.endpoints if group else (), items)
        if len(merged) > core.settings.max_group_endpoints:
            msg = f"endpoints: the maximum of {core.settings.max_group_endpoints} is exceeded"
            raise LimitExceeded(msg)
        return merged, group.headers if group else ()

    _change(core, user_id, name, merge)


def remove_endpoints(core: Core, user_id: str, name: str, items: tuple[Endpoint, ...]) -> None:
    """Remove endpoints, and the group with the last of them; raises NotFound. Atomic."""

    def remove(group: UrlGroup | None) -> tuple[tuple[Endpoint, ...], Headers]:
        if group is None:
            raise NotFound(_not_found(name))
        return remaining_endpoints(group.endpoints, items), group.headers

    _change(core, user_id, name, remove)


def set_group_headers(core: Core, user_id: str, name: str, headers: Headers) -> UrlGroup:
    """Replace the default headers of a group and return it; raises NotFound. Atomic.

    Raises what a publish with these headers would: InvalidInput, LimitExceeded.
    """
    options = parse_options((), (), settings=core.settings, now_ms=core.clock.now_ms(), defaults=headers)
    guard_callbacks(core, options.callback, options.failure_callback)

    def replace(group: UrlGroup | None) -> tuple[tuple[Endpoint, ...], Headers]:
        if group is None:
            raise NotFound(_not_found(name))
        return group.endpoints, headers

    _change(core, user_id, name, replace)
    return get_group(core, user_id, name)


def delete_group(core: Core, user_id: str, name: str) -> None:
    """Delete a group; messages already made are still delivered. Idempotent."""
    _change(core, user_id, name, lambda _: ((), ()))


def _change(core: Core, user_id: str, name: str, change: Change) -> None:
    check_name(name, "topicName")
    for _ in range(_TRIES):
        current = next(iter(read_groups(core.store, user_id, [name])), None)
        endpoints, headers = change(current)
        call = put_group(
            user_id=user_id,
            name=name,
            version=current.version if current else 0,
            now_ms=core.clock.now_ms(),
            max_groups=core.settings.max_url_groups,
            endpoints=endpoints,
            headers=headers,
        )
        match core.store.run(call):
            case PutGroup.WRITTEN:
                return
            case PutGroup.GROUPS_FULL:
                msg = f"topicName: the maximum of {core.settings.max_url_groups} groups is reached"
                raise LimitExceeded(msg)
            case PutGroup.CHANGED:
                continue
    msg = f"topic {name} is being changed by many callers, try again"
    raise StoreUnavailable(msg)


def _not_found(name: str) -> str:
    return f"topic {name} not found"
