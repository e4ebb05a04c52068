"""The verbs of users: tokens are hashed, and the settings apply once."""

import base64
import json
from dataclasses import replace

import pytest

from qstash_rq.core import Core
from qstash_rq.errors import InvalidInput, NotFound, SettingsError, Unauthorized
from qstash_rq.settings import (
    DEVELOPMENT_CURRENT_SIGNING_KEY,
    DEVELOPMENT_NEXT_SIGNING_KEY,
    DEVELOPMENT_TOKEN,
)
from qstash_rq.signing_keys import SigningKeys, get_signing_keys, rotate_signing_keys
from qstash_rq.users import (
    FIRST_USER,
    Identity,
    add_user,
    authenticate,
    ensure_first_user,
    list_users,
    make_token,
    replace_token,
    user_of_token,
)
from tests import seed


def _with(core: Core, **changes: str) -> Core:
    return replace(core, settings=replace(core.settings, **changes))


def _everything(core: Core) -> bytes:
    """Return all keys and values in Redis, as bytes to search in; dumps of short values are not packed."""
    found = b""
    for key in core.store.command("KEYS", "*"):
        kind = core.store.command("TYPE", key)
        if kind == b"hash":
            pairs = core.store.command("HGETALL", key)
            found += b" ".join([key, *pairs, *pairs.values()])
        elif kind == b"set":
            found += b" ".join([key, *core.store.command("SMEMBERS", key)])
        else:
            pytest.fail(f"look into {kind!r} as well")
    return found


def test_the_first_user_comes_from_the_settings(core: Core) -> None:
    """The configured token stands for the user it names, with the configured keys."""
    assert authenticate(core, DEVELOPMENT_TOKEN) == Identity(FIRST_USER, read_only=False)
    assert get_signing_keys(core, FIRST_USER) == SigningKeys(
        DEVELOPMENT_CURRENT_SIGNING_KEY, DEVELOPMENT_NEXT_SIGNING_KEY
    )
    assert list_users(core) == [FIRST_USER]


@pytest.mark.parametrize("token", ["", "x", DEVELOPMENT_TOKEN[:-1], DEVELOPMENT_TOKEN + " ", "ü", "*", "a:b"])
def test_any_other_token_is_refused(core: Core, token: str) -> None:
    """Nothing but the exact token is let in, whatever it is made of."""
    with pytest.raises(Unauthorized, match="unauthorized: invalid token"):
        authenticate(core, token)


def test_tokens_are_never_in_redis_in_clear(core: Core) -> None:
    """No token, nor the password in it, stands anywhere in Redis: not as a key, not as a value."""
    added = add_user(core, "alice")
    replaced = replace_token(core, "alice", read_only=True)

    everything = _everything(core)

    assert b"alice" in everything
    for token in (DEVELOPMENT_TOKEN, added.token, added.readonly_token, replaced):
        assert token.encode() not in everything
        assert json.loads(base64.b64decode(token))["Password"].encode() not in everything


def test_a_token_is_what_clients_decode(core: Core) -> None:
    """A token is standard base64 of JSON with the user's id and a password (contract 1)."""
    token = add_user(core, "alice").token

    decoded = json.loads(base64.b64decode(token, validate=True))

    assert set(decoded) == {"UserID", "Password"}
    assert decoded["UserID"] == "alice"
    assert make_token("alice") != make_token("alice")


def test_a_new_user_can_call_and_sign(core: Core) -> None:
    """Both tokens of a new user work, each with its right, and its keys are those shown."""
    added = add_user(core, "alice")

    assert authenticate(core, added.token) == Identity("alice", read_only=False)
    assert authenticate(core, added.readonly_token) == Identity("alice", read_only=True)
    assert get_signing_keys(core, "alice") == SigningKeys(added.current_signing_key, added.next_signing_key)
    assert list_users(core) == ["alice", FIRST_USER]


@pytest.mark.parametrize("user_id", ["", "a:b", "a b", "default", "ü", "a" * 65, "a\n", "{x}", "*"])
def test_a_name_that_could_break_a_key_is_refused(core: Core, user_id: str) -> None:
    """User ids are letters, digits, `_` and `-`; `default` is RQ's; nothing is written."""
    before = seed.contents(core)

    with pytest.raises(InvalidInput, match="user: "):
        add_user(core, user_id)

    assert seed.contents(core) == before


def test_a_user_is_added_once(core: Core) -> None:
    """A second user of the same name is refused and changes nothing of the first one."""
    add_user(core, "alice")
    before = seed.contents(core)

    with pytest.raises(InvalidInput, match="user: 'alice' exists already"):
        add_user(core, "alice")

    assert seed.contents(core) == before


@pytest.mark.parametrize("read_only", [False, True])
def test_a_replaced_token_stops_working_at_once(core: Core, read_only: bool) -> None:
    """A new token ends the old one of its kind; the other kind stays."""
    added = add_user(core, "alice")
    old, other = (added.readonly_token, added.token) if read_only else (added.token, added.readonly_token)

    fresh = replace_token(core, "alice", read_only=read_only)

    assert authenticate(core, fresh) == Identity("alice", read_only=read_only)
    assert authenticate(core, other).user_id == "alice"
    with pytest.raises(Unauthorized):
        authenticate(core, old)


def test_no_token_is_made_for_an_unknown_user(core: Core) -> None:
    """Replacing a token of nobody is an error and writes nothing."""
    before = seed.contents(core)

    with pytest.raises(NotFound, match="user bob not found"):
        replace_token(core, "bob")

    assert seed.contents(core) == before


@pytest.mark.parametrize(
    ("token", "user_id"),
    [
        (base64.b64encode(b'{"UserID":"alice","Password":"x"}').decode(), "alice"),
        (DEVELOPMENT_TOKEN, FIRST_USER),
        ("plain text", FIRST_USER),
        ("", FIRST_USER),
        (base64.b64encode(b'{"UserID":"a:b"}').decode(), FIRST_USER),
        (base64.b64encode(b'{"UserID":7}').decode(), FIRST_USER),
        (base64.b64encode(b'{"UserID":"default"}').decode(), FIRST_USER),
        (base64.b64encode(b'["UserID"]').decode(), FIRST_USER),
        (base64.b64encode(b'{"Password":"x"}').decode(), FIRST_USER),
        (base64.b64encode(b"\xff\xfe").decode(), FIRST_USER),
    ],
)
def test_the_configured_token_names_its_user(token: str, user_id: str) -> None:
    """A token that names no usable user stands for the first one."""
    assert user_of_token(token) == user_id


def test_a_server_without_a_token_does_not_start(core: Core) -> None:
    """No token, no server: the text names the setting."""
    with pytest.raises(SettingsError, match="QSTASH_TOKEN"):
        ensure_first_user(_with(core, token=""))


def test_the_two_tokens_must_differ(core: Core) -> None:
    """A read-only token that is the full one would read nothing only."""
    with pytest.raises(SettingsError, match="QSTASH_READONLY_TOKEN"):
        ensure_first_user(_with(core, readonly_token=DEVELOPMENT_TOKEN))


def test_a_restart_with_the_same_settings_keeps_what_changed_since(core: Core) -> None:
    """Rotated keys and replaced tokens survive the restart of a process with the same settings."""
    rotated = rotate_signing_keys(core, FIRST_USER)
    fresh = replace_token(core, FIRST_USER)

    assert ensure_first_user(core) == FIRST_USER

    assert get_signing_keys(core, FIRST_USER) == rotated
    assert authenticate(core, fresh).user_id == FIRST_USER
    with pytest.raises(Unauthorized):
        authenticate(core, DEVELOPMENT_TOKEN)


def test_other_settings_are_applied(core: Core) -> None:
    """A token or keys changed in the settings hold after the next start, and the old token does not."""
    token, readonly = make_token(FIRST_USER), make_token(FIRST_USER)
    changed = _with(
        core, token=token, readonly_token=readonly, current_signing_key="sig_a", next_signing_key="sig_b"
    )

    ensure_first_user(changed)

    assert authenticate(core, token) == Identity(FIRST_USER, read_only=False)
    assert authenticate(core, readonly) == Identity(FIRST_USER, read_only=True)
    assert get_signing_keys(core, FIRST_USER) == SigningKeys("sig_a", "sig_b")
    with pytest.raises(Unauthorized):
        authenticate(core, DEVELOPMENT_TOKEN)


def test_tokens_that_change_places_in_the_settings_change_their_rights(core: Core) -> None:
    """Swapping the two tokens in the settings swaps what they may do."""
    readonly = make_token(FIRST_USER)
    ensure_first_user(_with(core, readonly_token=readonly))

    ensure_first_user(_with(core, token=readonly, readonly_token=DEVELOPMENT_TOKEN))

    assert authenticate(core, readonly) == Identity(FIRST_USER, read_only=False)
    assert authenticate(core, DEVELOPMENT_TOKEN) == Identity(FIRST_USER, read_only=True)


def test_a_read_only_token_taken_out_of_the_settings_stops_working(core: Core) -> None:
    """Without QSTASH_READONLY_TOKEN there is none; the other token is as before."""
    readonly = make_token(FIRST_USER)
    ensure_first_user(_with(core, readonly_token=readonly))
    assert authenticate(core, readonly).read_only

    ensure_first_user(core)

    assert authenticate(core, DEVELOPMENT_TOKEN).user_id == FIRST_USER
    with pytest.raises(Unauthorized):
        authenticate(core, readonly)


def test_the_token_of_an_earlier_first_user_stops_working(core: Core) -> None:
    """QSTASH_TOKEN names another user: the old token ends, and works again when it is configured again."""
    token = make_token("alice")

    ensure_first_user(_with(core, token=token))

    assert authenticate(core, token).user_id == "alice"
    with pytest.raises(Unauthorized):
        authenticate(core, DEVELOPMENT_TOKEN)
    assert list_users(core) == ["alice", FIRST_USER]

    ensure_first_user(core)

    assert authenticate(core, DEVELOPMENT_TOKEN).user_id == FIRST_USER
    with pytest.raises(Unauthorized):
        authenticate(core, token)


def test_keys_are_made_up_alike_by_every_process(core: Core) -> None:
    """Processes that start at once without configured keys make up the same two, which differ."""
    bare = _with(core, token=make_token("alice"), current_signing_key="", next_signing_key="")

    ensure_first_user(bare)
    first = get_signing_keys(core, "alice")
    core.store.command("FLUSHDB")
    ensure_first_user(bare)

    assert get_signing_keys(core, "alice") == first
    assert first.current != first.next
    assert first.current.startswith("sig_")
    assert len(first.current) == len(first.next) == 32


def test_rotation_goes_on_for_ever(core: Core) -> None:
    """Each rotation makes the next key current and a fresh one next."""
    first = get_signing_keys(core, FIRST_USER)
    second = rotate_signing_keys(core, FIRST_USER)
    third = rotate_signing_keys(core, FIRST_USER)

    assert (second.current, third.current) == (first.next, second.next)
    assert len({first.current, first.next, second.next, third.next}) == 4
    assert get_signing_keys(core, FIRST_USER) == third


def test_nobody_has_no_keys(core: Core) -> None:
    """Keys of an unknown user are not found, and rotating them makes none."""
    before = seed.contents(core)
    with pytest.raises(NotFound):
        get_signing_keys(core, "bob")
    with pytest.raises(NotFound):
        rotate_signing_keys(core, "bob")

    assert seed.contents(core) == before
