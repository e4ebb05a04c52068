"""IEEE answers where Python raises."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_rq import arithmetic

_INF = math.inf
_NAN = math.nan


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (7.0, 2.0, 3.5),
        (1.0, 0.0, _INF),
        (-1.0, 0.0, -_INF),
        (1.0, -0.0, -_INF),
        (0.0, 0.0, _NAN),
        (_NAN, 0.0, _NAN),
        (_INF, 0.0, _INF),
        (1e308, 1e-10, _INF),
    ],
)
def test_divides(left: float, right: float, expected: float) -> None:
    """Division by zero is infinite with the right sign, and 0/0 is nan."""
    assert arithmetic.divide(left, right) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("base", "exponent", "expected"),
    [
        (2.0, 10.0, 1_024.0),
        (4.0, 0.5, 2.0),
        (10.0, 400.0, _INF),
        (-10.0, 400.0, _INF),
        (-10.0, 401.0, -_INF),
        (0.0, -1.0, _INF),
        (-8.0, 0.5, _NAN),
        (_NAN, 0.0, 1.0),
    ],
)
def test_raises_to_a_power(base: float, exponent: float, expected: float) -> None:
    """Overflow is infinite with the right sign, a root of a negative number is nan."""
    assert arithmetic.power(base, exponent) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("function", "value", "expected"),
    [
        (arithmetic.exponential, 1.0, math.e),
        (arithmetic.exponential, 1_000.0, _INF),
        (arithmetic.exponential, -1_000.0, 0.0),
        (arithmetic.square_root, 9.0, 3.0),
        (arithmetic.square_root, -1.0, _NAN),
        (arithmetic.square_root, _NAN, _NAN),
        (arithmetic.floor, -1.5, -2.0),
        (arithmetic.floor, _INF, _INF),
        (arithmetic.floor, _NAN, _NAN),
        (arithmetic.ceiling, 1.2, 2.0),
        (arithmetic.ceiling, -_INF, -_INF),
        (arithmetic.rounded, 0.5, 1.0),
        (arithmetic.rounded, 1.5, 2.0),
        (arithmetic.rounded, 2.5, 3.0),
        (arithmetic.rounded, -2.5, -3.0),
        (arithmetic.rounded, 2.4, 2.0),
        (arithmetic.rounded, -2.6, -3.0),
        (arithmetic.rounded, 0.49999999999999994, 0.0),
        (arithmetic.rounded, _INF, _INF),
    ],
)
def test_functions_of_one_number(function: Callable[[float], float], value: float, expected: float) -> None:
    """Each function has an answer outside its range too; halves are rounded away from zero."""
    assert function(value) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("values", [(_NAN, 1.0, 2.0), (1.0, _NAN, 2.0), (1.0, 2.0, _NAN)])
def test_extremes_of_nan_are_nan(values: tuple[float, ...]) -> None:
    """Where the nan stands does not matter."""
    assert math.isnan(arithmetic.smallest(*values))
    assert math.isnan(arithmetic.largest(*values))


def test_extremes_pass_over_the_infinite() -> None:
    """An infinite argument counts as a number, so a minimum can bound it."""
    assert arithmetic.smallest(_INF, 5.0, 7.0) == 5.0
    assert arithmetic.largest(-_INF, 5.0, 7.0) == 7.0


@given(st.floats(), st.floats())
def test_nothing_raises(left: float, right: float) -> None:
    """Every function answers every pair of floats with a float."""
    answers = [
        *(
            f(left, right)
            for f in (arithmetic.divide, arithmetic.power, arithmetic.smallest, arithmetic.largest)
        ),
        *(f(left) for f in (arithmetic.exponential, arithmetic.square_root)),
        *(f(left) for f in (arithmetic.floor, arithmetic.ceiling, arithmetic.rounded)),
    ]

    assert {type(answer) for answer in answers} == {float}
