"""Who is calling: users, their tokens and the first user's configuration.

Tokens are random, so a plain SHA-256 is enough to store them by; a token is never
kept or logged.
"""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass

from qstash_rq.core import Core
from qstash_rq.errors import InvalidInput, NotFound, SettingsError, Unauthorized
from qstash_rq.ids import new_signing_key
from qstash_rq.lanes import is_user_id
from qstash_rq.settings import Settings
from qstash_rq.store.user_scripts import Put, PutMode, put_user
from qstash_rq.store.users import read_token, read_user_ids

FIRST_USER = "defaultUser"


@dataclass(frozen=True, slots=True)
class Identity:
    """The user behind a token and whether that token only reads."""

    user_id: str
    read_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """A user as it was added; the only time its tokens are shown."""

    user_id: str
    token: str
    readonly_token: str
    current_signing_key: str
    next_signing_key: str


def make_token(user_id: str) -> str:
    """Return a fresh token: base64 JSON with UserID and Password, as one client decodes it (contract 1)."""
    text = json.dumps({"UserID": user_id, "Password": secrets.token_hex(16)}, separators=(",", ":"))
    return base64.b64encode(text.encode()).decode()


def user_of_token(token: str) -> str:
    """Return the user id a token names, or the first user's when it names none."""
    try:
        user_id = json.loads(base64.b64decode(token, validate=True))["UserID"]
    except (ValueError, KeyError, TypeError):
        return FIRST_USER
    return user_id if isinstance(user_id, str) and is_user_id(user_id) else FIRST_USER


def authenticate(core: Core, token: str) -> Identity:
    """Return who `token` stands for; raises Unauthorized (contract 1)."""
    digest = _digest(token)
    found = read_token(core.store, digest) if token else None
    if found is None:
        msg = "unauthorized: invalid token"
        raise Unauthorized(msg)
    return Identity(*found)


def add_user(core: Core, user_id: str) -> NewUser:
    """Add a user with fresh tokens and keys; raises InvalidInput for a bad or taken name."""
    if not is_user_id(user_id):
        msg = f"user: {user_id!r} must be 1 to 64 letters, digits, '_' or '-', and not 'default'"
        raise InvalidInput(msg)
    user = NewUser(
        user_id=user_id,
        token=make_token(user_id),
        readonly_token=make_token(user_id),
        current_signing_key=new_signing_key(),
        next_signing_key=new_signing_key(),
    )
    call = put_user(
        user_id=user_id,
        mode=PutMode.ADD,
        token_digest=_digest(user.token),
        readonly_digest=_digest(user.readonly_token),
        current_key=user.current_signing_key,
        next_key=user.next_signing_key,
    )
    if core.store.run(call) is Put.EXISTS:
        msg = f"user: {user_id!r} exists already"
        raise InvalidInput(msg)
    return user


def replace_token(core: Core, user_id: str, *, read_only: bool = False) -> str:
    """Give a user a new token in place of the old one, which stops working; raises NotFound."""
    token = make_token(user_id)
    digests = {"readonly_digest" if read_only else "token_digest": _digest(token)}
    if core.store.run(put_user(user_id=user_id, mode=PutMode.CHANGE, **digests)) is Put.GONE:
        msg = f"user {user_id} not found"
        raise NotFound(msg)
    return token


def list_users(core: Core) -> list[str]:
    """Return the ids of all users, sorted."""
    return read_user_ids(core.store)


def ensure_first_user(core: Core) -> str:
    """Bring the first user in line with the settings and return its id; idempotent.

    Raises SettingsError without QSTASH_TOKEN. What was rotated or replaced since the
    same settings were first applied stays as it is; tokens of other settings, applied before, end.
    """
    settings = core.settings
    if not settings.token:
        msg = "QSTASH_TOKEN: a token is required; `qstash-rq token` makes one"
        raise SettingsError(msg)
    if settings.readonly_token and hmac.compare_digest(settings.token, settings.readonly_token):
        msg = "QSTASH_READONLY_TOKEN: must differ from QSTASH_TOKEN"
        raise SettingsError(msg)
    user_id = user_of_token(settings.token)
    core.store.run(
        put_user(
            user_id=user_id,
            mode=PutMode.CONFIGURE,
            token_digest=_digest(settings.token),
            readonly_digest=_digest(settings.readonly_token) if settings.readonly_token else "",
            current_key=settings.current_signing_key or _derived_key(settings, "current"),
            next_key=settings.next_signing_key or _derived_key(settings, "next"),
            configured=_configured(settings),
        )
    )
    return user_id


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _configured(settings: Settings) -> str:
    parts = (
        settings.token,
        settings.readonly_token,
        settings.current_signing_key,
        settings.next_signing_key,
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _derived_key(settings: Settings, word: str) -> str:
    # Several web processes start at once without configured keys: all must make up the same ones.
    digest = hmac.digest(settings.token.encode(), f"signing key: {word}".encode(), "sha256")
    return new_signing_key(digest)
