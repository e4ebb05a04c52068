"""What callers send about URL groups, and the merging and removing of endpoints, contract 2.5."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_rq.errors import InvalidInput, LimitExceeded
from qstash_rq.url_group import Endpoint
from qstash_rq.url_group_rules import (
    merge_endpoints,
    parse_endpoints,
    parse_group_headers,
    parse_removals,
    remove_endpoints,
)

A, B, C = "https://a.io", "https://b.io", "https://c.io"


def _group(*pairs: tuple[str, str | None]) -> tuple[Endpoint, ...]:
    return tuple(Endpoint(url=url, name=name) for url, name in pairs)


@pytest.mark.parametrize(
    ("current", "items", "merged"),
    [
        ([], [(A, None)], [(A, None)]),
        ([], [(A, "a"), (B, None)], [(A, "a"), (B, None)]),
        ([(A, "a"), (B, "b")], [(C, "a")], [(C, "a"), (B, "b")]),
        ([(A, None), (B, None)], [(A, "a")], [(A, "a"), (B, None)]),
        ([(A, "a")], [(A, "new")], [(A, "new")]),
        ([(A, "a")], [(A, None)], [(A, "a")]),
        ([(A, "a"), (B, "b")], [(B, "a")], [(B, "a"), (B, "b")]),
        ([(A, None)], [(A, "a"), (B, "a"), (A, None)], [(B, "a"), (A, None)]),
        ([(A, None), (A, "a")], [(B, "a"), (C, None)], [(A, None), (B, "a"), (C, None)]),
        ([(A, "a")], [("https://a.io/", None)], [(A, "a"), ("https://a.io/", None)]),
        ([(A, "a")], [(B, "A")], [(A, "a"), (B, "A")]),
    ],
)
def test_items_are_merged_in_turn(
    current: list[tuple[str, str | None]],
    items: list[tuple[str, str | None]],
    merged: list[tuple[str, str | None]],
) -> None:
    """A known name takes the URL, else a known URL the name, else the item comes last; none changes place."""
    assert _group(*merged) == merge_endpoints(_group(*current), _group(*items))


_ENDPOINTS = st.lists(
    st.builds(
        Endpoint,
        url=st.sampled_from([A, B, C, "https://d.io", "https://e.io"]),
        name=st.sampled_from([None, "a", "b", "c", "d"]),
    ),
    max_size=8,
).map(tuple)


@given(_ENDPOINTS, _ENDPOINTS)
def test_a_merged_group_has_every_item_and_no_name_twice(
    first: tuple[Endpoint, ...], items: tuple[Endpoint, ...]
) -> None:
    """Whatever is merged, names stay unique, known names stay, and the last item is there as it was given."""
    current = merge_endpoints((), first)
    merged = merge_endpoints(current, items)

    names = [one.name for one in merged if one.name is not None]
    assert len(names) == len(set(names))
    assert len(merged) >= len(current)
    for item in items[-1:]:
        assert any(one.url == item.url and item.name in {None, one.name} for one in merged)


@given(_ENDPOINTS)
def test_what_was_merged_can_be_removed_again(items: tuple[Endpoint, ...]) -> None:
    """Removing the endpoints of a group, as they stand there, leaves none."""
    assert remove_endpoints(merge_endpoints((), items), merge_endpoints((), items)) == ()


@pytest.mark.parametrize(
    ("items", "left"),
    [
        ([("", "a")], [(B, "b"), (A, None)]),
        ([(B, "a")], [(B, "b"), (A, None)]),
        ([(A, None)], [(B, "b")]),
        ([(B, "gone"), (C, None)], [(A, "a"), (B, "b"), (A, None)]),
        ([("", "a"), ("", "b"), (A, None)], []),
        ([], [(A, "a"), (B, "b"), (A, None)]),
    ],
)
def test_an_item_removes_by_its_name_or_else_by_its_url(
    items: list[tuple[str, str | None]], left: list[tuple[str, str | None]]
) -> None:
    """The URL of an item with a name is not looked at; what is not listed stays."""
    current = _group((A, "a"), (B, "b"), (A, None))

    assert _group(*left) == remove_endpoints(current, _group(*items))


def test_endpoints_are_read_in_order() -> None:
    """URLs stay as they are written; a name may be missing, null or empty; other keys are ignored."""
    payload = {
        "endpoints": [
            {"url": "HTTPS://a.io//x?b=%20", "name": "Größe 1"},
            {"url": "http://b.io", "name": None},
            {"url": C, "name": "", "method": "GET"},
            {"url": C},
        ],
        "more": 1,
    }

    assert parse_endpoints(payload) == _group(
        ("HTTPS://a.io//x?b=%20", "Größe 1"), ("http://b.io", None), (C, None), (C, None)
    )


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (None, "body: must be a JSON object"),
        ([], "body: must be a JSON object"),
        ({}, "endpoints: must be a list"),
        ({"endpoints": None}, "endpoints: must be a list"),
        ({"endpoints": {"url": A}}, "endpoints: must be a list"),
        ({"endpoints": [A]}, "endpoints[0]: must be a JSON object"),
        ({"endpoints": [{"url": 1}]}, "endpoints[0].url: must be a string"),
        ({"endpoints": [{"url": A, "name": 1}]}, "endpoints[0].name: must be a string"),
        ({"endpoints": [{"url": A, "name": "\ud800"}]}, "endpoints[0].name: must be UTF-8"),
        ({"endpoints": [{"url": A, "name": "a\nb"}]}, "endpoints[0].name: must be UTF-8"),
    ],
)
def test_both_kinds_of_endpoints_have_a_shape(payload: Any, text: str) -> None:
    """What has another shape is refused with the place of the fault."""
    with pytest.raises(InvalidInput, match="^" + re.escape(text)):
        parse_endpoints(payload)
    with pytest.raises(InvalidInput, match="^" + re.escape(text)):
        parse_removals(payload)


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ({"endpoints": []}, "endpoints: must not be empty"),
        ({"endpoints": [{"url": A}, {"name": "x"}]}, "endpoints[1].url: must be a string"),
        (
            {"endpoints": [{"url": "a.io"}]},
            "endpoints[0].url: invalid destination url: endpoint has invalid scheme, add http:// or https://",
        ),
        ({"endpoints": [{"url": ""}]}, "endpoints[0].url: invalid destination url: "),
        ({"endpoints": [{"url": "https://"}]}, "endpoints[0].url: invalid destination url: empty host"),
        ({"endpoints": [{"url": "https://a.io/\ud800"}]}, "endpoints[0].url: "),
    ],
)
def test_an_endpoint_to_add_needs_a_url_that_can_be_called(payload: Any, text: str) -> None:
    """A missing or unusable URL is refused, and so is adding nothing."""
    with pytest.raises(InvalidInput, match="^" + re.escape(text)):
        parse_endpoints(payload)


def test_a_plug_in_may_add_a_scheme() -> None:
    """The schemes that can be delivered are the caller's to say."""
    payload = {"endpoints": [{"url": "sqs://queue"}]}

    assert parse_endpoints(payload, schemes=frozenset({"sqs"})) == _group(("sqs://queue", None))


def test_endpoints_to_remove_have_a_name_or_a_url() -> None:
    """The JavaScript client sends names alone; what cannot be called may still be removed."""
    payload = {
        "endpoints": [{"name": "a"}, {"url": "not a url"}, {"url": B, "name": "b"}, {"url": A, "name": ""}]
    }

    assert parse_removals(payload) == _group(("", "a"), ("not a url", None), (B, "b"), (A, None))
    assert parse_removals({"endpoints": []}) == ()


@pytest.mark.parametrize("item", [{}, {"name": None}, {"url": "", "name": ""}])
def test_an_endpoint_to_remove_has_to_be_named(item: dict[str, Any]) -> None:
    """An item with neither name nor URL is refused."""
    with pytest.raises(InvalidInput, match=r"^endpoints\[0\]: needs a url or a name$"):
        parse_removals({"endpoints": [item]})


def test_one_call_has_a_bounded_number_of_endpoints() -> None:
    """A thousand items are read, one more is above the limit."""
    items = [{"url": f"https://a.io/{number}"} for number in range(1_001)]

    assert len(parse_endpoints({"endpoints": items[:1_000]})) == 1_000
    for parse in (parse_endpoints, parse_removals):
        with pytest.raises(LimitExceeded, match=r"^endpoints: more than 1000 items$"):
            parse({"endpoints": items})


@pytest.mark.parametrize(
    ("headers", "pairs"),
    [
        ({}, ()),
        ({"Upstash-Retries": "3"}, (("Upstash-Retries", "3"),)),
        (
            {"Upstash-Header-Forward": ["true"], "upstash-forward-x": ["a", "b, c", ""], "Empty": []},
            (
                ("Upstash-Header-Forward", "true"),
                ("upstash-forward-x", "a"),
                ("upstash-forward-x", "b, c"),
                ("upstash-forward-x", ""),
            ),
        ),
    ],
)
def test_default_headers_are_texts_or_lists_of_texts(
    headers: dict[str, Any], pairs: tuple[tuple[str, str], ...]
) -> None:
    """Names keep their casing and their order, and stand once for each value."""
    assert pairs == parse_group_headers({"headers": headers})


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (None, "body: must be a JSON object"),
        ({}, "headers: must be a JSON object"),
        ({"headers": [["a", "b"]]}, "headers: must be a JSON object"),
        ({"headers": {"Upstash-Retries": 3}}, "headers.Upstash-Retries: must be a string"),
        ({"headers": {"X": None}}, "headers.X: must be a string"),
        ({"headers": {"X": ["a", ["b"]]}}, "headers.X: must be a string"),
        ({"headers": {"X": "a\r\nY: b"}}, "headers.X: must be UTF-8 without control characters"),
        ({"headers": {"X": "\udcff"}}, "headers.X: must be UTF-8 without control characters"),
        ({"headers": {"X Y\n": "a"}}, "headers.'X Y\\n': is not a valid header name"),
        ({"headers": {"": "a"}}, "headers.'': is not a valid header name"),
    ],
)
def test_other_default_headers_are_refused(payload: Any, text: str) -> None:
    """The header is named; nothing can be smuggled into a delivery."""
    with pytest.raises(InvalidInput, match="^" + re.escape(text)):
        parse_group_headers(payload)


def test_default_headers_have_a_size() -> None:
    """All names and values together may have 65,536 characters."""
    assert parse_group_headers({"headers": {"X": "a" * 65_535}})
    with pytest.raises(LimitExceeded, match=r"^headers: more than 65536 characters$"):
        parse_group_headers({"headers": {"X": ["a" * 32_768, "b" * 32_767]}})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["endpoints", "headers", "url", "name", "X"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(_JSON)
def test_any_json_is_read_or_refused(payload: Any) -> None:
    """No value ends in anything but a result or InvalidInput."""
    for parse in (parse_endpoints, parse_removals, parse_group_headers):
        try:
            result = parse(payload)
        except InvalidInput as error:
            assert ": " in str(error)  # noqa: PT017 - the other outcome is as good
        else:
            assert isinstance(result, tuple)
