"""Decide who is calling and whether they may (contract section 1).

An identity is remembered for up to a second, so that a publish costs one round trip to Redis: a token that
was replaced works that much longer. What is not known is never remembered.
"""

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flask import g, request

from api.raw_target import QUERY_TOKEN
from qstash_rq.core import Core
from qstash_rq.errors import Forbidden, Unauthorized
from qstash_rq.health import start_afresh
from qstash_rq.users import Identity, authenticate, ensure_first_user, list_users, user_of_token

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_REMEMBER_MS = 1_000
_AGED_MS = _REMEMBER_MS // 2
_MAX_REMEMBERED = 10_000
_READING = frozenset({"GET", "HEAD"})

OPEN_BLUEPRINTS: Final = frozenset({"health", "description"})
"""What needs no token."""
_SECRET_BLUEPRINT = "signing_keys"  # noqa: S105 - whoever reads the keys can forge signatures


@dataclass(frozen=True, slots=True)
class _Remembered:
    identity: Identity
    since_ms: int


class Gate:
    """Lets a request of one app in, or raises Unauthorized or Forbidden."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._remembered: dict[str, _Remembered] = {}

    def check(self) -> None:
        """Find out who sent the current request; to be run before each."""
        if request.blueprint in OPEN_BLUEPRINTS:
            return
        identity = self._identify(request_token(request.environ))
        if identity.read_only and not _is_reading():
            msg = "forbidden: the token is read-only"
            raise Forbidden(msg)
        g.user_id = identity.user_id

    def forget(self) -> None:
        """Begin anew after an outage: Redis may be empty, so users come first; connections may be dead."""
        self._remembered.clear()
        start_afresh(self._core)

    def recall(self, token: str) -> Identity | None:
        """Return who a token stands for, if that was asked a moment ago."""
        known = self._remembered.get(token)
        return None if known is None or self._age_ms(known) >= _REMEMBER_MS else known.identity

    def is_aged(self, token: str) -> bool:
        """Tell whether what is known of a token had better be asked again, before it is forgotten."""
        known = self._remembered.get(token)
        return known is not None and self._age_ms(known) >= _AGED_MS

    def renew(self, token: str) -> None:
        """Ask again who a token stands for; one that stands for nobody any more is forgotten."""
        try:
            self._remember(token)
        except Unauthorized:
            self._remembered.pop(token, None)

    def _identify(self, token: str) -> Identity:
        known = self.recall(token)
        if known is not None:
            return known
        self._remembered.pop(token, None)
        return self._remember(token)

    def _remember(self, token: str) -> Identity:
        now_ms = self._core.clock.now_ms()
        identity = self._ask(token)
        if len(self._remembered) >= _MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[token] = _Remembered(identity, now_ms)
        return identity

    def _age_ms(self, known: _Remembered) -> int:
        return abs(self._core.clock.now_ms() - known.since_ms)

    def _ask(self, token: str) -> Identity:
        try:
            return authenticate(self._core, token)
        except Unauthorized:
            if not self._first_user_is_missing(token):
                raise
        # Redis came back empty, or was away when this process started.
        ensure_first_user(self._core)
        return authenticate(self._core, token)

    def _first_user_is_missing(self, token: str) -> bool:
        settings = self._core.settings
        configured = (settings.token, settings.readonly_token)
        is_configured = any(hmac.compare_digest(token.encode(), text.encode()) for text in configured if text)
        return is_configured and user_of_token(settings.token) not in list_users(self._core)


def bearer(environ: "WSGIEnvironment") -> str | None:
    """Return the bearer token of the Authorization header, if it has one."""
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def request_token(environ: "WSGIEnvironment") -> str:
    """Return the token a request came with, empty without one."""
    in_header = bearer(environ)
    return environ.get(QUERY_TOKEN, "") if in_header is None else in_header


def _is_reading() -> bool:
    return request.method in _READING and request.blueprint != _SECRET_BLUEPRINT
