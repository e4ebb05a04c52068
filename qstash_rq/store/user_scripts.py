"""Typed wrappers of the scripts about users and their keys."""

from enum import StrEnum

from qstash_rq.store import keys
from qstash_rq.store.script import Call, load_script


class PutMode(StrEnum):
    """What put_user is asked to do."""

    ADD = "add"
    CHANGE = "change"
    CONFIGURE = "configure"


class Put(StrEnum):
    """What put_user answers."""

    WRITTEN = "written"
    EXISTS = "exists"
    GONE = "gone"
    UNCHANGED = "unchanged"


def put_user(
    *,
    user_id: str,
    mode: PutMode,
    token_digest: str = "",
    readonly_digest: str = "",
    current_key: str = "",
    next_key: str = "",
    configured: str = "",
) -> Call[Put]:
    """Add, change or configure a user; an empty text keeps what is there.

    Configuring ends the tokens that were configured before and are not any more.
    """
    args = (user_id, mode.value, token_digest, readonly_digest, current_key, next_key, configured)
    names = (keys.USERS(), keys.USER(user_id), keys.CONFIGURED())
    return Call(load_script("put_user"), names, args, lambda answer: Put(answer.decode()))


def rotate_keys(*, user_id: str, new_key: str) -> Call[tuple[str, ...]]:
    """Rotate the signing keys; answers (current, next), or nothing for an unknown user."""
    return Call(
        load_script("rotate_keys"),
        (keys.USER(user_id),),
        (new_key,),
        lambda answer: tuple(word.decode() for word in answer),
    )
