"""Route by the request target as it was sent, not as the server decoded it (contract 0.1).

WSGI decodes PATH_INFO, which destroys the destinations and the names that stand in our paths. This
middleware rewrites the environ from the raw target before Flask routes: static words in lower case, names
still percent-encoded (`NameConverter` decodes each once), destinations cut off and set aside, one trailing
slash gone, and `qstash_token` out of the query and so out of everything that gets logged.
It needs a server that hands the raw target on, as RAW_URI or REQUEST_URI.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, unquote_to_bytes

from werkzeug.exceptions import BadRequest
from werkzeug.routing import BaseConverter

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

DESTINATION: Final = "qstash_rq.destination"
"""Environ key of the destination: what follows in the path, `?` and the query, all undecoded."""

QUERY_TOKEN: Final = "qstash_rq.query_token"  # noqa: S105 - the name of an environ key
"""Environ key of the token that came as `?qstash_token=`."""

_TOKEN_PARAMETER = "qstash_token"  # noqa: S105 - the name of a parameter

# Paths that end in a destination, and how many names stand before it.
_NAMES_BEFORE_DESTINATION = {"publish": 0, "enqueue": 1}

# POST means both: to change a schedule, whose id is one segment, and to create one for a destination.
_SCHEDULE_CHANGE = re.compile(r"[^/]+/(?:pause|resume)/?", re.IGNORECASE)
_CUT_OFF = "-"  # stands where the destination of a schedule stood

_FLOW_ACTIONS = frozenset({"pause", "resume", "pin", "unpin", "resetrate", "reset"})

# Words that stand where other resources have a name.
_WORD_AFTER = {"dlq": "retry", "keys": "rotate"}

_NAME_AT = 3  # the place of the name in "", "v2", "<resource>", "<name>", "<action>"

_BROKEN_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


class RawTarget:
    """The middleware; it stands around `app.wsgi_app`."""

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Rewrite the environ, then hand the request on."""
        rewrite(environ)
        return self._application(environ, start_response)


class NameConverter(BaseConverter):
    """A name or id in a path: one raw segment, percent-decoded once, a decoded `/` being just a letter."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        """Decode the segment; raises BadRequest when it is not percent-encoded UTF-8."""
        if "%" not in value and value.isascii():
            return value
        if _BROKEN_PERCENT.search(value):
            raise BadRequest(description=f"path: invalid percent-encoding in {value!r}")
        text = unquote_to_bytes(value).decode(errors="replace")
        if "\N{REPLACEMENT CHARACTER}" in text:
            raise BadRequest(description=f"path: {value!r} is not valid UTF-8")
        return text


class TextConverter(NameConverter):
    """Free text in a path; it may be empty, which is for the core to refuse."""

    regex = "[^/]*"


def rewrite(environ: "WSGIEnvironment") -> None:
    """Set PATH_INFO, QUERY_STRING, DESTINATION and QUERY_TOKEN from the raw request target."""
    target: str = environ["RAW_URI"] if "RAW_URI" in environ else environ["REQUEST_URI"]
    if not target.startswith("/"):
        target = _origin_form(target)
    path, _, query = target.partition("?")
    if query:
        query, token = _split_token(query)
        if token is not None:
            environ.setdefault(QUERY_TOKEN, token)
    environ["QUERY_STRING"] = query
    environ["RAW_URI"] = environ["REQUEST_URI"] = f"{path}?{query}" if query else path
    environ["PATH_INFO"] = _path_info(environ, path, query)


def without_token(query: str) -> str:
    """Return a raw query without `qstash_token`, otherwise byte for byte."""
    return _split_token(query)[0]


def _origin_form(target: str) -> str:
    """Reduce an absolute-form target (`http://host/v2/...`, RFC 9112 3.2.2) to its path and query."""
    _, _, rest = target.partition("://")
    found = re.search(r"/.*|(\?.*)", rest, re.DOTALL)
    if found is None:
        return "/"
    return "/" + found.group().removeprefix("/")


def _split_token(query: str) -> tuple[str, str | None]:
    """Return the query without any token, otherwise byte for byte, and the first one that was in it."""
    if _TOKEN_PARAMETER not in unquote(query).lower():
        return query, None
    kept: list[str] = []
    tokens: list[str] = []
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        if unquote(key).lower() == _TOKEN_PARAMETER:
            # Not unquote_plus: tokens are base64, where a plus sign is a plus sign.
            tokens.append(unquote(value))
        else:
            kept.append(pair)
    return "&".join(kept), next(iter(tokens), None)


def _path_info(environ: "WSGIEnvironment", path: str, query: str) -> str:
    """Return the path for Flask to route by; sets DESTINATION where `path` ends in one."""
    match path.split("/", 3):
        case ["", version, word, *others] if version.lower() == "v2":
            resource, rest = word.lower(), "".join(others)
        case _:
            return _lower_words(path)
    if resource == "flowcontrol" and rest:
        return f"/v2/flowcontrol/{_flow_key(rest)}"
    if resource in _NAMES_BEFORE_DESTINATION:
        names, destination = _split(rest, _NAMES_BEFORE_DESTINATION[resource])
    elif resource == "schedules" and _creates(environ, rest):
        names, destination = f"/{_CUT_OFF}" if rest else "", rest
    else:
        return _lower_words(path)
    environ[DESTINATION] = f"{destination}?{query}" if query else destination
    return f"/v2/{resource}{names}"


def _creates(environ: "WSGIEnvironment", rest: str) -> bool:
    return environ["REQUEST_METHOD"] == "POST" and not _SCHEDULE_CHANGE.fullmatch(rest)


def _split(rest: str, count: int) -> tuple[str, str]:
    """Cut what follows the resource into `count` names, each behind a slash, and the destination."""
    parts = rest.split("/", count)
    return "".join(f"/{name}" for name in parts[:count] if name), "".join(parts[count:])


def _flow_key(rest: str) -> str:
    """Return a flow-control key as one segment, then its action; clients send its slashes as they are."""
    segments = rest.removesuffix("/").split("/")
    action = segments[-1].lower()
    if len(segments) > 1 and action in _FLOW_ACTIONS:
        return f"{'%2F'.join(segments[:-1])}/{action}"
    return "%2F".join(segments)


def _lower_words(path: str) -> str:
    """Lower all of `/v2/<resource>/<name>/<action>` but the name, and drop one trailing slash."""
    segments = path.removesuffix("/").split("/")
    words = [segment.lower() for segment in segments]
    is_word = len(words) > _NAME_AT and words[_NAME_AT] == _WORD_AFTER.get(words[_NAME_AT - 1])
    name_at = slice(_NAME_AT + is_word, _NAME_AT + is_word + 1)
    words[name_at] = segments[name_at]
    return "/".join(words)
