"""rotate_keys.lua: the next signing key becomes the current one."""

from qstash_rq.core import Core
from qstash_rq.settings import DEVELOPMENT_NEXT_SIGNING_KEY
from qstash_rq.store.user_scripts import rotate_keys
from qstash_rq.store.users import read_signing_keys
from qstash_rq.users import FIRST_USER
from tests import seed


def test_rotation_moves_the_keys_up(core: Core) -> None:
    """The next key signs from now on, the new key is next, and claims carry the new current one."""
    assert core.store.run(rotate_keys(user_id=FIRST_USER, new_key="sig_new")) == (
        DEVELOPMENT_NEXT_SIGNING_KEY,
        "sig_new",
    )

    assert read_signing_keys(core.store, FIRST_USER) == (DEVELOPMENT_NEXT_SIGNING_KEY, "sig_new")
    seed.seed(core)
    assert [one.signing_key for one in seed.claim(core)] == [DEVELOPMENT_NEXT_SIGNING_KEY]


def test_rotate_refuses_an_unknown_user(core: Core) -> None:
    """No user is made by a rotation."""
    before = seed.contents(core)

    assert core.store.run(rotate_keys(user_id="nobody", new_key="sig_new")) == ()

    assert seed.contents(core) == before
