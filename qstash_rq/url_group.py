"""The values of a URL group: its endpoints in order and its default headers. No I/O."""

from dataclasses import dataclass

from qstash_rq.message import Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint of a group; the name is optional."""

    url: str
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlGroup:
    """A URL group (topic); `version` counts its changes, for compare-and-set (contract 2.5)."""

    name: str
    endpoints: tuple[Endpoint, ...]
    created_at_ms: int
    updated_at_ms: int
    headers: Headers = ()
    version: int = 0
