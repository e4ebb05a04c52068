"""The filter of messages, dead letters and logs (contract 2.12): OR inside one criterion, AND between them.

Does not know which parameters an endpoint takes, nor read numbers; it judges values.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qstash_rq.message import Message
from qstash_rq.names import split_list
from qstash_rq.urls import UrlParts, split_url

_BEFORE_A_URL = re.compile(r",(?=\s*[A-Za-z][A-Za-z0-9+.-]*://)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What is wanted; an empty criterion wants everything.

    `response_statuses` counts a message without a response as status 0. `from_ms` and `to_ms` are inclusive.
    """

    message_ids: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    topic_names: tuple[str, ...] = ()
    schedule_ids: tuple[str, ...] = ()
    queue_names: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    flow_control_keys: tuple[str, ...] = ()
    caller_ips: tuple[str, ...] = ()
    response_statuses: tuple[int, ...] = ()
    from_ms: int | None = None
    to_ms: int | None = None

    def matches(self, message: Message, *, at_ms: int, response_status: int | None = None) -> bool:
        """Tell whether `message` is wanted; `at_ms` is the time the listing goes by."""
        return (
            self._holds(at_ms)
            and _wanted(self.message_ids, message.message_id)
            and _wanted(self.topic_names, message.topic_name)
            and _wanted(self.schedule_ids, message.schedule_id)
            and _wanted(self.queue_names, message.queue_name)
            and _wanted(self.caller_ips, message.caller_ip)
            and _wanted(self.flow_control_keys, message.flow.key if message.flow else None)
            and (not self.labels or any(label in self.labels for label in message.labels))
            and (not self.response_statuses or (response_status or 0) in self.response_statuses)
            and self._matches_url(message.url)
        )

    def _holds(self, at_ms: int) -> bool:
        return (self.from_ms is None or self.from_ms <= at_ms) and (self.to_ms is None or at_ms <= self.to_ms)

    def _matches_url(self, url: str) -> bool:
        if not _wanted(self.urls, url):
            return False
        if not self.hosts and not self.paths:
            return True
        parts = split_url(url)
        return _wanted(self.paths, parts.path) and self._matches_host(parts)

    def _matches_host(self, parts: UrlParts) -> bool:
        host = parts.host.lower()
        spellings = {host} if parts.port is None else {host, f"{host}:{parts.port}"}
        return not self.hosts or any(wanted.lower() in spellings for wanted in self.hosts)


def split_values(values: Sequence[str]) -> tuple[str, ...]:
    """Return the single values of a repeated and comma-separated parameter; empty ones are ignored."""
    return tuple(part for value in values for part in split_list(value))


def split_urls(values: Sequence[str]) -> tuple[str, ...]:
    """Return the single values of a repeated and comma-separated `url` parameter and the unsplit ones.

    Splits only where another URL begins: a comma inside a URL must not widen a filter to a shorter URL.
    """
    parts = [part for value in values for part in (value, *_BEFORE_A_URL.split(value))]
    return tuple(dict.fromkeys(part for part in map(str.strip, parts) if part))


def _wanted(values: tuple[str, ...], value: str | None) -> bool:
    return not values or value in values
