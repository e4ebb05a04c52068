import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qstash_rq.errors import InvalidInput
from qstash_rq.json_text import parse_json


def test_a_json_text_is_its_value() -> None:
    """Blanks around it are free."""
    assert parse_json(b' {"a": [1, null, "\\u00fc\xc3\xbc"]}\n') == {"a": [1, None, "üü"]}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[",
        b"[1,]",
        b"{'a': 1}",
        b"[] []",
        b"NaN",
        b"[Infinity]",
        b'"\xff"',
        b"\xef\xbb\xbf[]",
        "[]".encode("utf-16"),
        b"9" * 5_000,
        b"[" * 200_000,
    ],
)
def test_anything_else_is_malformed(payload: bytes) -> None:
    """Neither Python's extensions nor other encodings pass, and no text exhausts the stack."""
    with pytest.raises(InvalidInput, match=r"^body: malformed JSON: "):
        parse_json(payload)


@given(st.binary() | st.text().map(str.encode))
@example(b'{"a":' * 10_000)
def test_every_text_is_a_value_or_malformed(payload: bytes) -> None:
    """The answer is a JSON value or InvalidInput, nothing else."""
    try:
        value = parse_json(payload)
    except InvalidInput:
        return
    assert value is None or isinstance(value, bool | int | float | str | list | dict)
