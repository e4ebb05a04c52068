"""Floating-point arithmetic that answers inf or nan, as IEEE 754 does, where Python raises.

So `min(60000, exp(1000))` is 60000: an overflow inside a retry-delay expression
does not spoil the whole of it.
"""

import math


def divide(left: float, right: float) -> float:
    """Return `left / right`; division by zero gives a signed inf, or nan for 0/0."""
    if right != 0:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1, right)


def power(base: float, exponent: float) -> float:
    """Return `base` to the power of `exponent`; nan where no real number is the answer."""
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return -math.inf if base < 0 and exponent % 2 == 1 else math.inf
    except ValueError:
        return math.inf if base == 0 else math.nan


def exponential(value: float) -> float:
    """Return e to the power of `value`; inf when that is too large."""
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


def square_root(value: float) -> float:
    """Return the square root of `value`; nan when it is negative."""
    return math.nan if value < 0 else math.sqrt(value)


def floor(value: float) -> float:
    """Return the largest whole number that is not above `value`."""
    return float(math.floor(value)) if math.isfinite(value) else value


def ceiling(value: float) -> float:
    """Return the smallest whole number that is not below `value`."""
    return float(math.ceil(value)) if math.isfinite(value) else value


def rounded(value: float) -> float:
    """Return the nearest whole number; halves go away from zero, not to the even neighbour."""
    if not math.isfinite(value):
        return value
    fraction, whole = math.modf(value)
    return whole + math.copysign(1, value) if abs(fraction) >= 0.5 else whole  # noqa: PLR2004 - one half


def smallest(*values: float) -> float:
    """Return the smallest of `values`; nan when one of them is nan."""
    return math.nan if any(map(math.isnan, values)) else min(values)


def largest(*values: float) -> float:
    """Return the largest of `values`; nan when one of them is nan."""
    return math.nan if any(map(math.isnan, values)) else max(values)
