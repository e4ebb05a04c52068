import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_rq.errors import InvalidInput
from qstash_rq.names import MAX_NAME_CHARACTERS, check_name, is_name, split_list


@pytest.mark.parametrize("name", ["a", "A-Z_0.9", ".", "..", "-", "x" * MAX_NAME_CHARACTERS])
def test_a_name_of_the_grammar_is_returned(name: str) -> None:
    """Letters, digits, dots, dashes and underscores make a name."""
    assert name == check_name(name, "queueName")


@pytest.mark.parametrize(
    "name", ["", "a b", "a/b", "a\n", "\na", "é", "a:b", "٣", "x" * (MAX_NAME_CHARACTERS + 1)]
)
def test_anything_else_is_refused_with_the_field_named(name: str) -> None:
    """A trailing newline, an empty, a foreign or an overlong name is no name."""
    with pytest.raises(InvalidInput, match=r"^queueName: "):
        check_name(name, "queueName")


@given(st.text())
def test_every_text_is_a_name_or_refused(text: str) -> None:
    """The check agrees with the grammar of the contract on any text."""
    try:
        checked = check_name(text, "field")
    except InvalidInput:
        assert not re.fullmatch(r"[A-Za-z0-9._-]{1,256}", text)
    else:
        assert checked == text
        assert is_name(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        (" , ,", ()),
        ("a", ("a",)),
        ("b, a ,b", ("b", "a", "b")),
        ("two words,é", ("two words", "é")),
    ],
)
def test_a_list_is_split_trimmed_and_kept_in_order(text: str, parts: tuple[str, ...]) -> None:
    """Parts stand in the order given, without outer blanks and without the empty ones."""
    assert parts == split_list(text)


@given(st.text())
def test_the_parts_of_a_list_are_never_empty_nor_padded(text: str) -> None:
    """Whatever the text, each part is trimmed, not empty and without a comma."""
    assert all(part and part == part.strip() and "," not in part for part in split_list(text))
