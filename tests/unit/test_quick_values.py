"""Frozen values made past their slow initialiser: nobody can tell them from others."""

from dataclasses import FrozenInstanceError, asdict, replace
from typing import Any

import pytest

from qstash_rq.message import Flow, Message
from qstash_rq.quick_values import quick_maker
from tests.factories import make_message

VALUES: dict[str, Any] = {
    "message_id": "msg_1",
    "user_id": "default",
    "url": "https://example.com",
    "created_at_ms": 1,
    "not_before_ms": 2,
    "headers": (("A", "b"),),
    "flow": Flow(key="k"),
}
make = quick_maker(Message)


def test_it_equals_one_made_by_the_class() -> None:
    """The same type, fields, defaults, text and hash; it can be copied with changes."""
    quick, expected = make(VALUES), Message(**VALUES)

    assert type(quick) is Message
    assert (quick, hash(quick), repr(quick), asdict(quick)) == (
        expected,
        hash(expected),
        repr(expected),
        asdict(expected),
    )
    assert replace(quick, url="https://other.example") == replace(expected, url="https://other.example")


def test_it_is_frozen() -> None:
    """A field cannot be set, nor one that the class does not have."""
    quick = make(VALUES)

    with pytest.raises(FrozenInstanceError):
        quick.url = "https://other.example"  # type: ignore[misc]
    with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
        quick.other = 1  # type: ignore[attr-defined]


def test_what_is_made_shares_nothing() -> None:
    """The fields of one do not show in the next."""
    make(VALUES)

    assert make(VALUES | {"flow": None}) == Message(**(VALUES | {"flow": None}))
    assert make_message().flow is None


def test_fields_must_be_those_of_the_class() -> None:
    """A missing field and an unknown one are refused."""
    with pytest.raises(KeyError, match="url"):
        make({name: value for name, value in VALUES.items() if name != "url"})
    with pytest.raises(TypeError, match="colour"):
        make(VALUES | {"colour": "red"})
