"""Lanes: their names, and which of them a worker's words mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_rq.lanes import EVERY_LANE, Lane, is_user_id, lane_names

_USER_IDS = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True).filter(is_user_id)
_QUEUES = st.none() | st.from_regex(r"[A-Za-z0-9._-]{1,20}", fullmatch=True)


@pytest.mark.parametrize(
    ("lane", "name"), [(Lane("u"), "u"), (Lane("u", "q"), "u:q"), (Lane("u", "default"), "u:default")]
)
def test_a_lane_has_the_name_of_its_rq_queue(lane: Lane, name: str) -> None:
    """The user comes first, the word a user chose last."""
    assert lane.name == name


@given(st.tuples(_USER_IDS, _QUEUES), st.tuples(_USER_IDS, _QUEUES))
def test_no_two_lanes_share_a_name(first: tuple[str, str | None], second: tuple[str, str | None]) -> None:
    """Names are equal only for the same lane."""
    assert (Lane(*first).name == Lane(*second).name) == (first == second)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("u", True),
        ("a-B_9", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("", False),
        ("a:b", False),
        ("a.b", False),
        ("a b", False),
        ("a\n", False),
        ("ü", False),
        ("{a}", False),
        ("default", False),
        ("Default", True),
    ],
)
def test_user_ids(text: str, good: bool) -> None:
    """A user id holds nothing that could end it inside a key, and is not RQ's word for every lane."""
    assert is_user_id(text) is good


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], []),
        ([EVERY_LANE], []),
        (["q", EVERY_LANE], []),
        (["q"], ["alice:q", "bob:q"]),
        (["alice:q"], ["alice:q"]),
        (["bob"], ["bob"]),
        (["q", "alice", "carol:x"], ["alice:q", "bob:q", "alice", "carol:x"]),
    ],
)
def test_the_words_of_a_worker(words: list[str], names: list[str]) -> None:
    """A word is a lane as `rq info` prints it, a user's plain lane, or a queue of every user."""
    assert lane_names(words, ["alice", "bob"]) == names
