"""Scripts and calls as values."""

import hashlib

import pytest

from qstash_rq.store import keys, upkeep_scripts
from qstash_rq.store.preamble import lua_preamble
from qstash_rq.store.script import Call, load_script


def test_a_script_is_its_parts_below_the_key_names() -> None:
    """The names of keys come first, then the parts in the order of `-- uses:`, then the script."""
    text = load_script("cancel").text
    at = [
        text.index(mark)
        for mark in ("local K =", "-- log_append(", "-- lane_wake(", "-- finish(", "-- cancel:")
    ]

    assert at == sorted(at)
    assert "-- bury(" not in text


def test_a_digest_is_what_evalsha_wants() -> None:
    """The digest is the SHA-1 of the whole text."""
    script = load_script("promote")

    assert script.digest == hashlib.sha1(script.text.encode(), usedforsecurity=False).hexdigest()


def test_a_script_is_read_once() -> None:
    """Loading again gives the same value."""
    assert load_script("claim") is load_script("claim")


def test_an_unknown_script_is_an_error() -> None:
    """A wrong name is found at once."""
    with pytest.raises(FileNotFoundError):
        load_script("unknown")


def test_a_call_is_one_command_by_digest_or_whole() -> None:
    """Either way the keys are counted and come before the arguments."""
    script = load_script("promote")
    call = Call(script, ("k1", "k2"), (1, b"\x00", "x"), str)

    assert call.command(whole=False) == ("EVALSHA", script.digest, 2, "k1", "k2", 1, b"\x00", "x")
    assert call.command(whole=True) == ("EVAL", script.text, 2, "k1", "k2", 1, b"\x00", "x")


def test_every_key_name_is_in_the_preamble() -> None:
    """Lua knows each key of `keys.py` by its name in small letters, and no other."""
    preamble = lua_preamble()

    assert preamble.startswith("local K = {")
    assert preamble.splitlines()[0].count(" = '") == len(keys.ALL)
    assert all(f"{word.lower()} = '{key.name}'" in preamble for word, key in keys.ALL.items())


def test_every_key_stands_under_the_prefix() -> None:
    """One variable moves all keys, RQ's and ours, and puts them into one slot of a Cluster."""
    assert all(key.name.startswith("{test}:") for key in keys.ALL.values())


def test_no_key_family_begins_like_another() -> None:
    """A word that a user chose can never make the key of another family."""
    families = [key.name for key in keys.ALL.values() if key.of]

    assert all(name.endswith(":") for name in families)
    assert not [
        (one, other)
        for one in families
        for other in (key.name for key in keys.ALL.values())
        if one != other and other.startswith(one)
    ]


@pytest.mark.parametrize(
    ("answer", "moved"),
    [
        ([0, b""], upkeep_scripts.Moved(0, None)),
        ([3, b"1700000000000"], upkeep_scripts.Moved(3, 1_700_000_000_000)),
        ([3, b"1.7e+12"], upkeep_scripts.Moved(3, 1_700_000_000_000)),
    ],
)
def test_a_score_is_read_as_milliseconds(answer: list[object], moved: upkeep_scripts.Moved) -> None:
    """Redis may write a large score with an exponent."""
    assert upkeep_scripts.promote(now_ms=1, most=2).decode(answer) == moved
