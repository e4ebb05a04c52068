"""The five fields of a cron expression as plain numbers, contract 3.5."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_rq.cron_fields import plain_fields
from qstash_rq.errors import InvalidInput

_PLAIN = re.compile(r"(?:\*|[0-9]+(?:,[0-9]+)*)(?: (?:\*|[0-9]+(?:,[0-9]+)*)){4}")


@pytest.mark.parametrize(
    ("spec", "plain"),
    [
        ("* * * * *", "* * * * *"),
        ("? ? ? ? ?", "* * * * *"),
        ("*/1 */1 ?/1 * *", "* * * * *"),
        ("5 4 3 2 1", "5 4 3 2 1"),
        ("05 004 3 2 *", "5 4 3 2 *"),
        ("*/20 9-11 * * *", "0,20,40 9,10,11 * * *"),
        ("5-30/10 * * * *", "5,15,25 * * * *"),
        ("50/4 * * * *", "50,54,58 * * * *"),
        ("*/99 * * * *", "0 * * * *"),
        ("30,10,30,10-12 * * * *", "10,11,12,30 * * * *"),
        ("*,7 * * * *", "* * * * *"),
        ("0 0 1 jan,FEB,Mar-may *", "0 0 1 1,2,3,4,5 *"),
        ("0 0 * * sun,TUE-Thu", "0 0 * * 0,2,3,4"),
        ("0 0 * oct-dec/2 mon-fri/2", "0 0 * 10,12 1,3,5"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("0 0 * * 5-7", "0 0 * * 0,5,6"),
        ("0 0 * * 7/2", "0 0 * * 0"),
        ("0 0 * * 4/2", "0 0 * * 4,6"),
        ("0\t0  *  * *", "0 0 * * *"),
    ],
)
def test_fields_become_numbers(spec: str, plain: str) -> None:
    """Names, ranges, steps and lists are written out; 7 is Sunday and `N/step` runs to the end."""
    assert plain == plain_fields(spec)


@pytest.mark.parametrize(
    ("spec", "plain"),
    [
        ("0 0 13 * 5", "0 0 13 * 5"),
        ("0 0 */2 * 1", "0 0 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31 * 1"),
        ("0 0 * * 1", "0 0 * * 1"),
        ("0 0 *,15 * 1", "0 0 * * 1"),
        ("0 0 13 * ?", "0 0 13 * *"),
        ("0 0 1-31 * 1", "0 0 * * *"),
        ("0 0 13 * 0-6", "0 0 * * *"),
        ("0 0 13 * 1-7", "0 0 * * *"),
        ("0 0 30 2 1", "0 0 * 2 1"),
        ("0 0 31 4,6 1", "0 0 * 4,6 1"),
    ],
)
def test_either_of_two_restricted_day_fields_is_enough(spec: str, plain: str) -> None:
    """A field that names every day in numbers makes every day match; one that can match none drops out."""
    assert plain == plain_fields(spec)


@pytest.mark.parametrize("spec", ["0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "* * 30-31 feb ?"])
def test_a_date_that_no_month_has_never_comes(spec: str) -> None:
    """30 February is understood, and known not to come."""
    assert plain_fields(spec) is None


@pytest.mark.parametrize("spec", ["0 0 29 2 *", "0 0 31 2-3 *", "0 0 29-31 2 *"])
def test_a_date_that_some_month_has_comes(spec: str) -> None:
    """29 February comes, if rarely, and so does the 31st of the longer of two months."""
    assert plain_fields(spec) is not None


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        *((spec, "expected exactly 5 fields, found ") for spec in ("*", "* * * *", "* * * * * *")),
        ("60 * * * *", "minute: '60' is not from 0 to 59"),
        ("0 24 * * *", "hour: '24' is not from 0 to 23"),
        ("0 0 0 * *", "day of month: '0' is not from 1 to 31"),
        ("0 0 32 * *", "day of month: '32' is not from 1 to 31"),
        ("0 0 * 0 *", "month: '0' is not from 1 to 12"),
        ("0 0 * 13 *", "month: '13' is not from 1 to 12"),
        ("0 0 * * 8", "day of week: '8' is not from 0 to 7"),
        ("5-61 * * * *", "minute: '61' is not from 0 to 59"),
        ("30-10 * * * *", "minute: the range '30-10' ends before it begins"),
        ("0 0 * * fri-sun", "day of week: the range 'fri-sun' ends before it begins"),
        ("*/0 * * * *", "minute: the step of '*/0' must be a positive number"),
        ("mon * * * *", "minute: 'mon' is not a value of this field"),
        ("0 0 * monday *", "month: 'monday' is not a value of this field"),
        ("0 0 * * monday", "day of week: 'monday' is not a value of this field"),
        ("0 0 * mon *", "month: 'mon' is not a value of this field"),
        ("1" * 1000 + " * * * *", "minute: '" + "1" * 40 + "...' is not from 0 to 59"),
    ],
)
def test_a_value_outside_its_field_is_refused(spec: str, named: str) -> None:
    """The text names the field and what is wrong with it."""
    with pytest.raises(InvalidInput, match="^Invalid cron expression " + re.escape(named)):
        plain_fields(spec)


@pytest.mark.parametrize(
    "part",
    [
        *("", ",", "1,", ",1", "1,,2", "-", "-1", "1-", "1-2-3", "/", "/2", "1/", "1/2/3", "*/-2", "*/x"),
        *("*5", "**", "*-5", "+1", "1.5", "1e1", "0x1", "٣", "²", "1\n", "\xa01", "é"),
        *("L", "5L", "LW", "15W", "1#2", "H", "R", "h(0-5)", "r/5", "~", "1~5", "%", "@daily", "1_0"),
    ],
)
@pytest.mark.parametrize("place", range(5))
def test_nothing_but_the_grammar_is_accepted(part: str, place: int) -> None:
    """What other crons have, such as L, W, # and hashes, is refused in each field."""
    fields = ["1"] * 5
    fields[place] = part

    with pytest.raises(InvalidInput, match=r"^Invalid cron expression (?:minute|hour|day of|month|expected)"):
        plain_fields(" ".join(fields))


@given(
    st.text(alphabet="0123456789*?/-,#LWhr \tjanmofebu", max_size=60)
    | st.lists(
        st.sampled_from(["*", "*/7", "0-7", "1,31", "2/9", "feb", "SUN", "?"]), min_size=4, max_size=6
    ).map(" ".join)
)
def test_any_text_gives_plain_fields_or_a_refusal(spec: str) -> None:
    """Whatever the text, the outcome has the plain form, is a date that never comes, or a refusal."""
    try:
        plain = plain_fields(spec)
    except InvalidInput as error:
        assert str(error).startswith("Invalid cron expression ")  # noqa: PT017 - the other outcome is as good
    else:
        assert plain is None or _PLAIN.fullmatch(plain)


@given(st.lists(st.integers(0, 59), min_size=1, max_size=300))
def test_writing_a_plain_field_again_changes_nothing(minutes: list[int]) -> None:
    """Plain fields stay themselves."""
    plain = plain_fields(f"{','.join(map(str, minutes))} * * * *")

    assert plain is not None
    assert plain == plain_fields(plain)
