import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qstash_rq.errors import InvalidInput
from qstash_rq.flow import parse_count, parse_flow, parse_period
from qstash_rq.message import Flow

_KEY_FIELD = "Upstash-Flow-Control-Key"
_VALUE_FIELD = "Upstash-Flow-Control-Value"
_WEEK_MS = 604_800_000


@pytest.mark.parametrize(
    ("value", "flow"),
    [
        ("parallelism=1", Flow(key="k", parallelism=1)),
        ("rate=10", Flow(key="k", rate=10)),
        ("rate=10,period=60", Flow(key="k", rate=10, period_ms=60_000)),
        ("parallelism=5, rate=10, period=1m", Flow(key="k", parallelism=5, rate=10, period_ms=60_000)),
        ("period=1d10h30m,rate=1", Flow(key="k", rate=1, period_ms=124_200_000)),
        ("\trate \t=  10 ,parallelism=2 ", Flow(key="k", parallelism=2, rate=10)),
        ("parallelism=1,period=7d", Flow(key="k", parallelism=1, period_ms=_WEEK_MS)),
        ("rate=1,period=1.5s", Flow(key="k", rate=1, period_ms=1_500)),
        ("rate=007", Flow(key="k", rate=7)),
        ("rate=999999999999999", Flow(key="k", rate=999_999_999_999_999)),
        ("rate=" + "0" * 9_000 + "1", Flow(key="k", rate=1)),
    ],
)
def test_limits_come_in_any_order_and_subset(value: str, flow: Flow) -> None:
    """At least one limit, the period is a second unless given, blanks around , and = are free."""
    assert flow == parse_flow("k", value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "1",
        "rate",
        "rate=",
        "=1",
        "rate=0",
        "rate=-1",
        "rate=+1",
        "rate=1.0",
        "rate=1_0",
        "rate=٣",
        "rate=1 0",
        "rate=1s",
        "rate=1000000000000000",
        "rate==1",
        "rate=1,",
        ",rate=1",
        "rate=1;parallelism=1",
        "rate=1,rate=1",
        "rate=1,period=1s,period=1s",
        "RATE=1",
        "rate=1,burst=2",
        "rate=1\n",
        "parallelism=0,rate=1",
        "period=1s",
        "rate=1,period=0",
        "rate=1,period=0.9s",
        "rate=1,period=7d1s",
        "rate=1,period=-1",
        "rate=1,period=1 s",
        "rate=1,period=",
        "rate=1,period=soon",
    ],
)
def test_a_value_outside_the_grammar_is_refused_by_name(value: str) -> None:
    """Unknown and repeated names, bad numbers and periods out of 1s to 7d answer 400 naming the header."""
    with pytest.raises(InvalidInput, match=f"^{_VALUE_FIELD}: "):
        parse_flow("k", value)


@pytest.mark.parametrize("key", ["k", " a, b=c ", "Schlüssel/世界", "{}:*", "k" * 1_024])
def test_a_key_may_hold_any_characters(key: str) -> None:
    """A key is kept as given."""
    assert parse_flow(key, "rate=1") == Flow(key=key, rate=1)


@pytest.mark.parametrize("key", ["", "k" * 1_025])
def test_a_key_is_neither_empty_nor_endless(key: str) -> None:
    """Keys become parts of names in Redis."""
    with pytest.raises(InvalidInput, match=f"^{_KEY_FIELD}: must have 1 to 1024 characters$"):
        parse_flow(key, "rate=1")


def test_key_and_value_come_together_or_not_at_all() -> None:
    """The text names the one that is missing."""
    assert parse_flow(None, None) is None
    with pytest.raises(InvalidInput, match=f"^{_VALUE_FIELD}: is required beside {_KEY_FIELD}$"):
        parse_flow("k", None)
    with pytest.raises(InvalidInput, match=f"^{_KEY_FIELD}: is required beside {_VALUE_FIELD}$"):
        parse_flow(None, "rate=1")


@pytest.mark.parametrize(
    ("key", "value", "text"), [("", "rate=1", "K: "), ("k", "rate", "V: "), ("k", None, "V: ")]
)
def test_the_texts_name_the_given_fields(key: str, value: str | None, text: str) -> None:
    """The flow control of a callback stands in headers of longer names."""
    with pytest.raises(InvalidInput, match=f"^{text}"):
        parse_flow(key, value, fields=("K", "V"))


def test_single_limits_can_be_read_alone() -> None:
    """A pin gives them as parameters of their own."""
    assert (parse_count("3", "rate"), parse_period("60", "period")) == (3, 60_000)
    with pytest.raises(InvalidInput, match=r"^rate: must be a whole number of at least 1"):
        parse_count("0", "rate")
    with pytest.raises(InvalidInput, match=r"^period: must be from 1s to 7d$"):
        parse_period("604801", "period")


_PARTS = st.from_regex(r" ?(rate|parallelism|period|x)? ?=? ?[0-9]{0,20}[dhms.-]? ?", fullmatch=True)


@given(st.none() | st.text(), st.none() | st.text() | st.lists(_PARTS).map(",".join))
@example("k", "rate=" + "9" * 10_000)
@example("k", "rate=1,period=" + "9" * 10_000)
def test_every_pair_is_a_flow_within_bounds_or_refused(key: str | None, value: str | None) -> None:
    """The answer is a flow, none, or InvalidInput, nothing else."""
    try:
        flow, refusal = parse_flow(key, value), None
    except InvalidInput as error:
        flow, refusal = None, str(error)
    if flow is None:
        assert (refusal is None) == (key is value is None)
        assert refusal is None or re.match(f"{_KEY_FIELD}: |{_VALUE_FIELD}: ", refusal)
        return
    assert flow.key == key
    assert {flow.parallelism, flow.rate} != {None}
    assert all(limit is None or 1 <= limit < 10**15 for limit in (flow.parallelism, flow.rate))
    assert 1_000 <= flow.period_ms <= _WEEK_MS
