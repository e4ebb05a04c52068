"""put_user.lua: users and their tokens."""

import pytest

from qstash_rq.core import Core
from qstash_rq.store import keys
from qstash_rq.store.user_scripts import Put, PutMode, put_user
from tests import seed


def _put(core: Core, mode: PutMode = PutMode.ADD, **changes: str) -> Put:
    return core.store.run(put_user(user_id="u", mode=mode, **changes))


def _user(core: Core) -> dict[str, str]:
    fields = core.store.command("HGETALL", keys.USER("u"))
    return {name.decode(): value.decode() for name, value in fields.items()}


def _token(core: Core, digest: str) -> list[bytes | None]:
    return core.store.command("HMGET", keys.TOKEN(digest), "user", "read_only")


_FULL = {"token_digest": "t1", "readonly_digest": "r1", "current_key": "k1", "next_key": "k2"}


def test_a_new_user_has_tokens_and_keys(core: Core) -> None:
    """Adding writes the user, both tokens, both keys and the index of users."""
    assert _put(core, **_FULL) is Put.WRITTEN

    assert _user(core) == {"token": "t1", "readonly_token": "r1", "current": "k1", "next": "k2"}
    assert _token(core, "t1") == [b"u", b"0"]
    assert _token(core, "r1") == [b"u", b"1"]
    assert core.store.command("SISMEMBER", keys.USERS(), "u") == 1


@pytest.mark.parametrize(
    ("mode", "exists", "answer"), [(PutMode.ADD, True, Put.EXISTS), (PutMode.CHANGE, False, Put.GONE)]
)
def test_put_user_refuses_before_its_first_write(
    core: Core, mode: PutMode, exists: bool, answer: Put
) -> None:
    """Adding a user that exists and changing one that does not write nothing."""
    if exists:
        _put(core, **_FULL)
    before = seed.contents(core)

    assert _put(core, mode, token_digest="t9", current_key="k9") is answer

    assert seed.contents(core) == before


def test_the_same_configuration_is_applied_once(core: Core) -> None:
    """What was rotated or replaced since the same settings were applied stays."""
    _put(core, PutMode.CONFIGURE, **_FULL, configured="c1")
    _put(core, PutMode.CHANGE, token_digest="t2")
    before = seed.contents(core)

    assert _put(core, PutMode.CONFIGURE, **_FULL, configured="c1") is Put.UNCHANGED

    assert seed.contents(core) == before


def test_another_configuration_is_applied(core: Core) -> None:
    """Changed settings replace tokens and keys; the old tokens are worth nothing."""
    _put(core, PutMode.CONFIGURE, **_FULL, configured="c1")

    answer = _put(
        core,
        PutMode.CONFIGURE,
        token_digest="t2",
        readonly_digest="r2",
        current_key="k3",
        next_key="k4",
        configured="c2",
    )

    assert answer is Put.WRITTEN
    assert _token(core, "t1") == _token(core, "r1") == [None, None]
    assert (_token(core, "t2"), _token(core, "r2")) == ([b"u", b"0"], [b"u", b"1"])
    assert _user(core) == {
        "token": "t2",
        "readonly_token": "r2",
        "current": "k3",
        "next": "k4",
    }


@pytest.mark.parametrize(
    ("changes", "valid", "invalid"),
    [
        ({"token_digest": "t2"}, {"t2": b"0", "r1": b"1"}, ["t1"]),
        ({"readonly_digest": "r2"}, {"t1": b"0", "r2": b"1"}, ["r1"]),
        ({"token_digest": "t1"}, {"t1": b"0", "r1": b"1"}, []),
        ({"token_digest": "r1", "readonly_digest": "t1"}, {"r1": b"0", "t1": b"1"}, []),
        ({"token_digest": "r1", "readonly_digest": "r2"}, {"r1": b"0", "r2": b"1"}, ["t1"]),
        ({"token_digest": "t2", "readonly_digest": "t1"}, {"t2": b"0", "t1": b"1"}, ["r1"]),
        ({"current_key": "k9"}, {"t1": b"0", "r1": b"1"}, []),
    ],
)
def test_tokens_are_replaced_one_by_one_or_swapped(
    core: Core, changes: dict[str, str], valid: dict[str, bytes], invalid: list[str]
) -> None:
    """A new token ends the old one of its kind and no other, also when the two change places."""
    _put(core, **_FULL)

    assert _put(core, PutMode.CHANGE, **changes) is Put.WRITTEN

    assert {digest: _token(core, digest) for digest in valid} == {
        digest: [b"u", read_only] for digest, read_only in valid.items()
    }
    assert all(_token(core, digest) == [None, None] for digest in invalid)


@pytest.mark.parametrize(
    ("changes", "valid", "invalid"),
    [
        ({"token_digest": "t1"}, ["t1"], ["r1"]),
        ({"token_digest": "t2", "readonly_digest": "r1"}, ["t2", "r1"], ["t1"]),
        ({"token_digest": "r1"}, ["r1"], ["t1"]),
        ({"user_id": "v", "token_digest": "t2"}, ["t2"], ["t1", "r1"]),
        ({"user_id": "v", "token_digest": "t2", "readonly_digest": "r1"}, ["t2", "r1"], ["t1"]),
    ],
)
def test_tokens_taken_out_of_the_configuration_end(
    core: Core, changes: dict[str, str], valid: list[str], invalid: list[str]
) -> None:
    """A read-only token that is gone, and both tokens of a first user who is no longer the first."""
    _put(core, PutMode.CONFIGURE, **_FULL, configured="c1")
    changes = {"user_id": "u"} | changes

    core.store.run(put_user(mode=PutMode.CONFIGURE, **changes, configured="c2"))

    assert all(_token(core, digest)[0] == changes["user_id"].encode() for digest in valid)
    assert all(_token(core, digest) == [None, None] for digest in invalid)
    assert not {*_user(core).values()} & {*invalid}


def test_a_token_that_was_replaced_by_hand_is_not_of_the_configuration(core: Core) -> None:
    """Taking the read-only token out of the settings ends that one, and none that came in its place."""
    _put(core, PutMode.CONFIGURE, **_FULL, configured="c1")
    _put(core, PutMode.CHANGE, readonly_digest="r2")

    _put(core, PutMode.CONFIGURE, token_digest="t2", configured="c2")

    assert (_token(core, "t2"), _token(core, "r2")) == ([b"u", b"0"], [b"u", b"1"])
    assert _token(core, "t1") == _token(core, "r1") == [None, None]


def test_the_configuration_of_another_user_leaves_added_ones_alone(core: Core) -> None:
    """Users that were added by hand keep their tokens, whatever the settings say."""
    core.store.run(put_user(user_id="added", mode=PutMode.ADD, token_digest="t8", readonly_digest="r8"))
    _put(core, PutMode.CONFIGURE, **_FULL, configured="c1")

    core.store.run(put_user(user_id="v", mode=PutMode.CONFIGURE, token_digest="t2", configured="c2"))

    assert (_token(core, "t8"), _token(core, "r8")) == ([b"added", b"0"], [b"added", b"1"])
