import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_rq.batch_items import BatchItem, naming_item, parse_items
from qstash_rq.destination import parse_destination
from qstash_rq.errors import InvalidInput, LimitExceeded, NotFound

_URL = "https://a.io"


def _items(*items: Any) -> tuple[BatchItem, ...]:
    return parse_items(json.dumps(items).encode())


def test_items_come_in_order_with_all_fields() -> None:
    """Header values are strings or lists of strings, bodies text that is delivered as UTF-8."""
    items = _items(
        {
            "destination": "https://a.io//b%20c?x",
            "headers": {"upstash-retries": "1", "Upstash-Forward-X": ["a", "b"], "Empty": []},
            "body": "Grüße\u0000",
            "queue": "q.1",
        },
        {"destination": "group"},
    )

    assert items == (
        BatchItem(
            index=0,
            destination="https://a.io//b%20c?x",
            headers=(("upstash-retries", "1"), ("Upstash-Forward-X", "a"), ("Upstash-Forward-X", "b")),
            body="Grüße\0".encode(),
            queue_name="q.1",
        ),
        BatchItem(index=1, destination="group"),
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"body": None},
        {"body": ""},
        {"queue": None},
        {"queue": ""},
        {"headers": {}},
        {"unheard-of": {"a": [None]}, "Body": 1},
    ],
)
def test_null_and_empty_are_like_absent(fields: dict[str, Any]) -> None:
    """The Python client sends queue and body as null; keys nobody knows are ignored."""
    assert _items({"destination": _URL} | fields) == (BatchItem(index=0, destination=_URL),)


def test_a_batch_may_be_empty() -> None:
    """No items are an array too, and an empty destination is for the publish to judge."""
    assert parse_items(b" [ ] ") == ()
    assert _items({"destination": ""})[0].destination == ""


@pytest.mark.parametrize("payload", [b"{}", b"null", b'"[]"', b"1", b'{"destination":"https://a.io"}'])
def test_a_payload_that_is_no_array_is_refused(payload: bytes) -> None:
    """One item alone is not a batch."""
    with pytest.raises(InvalidInput, match=r"^body: must be a JSON array$"):
        parse_items(payload)


@pytest.mark.parametrize("payload", [b"", b"[", b"[NaN]", b"[{}", b"\xff"])
def test_malformed_json_is_refused(payload: bytes) -> None:
    """The text says that it is the body."""
    with pytest.raises(InvalidInput, match=r"^body: malformed JSON: "):
        parse_items(payload)


@pytest.mark.parametrize("item", [None, 1, True, "https://a.io", ["https://a.io"], []])
def test_an_item_that_is_no_object_is_refused_by_place(item: Any) -> None:
    """Counting is from 0."""
    with pytest.raises(InvalidInput, match=r"^\[1\]: must be a JSON object$"):
        _items({"destination": _URL}, item)


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"destination": None}, "destination"),
        ({"destination": 1}, "destination"),
        ({"destination": [_URL]}, "destination"),
        ({"destination": "https://a.io/\ud800"}, "destination"),
        ({"body": 1}, "body"),
        ({"body": {"a": 1}}, "body"),
        ({"body": False}, "body"),
        ({"body": "\udfff"}, "body"),
        ({"queue": 1}, "queue"),
        ({"queue": ["q"]}, "queue"),
        ({"queue": "a/b"}, "queue"),
        ({"queue": "q" * 257}, "queue"),
        ({"queue": "\ud83d"}, "queue"),
        ({"headers": None}, "headers"),
        ({"headers": []}, "headers"),
        ({"headers": "X: 1"}, "headers"),
        ({"headers": {"X": None}}, "headers.X"),
        ({"headers": {"X": 1}}, "headers.X"),
        ({"headers": {"X": True}}, "headers.X"),
        ({"headers": {"X": {"a": "b"}}}, "headers.X"),
        ({"headers": {"X": ["a", None]}}, "headers.X"),
        ({"headers": {"X": [["a"]]}}, "headers.X"),
        ({"headers": {"X": "\ud800"}}, "headers.X"),
        ({"headers": {"X": ["a", "\ud800"]}}, "headers.X"),
        ({"headers": {"\ud800": "a"}}, "headers.'\\ud800'"),
        ({"headers": {"a\nb": 1}}, "headers.'a\\nb'"),
    ],
)
def test_a_malformed_field_is_refused_by_name(fields: dict[str, Any], place: str) -> None:
    """The text names item and field in a printable way."""
    with pytest.raises(InvalidInput) as caught:
        _items({"destination": _URL}, {"destination": _URL} | fields)

    assert str(caught.value).startswith(f"[1].{place}: ")
    assert str(caught.value).isprintable()


def test_a_destination_is_required() -> None:
    """An item without one goes nowhere."""
    with pytest.raises(InvalidInput, match=r"^\[0\]\.destination: must be a string$"):
        _items({"body": "x"})


@pytest.mark.parametrize("kind", [InvalidInput, LimitExceeded, NotFound])
def test_errors_inside_get_the_place_and_keep_their_kind(kind: type[InvalidInput]) -> None:
    """What a publish says about a header becomes what a batch says about the header of one item."""
    text = "Upstash-Retries: no"
    with (
        pytest.raises(kind, match=r"^\[3\]\.headers\.Upstash-Retries: no$"),
        naming_item(BatchItem(index=3, destination=_URL), "headers."),
    ):
        raise kind(text)


def test_errors_about_no_field_get_the_item() -> None:
    """The destination's texts are those of contract 0.2, behind the item."""
    with (
        pytest.raises(InvalidInput, match=r"^\[3\]: a non-empty destination must be provided$"),
        naming_item(BatchItem(index=3, destination=""), ""),
    ):
        parse_destination("")


def test_without_an_error_nothing_is_named() -> None:
    """What is computed inside simply stays."""
    with naming_item(BatchItem(index=0, destination=_URL), "headers."):
        value = 1

    assert value == 1


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters()) | st.just("\ud800"),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
_ITEM = st.fixed_dictionaries(
    {}, optional={"destination": st.text() | _JSON, "headers": _JSON, "body": _JSON, "queue": _JSON}
)


@given(st.lists(_ITEM | _JSON) | _JSON)
def test_every_json_value_is_a_batch_or_refused(value: Any) -> None:
    """The answer is one item for each element or InvalidInput, and all text in it is UTF-8."""
    try:
        items = parse_items(json.dumps(value).encode())
    except InvalidInput:
        return
    assert [item.index for item in items] == list(range(len(value)))
    for item in items:
        texts = [item.destination, *(text for field in item.headers for text in field)]
        assert all(text.encode().decode() == text for text in texts)
        assert item.body.decode().encode() == item.body
