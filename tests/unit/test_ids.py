"""Identifiers (contract 6)."""

import re
from collections.abc import Callable

import pytest

from qstash_rq.ids import jwt_ids, new_message_id, new_message_ids, new_signing_key

_BASE58 = "[1-9A-HJ-NP-Za-km-z]"


@pytest.mark.parametrize(
    ("make", "form"),
    [
        (new_message_id, f"msg_{_BASE58}{{26}}"),
        (jwt_ids().__next__, f"jwt_{_BASE58}{{22}}"),
        (new_signing_key, f"sig_{_BASE58}{{28}}"),
    ],
)
def test_ids_have_their_form_and_never_come_twice(make: Callable[[], str], form: str) -> None:
    """A prefix, and base58 text long enough to be unique."""
    made = [make() for _ in range(2000)]

    assert all(re.fullmatch(form, one) for one in made)
    assert len(set(made)) == len(made)


def test_ids_made_together_are_like_others() -> None:
    """As many as were asked for, each of its own."""
    made = list(new_message_ids(100))

    assert all(re.fullmatch(f"msg_{_BASE58}{{26}}", one) for one in made)
    assert len(set(made)) == 100
    assert list(new_message_ids(0)) == []


def test_every_letter_comes_up_everywhere() -> None:
    """No position and no letter is left out, so that the ids are as random as they look."""
    made = [new_message_id()[4:] for _ in range(4000)]

    assert all(len({one[position] for one in made}) == 58 for position in range(26))


def test_a_key_made_of_bytes_is_always_the_same() -> None:
    """The same bytes make the same key, one changed byte another; the rest of a longer source is idle."""
    source = bytes(range(32))

    assert new_signing_key(source) == new_signing_key(source[:28])
    assert new_signing_key(source) != new_signing_key(b"\xff" + source[1:])
    assert re.fullmatch(f"sig_{_BASE58}{{28}}", new_signing_key(source))
