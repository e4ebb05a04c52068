"""The grammar and the values of `Upstash-Retry-Delay`."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_rq.errors import InvalidInput
from qstash_rq.expression import cached_expression, parse_expression

_RETRIED = 3
_Case = tuple[str, float]  # an expression and its value when `retried` is 3


def _fold(inner: st.SearchStrategy[_Case]) -> st.SearchStrategy[_Case]:
    """Build larger expressions, each with its value computed by Python's own operators."""
    pairs = st.tuples(inner, inner)
    return st.one_of(
        pairs.map(lambda p: (f"({p[0][0]} + {p[1][0]})", p[0][1] + p[1][1])),
        pairs.map(lambda p: (f"({p[0][0]}-{p[1][0]})", p[0][1] - p[1][1])),
        pairs.map(lambda p: (f"( {p[0][0]}*{p[1][0]} )", p[0][1] * p[1][1])),
        pairs.map(lambda p: (f"min({p[0][0]}, {p[1][0]})", min(p[0][1], p[1][1]))),
        pairs.map(lambda p: (f"max({p[0][0]},{p[1][0]})", max(p[0][1], p[1][1]))),
        inner.map(lambda c: (f"-{c[0]}", -c[1])),
        inner.map(lambda c: (f"+ {c[0]}", c[1])),
        inner.map(lambda c: (f"abs({c[0]})", abs(c[1]))),
        inner.map(lambda c: (f"floor({c[0]}/2)", math.floor(c[1] / 2))),
    )


_LEAVES = st.just(("retried", float(_RETRIED))) | st.integers(0, 999).map(lambda n: (str(n), float(n)))
_EXPRESSIONS = st.recursive(_LEAVES, _fold, max_leaves=12)
_WORDS = [
    "retried",
    "pow",
    "exp",
    "min",
    "sqrt",
    "(",
    ")",
    ",",
    "+",
    "-",
    "*",
    "/",
    "1",
    "2.5",
    "1e9",
    " ",
    "x",
    "^",
]
_HOSTILE = st.lists(st.sampled_from(_WORDS), max_size=60).map("".join) | st.text()


@pytest.mark.parametrize(
    ("text", "retried", "expected"),
    [
        ("1000", 0, 1_000),
        ("1.5e3", 0, 1_500),
        ("2E+2", 0, 200),
        ("500e-2", 0, 5),
        ("retried", 4, 4),
        ("7000 * retried", 2, 14_000),
        ("1000 * (1 + retried)", 0, 1_000),
        ("pow(2, retried) * 1000", 3, 8_000),
        ("max(1000, pow(2, retried) * 100)", 0, 1_000),
        ("min(1, 2, 3) + max(1,2,3)", 0, 4),
        ("1 + 2 * 3", 0, 7),
        ("10 - 4 - 3", 0, 3),
        ("100 / 10 / 5", 0, 2),
        ("8 / 4 * 2", 0, 4),
        ("- 2 * -3", 0, 6),
        ("--+5", 0, 5),
        ("-pow(2, 2)", 0, -4),
        ("2 - -retried", 3, 5),
        ("sqrt(16) + abs(-2) + floor(1.9) + ceil(1.1) + round(2.5)", 0, 12),
        ("exp(0)", 0, 1),
        ("\t1 +\t1 ", 0, 2),
        ("((((1))))", 0, 1),
        ("min(60000, exp(retried) * 1000)", 1_000, 60_000),
        ("min(5000, 1000 / retried)", 0, 5_000),
    ],
)
def test_evaluates(text: str, retried: int, expected: float) -> None:
    """Signs bind tightest, then products, then sums, each from left to right."""
    assert parse_expression(text).evaluate(retried) == expected


@pytest.mark.parametrize(
    "text",
    ["1/0", "-1/0", "0/0", "exp(1000)", "pow(10, 999)", "sqrt(-1)", "1e999", "pow(-1, 0.5)", "floor(1/0)"],
)
def test_has_no_finite_value(text: str) -> None:
    """Overflow, division by zero and domain errors give inf or nan instead of raising."""
    assert not math.isfinite(parse_expression(text).evaluate(0))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "ends too early"),
        (" \t ", "ends too early"),
        ("1 +", "ends too early"),
        ("(1", "ends too early"),
        ("pow(1, 2", "ends too early"),
        ("1)", r"unexpected '\)'"),
        ("()", r"unexpected '\)'"),
        ("* 2", r"unexpected '\*'"),
        ("1 2", "unexpected '2'"),
        ("2retried", "unexpected 'retried'"),
        ("1e", "unexpected 'e'"),
        ("retried(1)", r"unexpected '\('"),
        ("min", "ends too early"),
        ("min 1", "unexpected '1'"),
        ("min()", r"unexpected '\)'"),
        ("max(1,)", r"unexpected '\)'"),
        ("pow(1)", "wrong number of arguments for pow: 1"),
        ("pow(1, 2, 3)", "wrong number of arguments for pow: 3"),
        ("sqrt(1, 2)", "wrong number of arguments for sqrt: 2"),
        ("min(1)", "wrong number of arguments for min: 1"),
        ("RETRIED", "unknown name 'RETRIED'"),
        ("sin(1)", "unknown name 'sin'"),
        ("__import__", "unknown name '__import__'"),
        ("2 ^ 3", r"cannot read '\^ 3'"),
        ("7 % 3", "cannot read '% 3'"),
        (".5", "cannot read '.5'"),
        ("5.", r"cannot read '\.'"),
        ("1\n+ 1", "cannot read"),
        ("٣", "cannot read"),
        ("retried.real", r"cannot read '\.real'"),
    ],
)
def test_refuses(text: str, reason: str) -> None:
    """Unknown names, wrong arities and broken syntax are refused with the header's name and the place."""
    with pytest.raises(InvalidInput, match=f"^Upstash-Retry-Delay: .*{reason}"):
        parse_expression(text)


@pytest.mark.parametrize("nesting", ["({})", "-{}", "+{}", "abs({})", "1*({})"])
def test_nesting_is_bounded(nesting: str) -> None:
    """Fifty levels are read, one more is refused: whatever nests, the parser's stack stays small."""
    text = "1"
    for _ in range(49):
        text = nesting.format(text)

    assert abs(parse_expression(text).evaluate(0)) == 1
    with pytest.raises(InvalidInput, match=r"^Upstash-Retry-Delay: nested deeper"):
        parse_expression(nesting.format(text))


def test_length_is_bounded() -> None:
    """A thousand characters are read however they are chained, one more is refused."""
    text = "+".join(["1"] * 500)

    assert parse_expression(text + " ").evaluate(0) == 500
    with pytest.raises(InvalidInput, match=r"^Upstash-Retry-Delay: longer than 1000"):
        parse_expression(text + "  ")


@given(_EXPRESSIONS)
def test_agrees_with_python(case: _Case) -> None:
    """Expressions made of random parts have the value that Python's operators give."""
    text, expected = case

    assert parse_expression(text).evaluate(_RETRIED) == pytest.approx(expected, nan_ok=True)


@given(_HOSTILE, st.integers(0, 1_000_000))
def test_any_text_gives_a_number_or_a_refusal(text: str, retried: int) -> None:
    """No input ends in anything but a float or InvalidInput."""
    try:
        expression = parse_expression(text)
    except InvalidInput as error:
        assert str(error).startswith("Upstash-Retry-Delay: ")  # noqa: PT017 - the other outcome is as good
    else:
        assert type(expression.evaluate(retried)) is float


def test_the_cache_parses_once() -> None:
    """The same text gives the very same expression."""
    assert cached_expression("retried * 17") is cached_expression("retried * 17")
    assert cached_expression("retried * 17").evaluate(2) == 34
