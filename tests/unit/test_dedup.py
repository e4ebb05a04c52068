import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_rq.dedup import deduplication_key
from qstash_rq.message import Headers

_FIELDS = st.lists(st.tuples(st.text(), st.text())).map(tuple)


def _key(
    deduplication_id: str | None = None,
    *,
    content_based: bool = True,
    destination: str = "https://a.io",
    body: bytes = b"b",
    headers: Headers = (("Content-Type", "text/plain"), ("X", "1")),
) -> str | None:
    return deduplication_key(
        deduplication_id=deduplication_id,
        content_based=content_based,
        destination=destination,
        body=body,
        headers=headers,
    )


@pytest.mark.parametrize("deduplication_id", [None, ""])
def test_who_asks_for_nothing_gets_no_key(deduplication_id: str | None) -> None:
    """Without an id and without the switch duplicates are welcome; an empty id is none."""
    assert _key(deduplication_id, content_based=False) is None
    assert _key(deduplication_id) == _key()


def test_an_explicit_id_wins_over_the_content() -> None:
    """The same id is the same message, whatever is in it and wherever it goes (contract 3.7)."""
    other = _key("id", content_based=False, destination="g", body=b"other", headers=())

    assert _key("id") == other
    assert _key("id") not in {_key("Id"), _key("id "), _key()}


@pytest.mark.parametrize(
    "change",
    [
        {"destination": "https://a.io/"},
        {"body": b"B"},
        {"body": b""},
        {"headers": ()},
        {"headers": (("Content-Type", "text/html"), ("X", "1"))},
        {"headers": (("Content-Type", "text/plain"), ("X", "2"))},
        {"headers": (("Content-Type", "text/plain"), ("Y", "1"))},
        {"headers": (("Content-Type", "text/plain"), ("X", "1"), ("X", "1"))},
        {"headers": (("Content-Type", "text/plain"), ("X", "1"), ("", ""))},
    ],
)
def test_every_part_of_the_content_counts(change: dict[str, Any]) -> None:
    """Destination, body, content type and each forwarded header make a different message."""
    assert _key(**change) != _key()


def test_order_and_case_of_header_names_do_not_count() -> None:
    """Clients differ in both for the same message; values are compared exactly."""
    headers = (("A", "1"), ("b", "2"), ("a", "3"))

    assert _key(headers=headers) == _key(headers=(("B", "2"), ("a", "3"), ("a", "1")))
    assert _key(headers=(("A", "x"),)) != _key(headers=(("A", "X"),))


def test_parts_cannot_run_into_one_another() -> None:
    """No two different messages look alike when written one part after the other."""
    keys = [
        _key(destination="ab", body=b"c", headers=()),
        _key(destination="a", body=b"bc", headers=()),
        _key(destination="a", body=b"", headers=(("b", "c"),)),
        _key(destination="a", body=b"", headers=(("bc", ""),)),
        _key(destination="a", body=b"b1:c", headers=()),
        _key("a1:bc"),
        _key("content"),
    ]

    assert len(set(keys)) == len(keys)


@given(st.text(min_size=1), st.text(), st.binary(), _FIELDS)
def test_every_input_has_a_key_of_one_form(
    deduplication_id: str, destination: str, body: bytes, headers: Headers
) -> None:
    """Any text becomes a key that is a safe part of a name in Redis, and ids never meet contents."""
    by_id = _key(deduplication_id, destination=destination, body=body, headers=headers)
    by_content = _key(destination=destination, body=body, headers=headers)

    assert by_id is not None
    assert by_content is not None
    assert by_id != by_content
    assert all(re.fullmatch(r"[0-9a-f]{64}", key) for key in (by_id, by_content))


@given(_FIELDS.flatmap(lambda fields: st.tuples(st.just(fields), st.permutations(fields))))
def test_the_key_does_not_depend_on_the_order(pair: tuple[Headers, list[tuple[str, str]]]) -> None:
    """However the fields are shuffled, the message is the same."""
    assert _key(headers=pair[0]) == _key(headers=tuple(pair[1]))
