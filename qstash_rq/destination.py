"""Read a destination out of the raw request target (contract 3.1): a URL kept verbatim or a group name.

Looks up neither the host (see `addresses`) nor the group. The target is undecoded text whose bytes the caller
read as UTF-8: characters outside ASCII are kept, surrogate escapes of undecodable bytes are refused.
"""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote, unquote_plus

from qstash_rq.errors import InvalidInput
from qstash_rq.names import is_name
from qstash_rq.remembering import remember_short
from qstash_rq.urls import INVALID_SCHEME, WEB_SCHEMES, check_url, refuse_url

_TOKEN_KEY = "qstash_token"  # noqa: S105 - the name of the parameter, not a token
_OPTION_PREFIX = "upstash-"
_ENCODED_COLON = "%3a"
_PSEUDO_DESTINATIONS = frozenset({"api/llm", "api/email"})


class DestinationKind(StrEnum):
    """What a destination names."""

    URL = "url"
    GROUP = "group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A raw target, split: its path, what is left of its query, and the options taken out of the query."""

    path: str
    query: str
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a message goes: `value` is the URL to store, verbatim, or the name of a URL group.

    `query_options` holds the `upstash-*` pairs of the query, decoded: the weaker form of headers.
    """

    kind: DestinationKind
    value: str
    query_options: tuple[tuple[str, str], ...] = ()


def split_target(raw: str) -> Target:
    """Split `raw` at its first `?` and take `upstash-*` and `qstash_token` pairs out of the query.

    The other pairs stay byte for byte and in order. Raises InvalidInput for an option that is not UTF-8.
    """
    path, _, query = raw.partition("?")
    kept: list[str] = []
    options: list[tuple[str, str]] = []
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        # Keys are compared decoded: a token hidden as `qstash%5Ftoken` must not travel to the endpoint.
        key = unquote_plus(name)
        if key.lower().startswith(_OPTION_PREFIX):
            options.append((key, _decode_option(key, value)))
        elif key.lower() != _TOKEN_KEY:
            kept.append(pair)
    return Target(path=path, query="&".join(kept), options=tuple(options))


def parse_destination(raw: str, *, schemes: frozenset[str] = WEB_SCHEMES) -> Destination:
    """Read the raw text after `/v2/publish/`, or a batch item's `destination`, by the table of contract 3.1.

    `schemes` are the URL schemes that can be delivered, in lower case. A group's remaining query is dropped;
    whether the group exists is not looked at. Raises InvalidInput.
    """
    return _read(raw, schemes)


# Publishers have few destinations: to look one up costs 0.2 µs, to read it 5.
@remember_short
def _read(raw: str, schemes: frozenset[str]) -> Destination:
    target = split_target(raw)
    if _is_encoded(target.path, schemes):
        target = _decode_target(target)
    url = _as_url(target.path, schemes)
    if url is None:
        name = _group_name(target.path)
        return Destination(kind=DestinationKind.GROUP, value=name, query_options=target.options)
    if target.query:
        url = f"{url}?{target.query}"
    check_url(url, schemes=schemes)
    return Destination(kind=DestinationKind.URL, value=url, query_options=target.options)


def _decode_option(key: str, value: str) -> str:
    try:
        return unquote_plus(value, errors="strict")
    except UnicodeDecodeError as error:
        msg = f"{key}: must be UTF-8"
        raise InvalidInput(msg) from error


def _is_encoded(path: str, schemes: frozenset[str]) -> bool:
    head, mark, _ = path.lower().partition(_ENCODED_COLON)
    return bool(mark) and head in schemes


def _decode_target(target: Target) -> Target:
    """Decode a wholly encoded destination once; pairs that stood outside it come after its own."""
    try:
        decoded = unquote(target.path, errors="strict")
    except UnicodeDecodeError:
        refuse_url("the percent-encoded text must be UTF-8")
    inner = split_target(decoded)
    query = "&".join(part for part in (inner.query, target.query) if part)
    return Target(path=inner.path, query=query, options=inner.options + target.options)


def _as_url(path: str, schemes: frozenset[str]) -> str | None:
    scheme, colon, rest = path.partition(":")
    if not colon or scheme.lower() not in schemes:
        return None
    if rest.startswith("//"):
        return path
    # Proxies and frameworks that merge slashes turn `https://a.io` into `https:/a.io`.
    if rest.startswith("/") and rest != "/":
        return f"{scheme}:/{rest}"
    return None


def _group_name(path: str) -> str:
    if not path:
        msg = "a non-empty destination must be provided"
        raise InvalidInput(msg)
    name = path.removesuffix("/")
    if name in _PSEUDO_DESTINATIONS:
        # One answer for all of them: contract 2.1 asks for the same error.
        msg = "api/llm is not supported, use a full provider URL"
        raise InvalidInput(msg)
    if not is_name(name):
        refuse_url(INVALID_SCHEME)
    return name
