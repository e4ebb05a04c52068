"""Read and rotate a user's signing keys (contract 2.8)."""

from dataclasses import dataclass

from qstash_rq.core import Core
from qstash_rq.errors import NotFound
from qstash_rq.ids import new_signing_key
from qstash_rq.store.user_scripts import rotate_keys
from qstash_rq.store.users import read_signing_keys


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The key that signs now and the one that follows at the next rotation."""

    current: str
    next: str


def get_signing_keys(core: Core, user_id: str) -> SigningKeys:
    """Return the user's keys; raises NotFound."""
    found = read_signing_keys(core.store, user_id)
    if found is None:
        msg = f"user {user_id} not found"
        raise NotFound(msg)
    return SigningKeys(*found)


def rotate_signing_keys(core: Core, user_id: str) -> SigningKeys:
    """Make the next key the current one and make up a new next one; atomic, raises NotFound."""
    rotated = core.store.run(rotate_keys(user_id=user_id, new_key=new_signing_key()))
    if not rotated:
        msg = f"user {user_id} not found"
        raise NotFound(msg)
    return SigningKeys(*rotated)
