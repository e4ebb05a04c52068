from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_rq.filters import Filter, split_urls, split_values
from qstash_rq.message import Flow, Message

_PLAIN = Message(message_id="msg_A", user_id="u", url="https://a.io", created_at_ms=5, not_before_ms=5)
_FULL = Message(
    message_id="msg_B",
    user_id="u",
    url="https://u:p@Api.Example.com:8443/a%20b//c?x=1#f",
    created_at_ms=5,
    not_before_ms=5,
    caller_ip="192.0.2.1",
    labels=("red", "blue"),
    queue_name="q",
    topic_name="t",
    endpoint_name="e",
    schedule_id="s",
    flow=Flow(key="k", parallelism=1),
)


def test_an_empty_filter_wants_everything() -> None:
    """Without criteria every message matches, whatever its status."""
    assert Filter().matches(_PLAIN, at_ms=0)
    assert Filter().matches(_FULL, at_ms=9, response_status=500)


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(message_ids=("msg_B",)),
        Filter(message_ids=("other", "msg_B")),
        Filter(urls=("https://u:p@Api.Example.com:8443/a%20b//c?x=1#f",)),
        Filter(hosts=("api.example.com:8443",)),
        Filter(hosts=("API.EXAMPLE.COM",)),
        Filter(paths=("/a%20b//c",)),
        Filter(topic_names=("t",)),
        Filter(schedule_ids=("s",)),
        Filter(queue_names=("x", "q")),
        Filter(labels=("blue",)),
        Filter(labels=("green", "red")),
        Filter(caller_ips=("192.0.2.1",)),
        Filter(flow_control_keys=("x", "k")),
        Filter(queue_names=("q",), labels=("red",), hosts=("api.example.com",), topic_names=("t",)),
    ],
)
def test_a_message_matches_by_any_value_of_each_criterion(wanted: Filter) -> None:
    """Values are OR inside one criterion, criteria are AND between each other."""
    assert wanted.matches(_FULL, at_ms=5)
    assert not wanted.matches(_PLAIN, at_ms=5)


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(message_ids=("msg_b",)),
        Filter(urls=("https://u:p@api.example.com:8443/a%20b//c?x=1#f",)),
        Filter(hosts=("example.com",)),
        Filter(hosts=("u:p@api.example.com:8443",)),
        Filter(hosts=("api.example.com:443",)),
        Filter(paths=("/a b//c",)),
        Filter(paths=("/a%20b//c?x=1",)),
        Filter(paths=("/a%20b",)),
        Filter(labels=("RED",)),
        Filter(labels=("red,blue",)),
        Filter(queue_names=("q",), labels=("green",)),
        Filter(flow_control_keys=("other",)),
        Filter(caller_ips=("192.0.2.10",)),
    ],
)
def test_a_message_is_left_out_by_one_criterion_that_fails(wanted: Filter) -> None:
    """Everything but hosts is compared exactly, and one failing criterion is enough."""
    assert not wanted.matches(_FULL, at_ms=5)


def test_the_path_of_a_url_without_one_is_a_slash() -> None:
    """`https://a.io` is found by `/`, with and without its default port."""
    assert Filter(paths=("/",), hosts=("a.io",)).matches(_PLAIN, at_ms=0)
    assert not Filter(hosts=("a.io:443",)).matches(_PLAIN, at_ms=0)


@pytest.mark.parametrize(
    ("wanted", "at_ms", "matches"),
    [
        (Filter(from_ms=10), 10, True),
        (Filter(from_ms=10), 9, False),
        (Filter(to_ms=10), 10, True),
        (Filter(to_ms=10), 11, False),
        (Filter(from_ms=10, to_ms=10), 10, True),
        (Filter(from_ms=11, to_ms=10), 10, False),
        (Filter(from_ms=0), -1, False),
        (Filter(to_ms=0), 1, False),
    ],
)
def test_both_bounds_of_the_time_are_inclusive(wanted: Filter, at_ms: int, matches: bool) -> None:
    """The time handed in is compared, not the message's own; a bound of 0 is a bound."""
    assert matches is wanted.matches(_PLAIN, at_ms=at_ms)


@pytest.mark.parametrize(
    ("statuses", "status", "matches"),
    [
        ((404,), 404, True),
        ((500, 404), 404, True),
        ((500,), 404, False),
        ((500,), None, False),
        ((0,), None, True),
        ((0,), 404, False),
    ],
)
def test_a_missing_response_counts_as_status_0(
    statuses: tuple[int, ...], status: int | None, matches: bool
) -> None:
    """The wire shows 0 where no response came, so the filter finds it by 0."""
    wanted = Filter(response_statuses=statuses)

    assert matches is wanted.matches(_PLAIN, at_ms=0, response_status=status)


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ([], ()),
        ([""], ()),
        (["a", "b"], ("a", "b")),
        (["a,b", "c", " d , ,"], ("a", "b", "c", "d")),
    ],
)
def test_values_are_repeated_or_comma_separated(values: list[str], parts: tuple[str, ...]) -> None:
    """Both forms mix, and empty values are ignored."""
    assert parts == split_values(values)


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ([], ()),
        (["", " "], ()),
        (["https://a.io"], ("https://a.io",)),
        (["https://a.io/x,y"], ("https://a.io/x,y",)),
        (
            ["https://a.io, http://b.io/1,2"],
            ("https://a.io, http://b.io/1,2", "https://a.io", "http://b.io/1,2"),
        ),
        (["https://a.io", "sqs://q"], ("https://a.io", "sqs://q")),
    ],
)
def test_urls_are_split_only_where_another_url_begins(values: list[str], parts: tuple[str, ...]) -> None:
    """The unsplit value stays wanted, and a comma inside a URL wants no shorter URL."""
    assert parts == split_urls(values)


@given(st.lists(st.text()), st.text())
def test_splitting_loses_no_value_that_was_given_alone(values: list[str], alone: str) -> None:
    """Any text yields trimmed, non-empty values; one without a comma comes back itself."""
    for split in (split_values, split_urls):
        assert all(part and part == part.strip() for part in split([*values, alone]))
        if alone.strip() and "," not in alone:
            assert alone.strip() in split([*values, alone])


_WORDS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=2).map(tuple)


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(("labels", "queue_names", "topic_names"), _WORDS)),
    _WORDS,
    st.sampled_from(["a", "b", None]),
)
def test_adding_a_criterion_never_widens_a_filter(
    criteria: dict[str, Any], labels: tuple[str, ...], queue_name: str | None
) -> None:
    """A message that matches all criteria together matches each of them alone."""
    message = Message(
        message_id="m",
        user_id="u",
        url="https://a.io",
        created_at_ms=0,
        not_before_ms=0,
        labels=labels,
        queue_name=queue_name,
    )
    alone = [Filter(**{name: values}).matches(message, at_ms=0) for name, values in criteria.items()]

    assert all(alone) is Filter(**criteria).matches(message, at_ms=0)
