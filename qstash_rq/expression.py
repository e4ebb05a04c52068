"""The language of `Upstash-Retry-Delay` (contract 3.3): parse an expression once, evaluate it per retry.

An expression becomes a program for a stack of numbers, so that evaluating it never
recurses. What its result means, and the bounds of it, belong to `qstash_rq.retry`.
"""

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn

from qstash_rq import arithmetic
from qstash_rq.errors import InvalidInput

_MAX_CHARS = 1_000  # bounds the time of one evaluation
_MAX_DEPTH = 50  # signs, calls and parentheses inside one another: bounds the recursion of the parser


@dataclass(frozen=True, slots=True)
class _Operation:
    """Replace the last `arity` numbers on the stack by one."""

    apply: Callable[..., float]
    arity: int


_Step = float | _Operation | None  # None puts the value of `retried` on the stack

_SUMS = {"+": _Operation(operator.add, 2), "-": _Operation(operator.sub, 2)}
_PRODUCTS = {"*": _Operation(operator.mul, 2), "/": _Operation(arithmetic.divide, 2)}
_NEGATION = _Operation(float.__neg__, 1)

_FUNCTIONS: dict[str, Callable[..., float]] = {
    "pow": arithmetic.power,
    "sqrt": arithmetic.square_root,
    "abs": math.fabs,
    "exp": arithmetic.exponential,
    "floor": arithmetic.floor,
    "ceil": arithmetic.ceiling,
    "round": arithmetic.rounded,
    "min": arithmetic.smallest,
    "max": arithmetic.largest,
}
_AT_LEAST_TWO = frozenset({"min", "max"})
_EXACTLY_TWO = frozenset({"pow"})

_TOKEN = re.compile(r"[ \t]*([0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|[A-Za-z_][A-Za-z0-9_]*|[-+*/(),])")
_END = ""  # stands after the last token


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed retry delay: give it the number of retries so far, get milliseconds."""

    program: tuple[_Step, ...]

    def evaluate(self, retried: int) -> float:
        """Return the value for `retried`; never raises, but may be negative, infinite or nan."""
        stack: list[float] = []
        for step in self.program:
            if isinstance(step, _Operation):
                arguments = stack[-step.arity :]
                del stack[-step.arity :]
                stack.append(step.apply(*arguments))
            else:
                stack.append(float(retried) if step is None else step)
        return stack[0]


def parse_expression(text: str) -> Expression:
    """Parse the value of `Upstash-Retry-Delay`; raise InvalidInput naming it when that fails."""
    if len(text) > _MAX_CHARS:
        _refuse(f"longer than {_MAX_CHARS} characters")
    return _Parser(_tokens(text)).parse()


@lru_cache(maxsize=1_024)
def cached_expression(text: str) -> Expression:
    """Parse like `parse_expression`, but each text only once: for workers, where it was accepted before."""
    return parse_expression(text)


def _refuse(reason: str) -> NoReturn:
    msg = f"Upstash-Retry-Delay: {reason}"
    raise InvalidInput(msg)


def _tokens(text: str) -> list[str]:
    text = text.rstrip(" \t")
    tokens: list[str] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            _refuse(f"not an expression: cannot read {text[position : position + 10].strip()!r}")
        tokens.append(match[1])
        position = match.end()
    return tokens


class _Parser:
    """Recursive descent, one method for each rule of the grammar; each appends to the program."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = [*tokens, _END]
        self._next = 0
        self._depth = 0
        self._program: list[_Step] = []

    def parse(self) -> Expression:
        self._sum()
        if self._peek() != _END:
            self._refuse_token()
        return Expression(tuple(self._program))

    def _sum(self) -> None:
        self._product()
        while operation := _SUMS.get(self._peek()):
            self._next += 1
            self._product()
            self._program.append(operation)

    def _product(self) -> None:
        self._factor()
        while operation := _PRODUCTS.get(self._peek()):
            self._next += 1
            self._factor()
            self._program.append(operation)

    def _factor(self) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            _refuse(f"nested deeper than {_MAX_DEPTH} levels")
        token = self._peek()
        if token in _SUMS:
            self._signed(token)
        elif token == "(":  # noqa: S105 - a parenthesis
            self._next += 1
            self._sum()
            self._expect(")")
        elif token[:1].isdigit():
            self._next += 1
            self._program.append(float(token))
        else:
            self._named(token)
        self._depth -= 1

    def _signed(self, sign: str) -> None:
        self._next += 1
        self._factor()
        if sign == "-":
            self._program.append(_NEGATION)

    def _named(self, name: str) -> None:
        if not name[:1].isidentifier():
            self._refuse_token()
        self._next += 1
        if name == "retried":
            self._program.append(None)
        elif name in _FUNCTIONS:
            self._program.append(_Operation(_FUNCTIONS[name], self._arguments(name)))
        else:
            _refuse(f"unknown name {name[:20]!r}")

    def _arguments(self, name: str) -> int:
        self._expect("(")
        self._sum()
        count = 1
        while self._peek() == ",":
            self._next += 1
            self._sum()
            count += 1
        self._expect(")")
        if not _fits(name, count):
            _refuse(f"wrong number of arguments for {name}: {count}")
        return count

    def _peek(self) -> str:
        return self._tokens[self._next]

    def _expect(self, token: str) -> None:
        if self._peek() != token:
            self._refuse_token()
        self._next += 1

    def _refuse_token(self) -> NoReturn:
        token = self._peek()
        found = f"unexpected {token[:20]!r}" if token else "ends too early"
        _refuse(f"not an expression: {found}")


def _fits(name: str, count: int) -> bool:
    if name in _AT_LEAST_TWO:
        return count > 1
    return count == (2 if name in _EXACTLY_TWO else 1)
