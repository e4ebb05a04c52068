"""Read users, tokens and signing keys."""

from qstash_rq.store import keys
from qstash_rq.store.executor import Executor


def read_token(store: Executor, digest: str) -> tuple[str, bool] | None:
    """Return (user id, read-only) of a token's digest, or None."""
    user, read_only = store.command("HMGET", keys.TOKEN(digest), "user", "read_only")
    return None if user is None else (user.decode(), read_only == b"1")


def read_user_ids(store: Executor) -> list[str]:
    """Return the ids of all users, sorted."""
    return sorted(word.decode() for word in store.command("SMEMBERS", keys.USERS()))


def read_signing_keys(store: Executor, user_id: str) -> tuple[str, str] | None:
    """Return (current, next), or None for an unknown user."""
    current, following = store.command("HMGET", keys.USER(user_id), "current", "next")
    return None if current is None else (current.decode(), following.decode())
