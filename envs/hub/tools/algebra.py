"""Education: functions of x, by numbers and by symbols."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

from ..entities import entities
from ..registry import HubError, Tool, gives, takes
from ..types import measure, sem

Response = Mapping[str, Any]

sem("expr", about="function of x, as x^3 - 2x + 1 or x*sin(x)", high=160, compare="name")
sem("polynomial", about="polynomial in x, as x^2 - 5x + 6", high=160, compare="name", wider="expr")
measure("argument", "where a function is evaluated", -1000, 1000)
measure("lower_bound", "lower bound of an integral", -1000, 1000)
measure("upper_bound", "upper bound of an integral", -1000, 1000)
measure("power", "power of x", 0, 20, kind="integer", tolerance=0)

# ---------------------------------------------------------------- functions of x
# A parsed expression: ("num", Fraction), ("x",), ("const", name), ("call", name, node), and
# (operator, left, right) for + - * / ^.
Node = tuple[Any, ...]
CONSTANTS: Final = {"pi": math.pi, "e": math.e}
FUNCTIONS: Final[dict[str, Callable[[float], float]]] = {
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "exp": math.exp,
    "ln": math.log,
    "log": math.log,
    "sqrt": math.sqrt,
}
TOKEN = re.compile(r"\s*(?:(\d{1,12}(?:\.\d{1,12})?)|([A-Za-z]+)|(\*\*|[-+*/^()]))")


@lru_cache(maxsize=512)
def parsed(text: str) -> Node:
    """The expression as a tree; ``2x`` and ``x sin(x)`` multiply, ^ and ** raise.

    Raises:
        HubError: it is none.
    """
    if re.search(r"\d[eE][-+]?\d", text):
        raise HubError("numbers must be written without exponents, as 0.001", 400)
    tokens, at = [], 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        if match is None:
            raise HubError(f"cannot read the expression at {text[at : at + 10]!r}", 400)
        tokens.append(match[0].strip())
        at = match.end()
    reader = _Reader(tokens)
    tree = reader.sum(0)
    if reader.at < len(tokens):
        raise HubError(f"the expression has {tokens[reader.at]!r} too much", 400)
    return tree


class _Reader:
    """Recursive descent, one method a rule of the grammar."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.at = tokens, 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1] if self.at <= len(self.tokens) else ""

    def sum(self, depth: int) -> Node:
        if depth > 12:
            raise HubError("the expression is nested too deeply", 400)
        left = self.product(depth)
        while self.peek() in ("+", "-"):
            left = (self.next(), left, self.product(depth))
        return left

    def product(self, depth: int) -> Node:
        left = self.signed(depth)
        while (token := self.peek()) and token not in ("+", "-", ")"):
            if token in ("*", "/"):
                left = (self.next(), left, self.signed(depth))
            else:
                left = ("*", left, self.raised(depth))
        return left

    def signed(self, depth: int) -> Node:
        if self.peek() in ("+", "-"):
            sign, inner = self.next(), self.signed(depth + 1)
            return inner if sign == "+" else ("*", ("num", Fraction(-1)), inner)
        return self.raised(depth)

    def raised(self, depth: int) -> Node:
        if depth > 12:
            raise HubError("the expression is nested too deeply", 400)
        base = self.single(depth)
        if self.peek() in ("^", "**"):
            self.next()
            return ("^", base, self.signed(depth + 1))
        return base

    def single(self, depth: int) -> Node:
        token = self.next()
        if token == "(":
            inner = self.sum(depth + 1)
            if self.next() != ")":
                raise HubError("the expression lacks a closing parenthesis", 400)
            return inner
        if token[:1].isdigit():
            return ("num", Fraction(token))
        name = token.lower()
        if name == "x":
            return ("x",)
        if name in CONSTANTS:
            return ("const", name)
        if name in FUNCTIONS and self.peek() == "(":
            return ("call", name, self.single(depth))
        raise HubError(f"the expression has {token or 'an end'!r} where a term is expected", 400)


OUTER: Final[dict[str, Callable[[float], float]]] = {
    "sin": math.cos,
    "cos": lambda u: -math.sin(u),
    "tan": lambda u: 1 / math.cos(u) ** 2,
    "exp": math.exp,
    "ln": lambda u: 1 / u,
    "log": lambda u: 1 / u,
    "sqrt": lambda u: 0.5 / math.sqrt(u),
}


def value_at(tree: Node, x: float) -> float:
    """The value of the expression at x.

    Raises:
        HubError: it has none, or one beyond all measure.
    """
    try:
        value = _float(tree, x)
    except (ArithmeticError, ValueError):
        value = math.nan
    if not math.isfinite(value) or abs(value) > 1e15:
        raise HubError(f"the expression has no value at x = {x:g}", 422)
    return value


def _float(tree: Node, x: float) -> float:
    kind = tree[0]
    if kind == "num":
        return float(tree[1])
    if kind == "x":
        return x
    if kind == "const":
        return CONSTANTS[tree[1]]
    if kind == "call":
        return FUNCTIONS[tree[1]](_float(tree[2], x))
    left, right = _float(tree[1], x), _float(tree[2], x)
    if kind == "+":
        return left + right
    if kind == "-":
        return left - right
    if kind == "*":
        return left * right
    if kind == "/":
        return left / right
    return math.pow(left, right)


def _slope(tree: Node, x: float) -> float:
    """The derivative at x, by the rules of differentiation."""
    kind = tree[0]
    if kind in ("num", "const"):
        return 0.0
    if kind == "x":
        return 1.0
    if kind == "call":
        inner, by = _float(tree[2], x), _slope(tree[2], x)
        return OUTER[tree[1]](inner) * by
    left, right = _float(tree[1], x), _float(tree[2], x)
    d_left, d_right = _slope(tree[1], x), _slope(tree[2], x)
    if kind == "+":
        return d_left + d_right
    if kind == "-":
        return d_left - d_right
    if kind == "*":
        return d_left * right + left * d_right
    if kind == "/":
        return (d_left * right - left * d_right) / right**2
    by_base = right * math.pow(left, right - 1) * d_left if d_left else 0.0
    by_exponent = math.pow(left, right) * math.log(left) * d_right if d_right else 0.0
    return by_base + by_exponent


functions = Tool("FunctionCalculator", "Education", "Values, slopes and areas of functions of x.")


@functions.api(
    "The value of an expression at some x.",
    {"expression": takes("expr", "x^2 + 1"), "x": takes("argument", 3)},
    {
        "value": gives(
            "number",
            "the value at {x} of {expression}",
            "the number that results when {x} is put into {expression}",
        )
    },
)
def function_value(expression: str, x: float) -> Response:
    return {"value": round(value_at(parsed(expression), x), 8)}


@functions.api(
    "The slope (first derivative) of an expression at some x.",
    {"expression": takes("expr", "x^3"), "x": takes("argument", 2)},
    {
        "slope": gives(
            "number",
            "the slope at {x} of {expression}",
            "the first derivative, taken at {x}, of {expression}",
        )
    },
)
def slope(expression: str, x: float) -> Response:
    tree = parsed(expression)
    value_at(tree, x)
    try:
        value = _slope(tree, x)
    except (ArithmeticError, ValueError):
        value = math.nan
    if not math.isfinite(value) or abs(value) > 1e15:
        raise HubError(f"the expression has no slope at x = {x:g}", 422)
    return {"slope": round(value, 8)}


# Gauss and Legendre's rule of five points on [-1, 1].
GAUSS = (
    (0.0, 0.5688888888888889),
    (0.5384693101056831, 0.47862867049936647),
    (-0.5384693101056831, 0.47862867049936647),
    (0.9061798459386640, 0.23692688505618908),
    (-0.9061798459386640, 0.23692688505618908),
)


def _area(tree: Node, a: float, b: float, parts: int) -> float:
    half = (b - a) / parts / 2
    middles = (a + (2 * i + 1) * half for i in range(parts))
    return half * sum(w * value_at(tree, m + half * t) for m in middles for t, w in GAUSS)


@functions.api(
    "The definite integral of an expression, numerically.",
    {
        "expression": takes("expr", "sin(x)^2"),
        "lower": takes("lower_bound", 0),
        "upper": takes("upper_bound", 2),
    },
    {
        "integral": gives(
            "number",
            "the integral from {lower} to {upper} of {expression}",
            "the signed area between {lower} and {upper} under {expression}",
        )
    },
)
def area(expression: str, lower: float, upper: float) -> Response:
    tree = parsed(expression)
    rough, fine = _area(tree, lower, upper, 8), _area(tree, lower, upper, 16)
    if abs(rough - fine) > 1e-6 * max(1.0, abs(fine)):
        raise HubError("the integral does not settle: is there a pole between the bounds?", 422)
    return {"integral": round(fine, 6)}


# ---------------------------------------------------------------- SymbolicMath
symbolic = Tool(
    "SymbolicMath", "Education", "Exact algebra and calculus with polynomials.", ("sympy",)
)


def _sympy(tree: Node) -> tuple[Any, int]:
    """The expression as sympy has it, and a bound of its size when multiplied out.

    Raises:
        HubError: its powers are too high to be reckoned with.
    """
    import sympy

    kind = tree[0]
    if kind == "num":
        return sympy.Rational(tree[1].numerator, tree[1].denominator), 1
    if kind == "x":
        return sympy.Symbol("x"), 1
    if kind == "const":
        return (sympy.pi if tree[1] == "pi" else sympy.E), 1
    if kind == "call":
        made = {
            "sin": sympy.sin,
            "cos": sympy.cos,
            "tan": sympy.tan,
            "exp": sympy.exp,
            "sqrt": sympy.sqrt,
        }.get(tree[1], sympy.log)
        inner, size = _sympy(tree[2])
        return made(inner), size + 1
    (left, size), (right, other) = _sympy(tree[1]), _sympy(tree[2])
    if kind == "^":
        if not right.is_Rational:
            if left.free_symbols or size + other > 8:
                raise HubError("an exponent with x needs a number as its base", 400)
            return left**right, size + other
        if abs(right) > 12 or right.q > 12:
            raise HubError("exponents must be from -12 to 12", 400)
        size *= math.ceil(abs(right)) or 1
    else:
        size = size + other if kind in "*/" else max(size, other) + 1
    if size > 40:
        raise HubError("the expression is too large", 400)
    if kind == "/" and right.is_zero:
        raise HubError("the expression divides by 0", 400)
    return {
        "+": lambda: left + right,
        "-": lambda: left - right,
        "*": lambda: left * right,
        "/": lambda: left / right,
        "^": lambda: left**right,
    }[kind](), size


def _poly(text: str, most: int) -> Any:
    """The expression as a polynomial with rational coefficients, of a degree from 1 to most."""
    from sympy import Poly, Symbol
    from sympy.polys.polyerrors import BasePolynomialError

    made, _ = _sympy(parsed(text))
    try:
        poly = Poly(made, Symbol("x"), domain="QQ")
    except BasePolynomialError:
        raise HubError("this must be a polynomial in x with rational coefficients", 400) from None
    if not 1 <= poly.degree() <= most:
        raise HubError(f"the degree must be from 1 to {most}", 400)
    return poly


def _written(made: Any) -> str:
    text = str(made).replace("**", "^")
    if len(text) > 160:
        raise HubError("the result is too long", 413)
    return text


@symbolic.api(
    "The derivative of an expression with respect to x.",
    {"expression": takes("expr", "x^3*sin(x)")},
    {"derivative": gives("expr", "the derivative with respect to x of {expression}")},
)
def differentiate(expression: str) -> Response:
    import sympy

    made, _ = _sympy(parsed(expression))
    return {"derivative": _written(sympy.diff(made, sympy.Symbol("x")))}


@symbolic.api(
    "The real roots of a polynomial of degree up to 6.",
    {"polynomial": takes("polynomial", "x^3 - 6x^2 + 11x - 6")},
    {
        "count": gives(
            "count",
            "the number of different real roots of {polynomial}",
            ask="How many different real roots does {polynomial} have?",
        ),
        "largest": gives("number", "the largest real root of {polynomial}"),
        "smallest": gives("number", "the smallest real root of {polynomial}"),
    },
)
def real_roots(polynomial: str) -> Response:
    roots = sorted(set(_roots(polynomial)))
    return {
        "count": len(roots),
        "roots": roots,
        "largest": roots[-1] if roots else None,
        "smallest": roots[0] if roots else None,
    }


@lru_cache(maxsize=256)
def _roots(text: str) -> tuple[float, ...]:
    out = []
    for factor, _ in _poly(text, 6).factor_list()[1]:
        if factor.degree() == 2:
            a, b, c = (Fraction(int(k.p), int(k.q)) for k in factor.all_coeffs())
            inside = b * b - 4 * a * c
            if inside >= 0:
                out += [(-float(b) + sign * math.sqrt(inside)) / (2 * float(a)) for sign in (1, -1)]
        else:
            out += [float(root.evalf(15)) for root in factor.real_roots()]
    return tuple(round(root, 6) + 0.0 for root in out)


@symbolic.api(
    "The exact definite integral of a polynomial.",
    {
        "polynomial": takes("polynomial", "x^2 - 5x + 6"),
        "lower": takes("lower_bound", 0),
        "upper": takes("upper_bound", 2),
    },
    {
        "value": gives(
            "number",
            "the definite integral from {lower} to {upper} of {polynomial}",
        )
    },
)
def integrate(polynomial: str, lower: float, upper: float) -> Response:
    from sympy import Rational

    primitive = _poly(polynomial, 20).integrate()
    bounds = [Rational(str(bound)) for bound in (lower, upper)]
    exact = primitive.eval(bounds[1]) - primitive.eval(bounds[0])
    value = float(exact)
    if abs(value) > 1e15:
        raise HubError("the integral is too large", 422)
    return {"exact": str(exact)[:100], "value": round(value, 6)}


@symbolic.api(
    "The coefficient of a power of x when a polynomial is multiplied out, and its degree.",
    {"polynomial": takes("polynomial", "(x + 2)^5"), "power": takes("power", 3)},
    {
        "coefficient": gives(
            "number",
            "the coefficient of x to the power of {power} in the expanded form of {polynomial}",
        )
    },
)
def coefficient(polynomial: str, power: int) -> Response:
    poly = _poly(polynomial, 20)
    exact = poly.coeff_monomial((power,))
    return {"coefficient": round(float(exact), 6), "degree": poly.degree()}


@symbolic.api(
    "The factors of a polynomial over the rational numbers.",
    {"polynomial": takes("polynomial", "x^4 - 16")},
    {
        "count": gives(
            "count",
            "the number of irreducible factors over the rationals, counted with multiplicity, of "
            "{polynomial}",
        )
    },
)
def factor(polynomial: str) -> Response:
    constant, factors = _poly(polynomial, 8).factor_list()
    names = [[str(each.as_expr()).replace("**", "^"), power] for each, power in factors]
    return {
        "constant": str(constant),
        "factors": names,
        "count": sum(power for _, power in factors),
    }


# ---------------------------------------------------------------- entities
POLYNOMIALS = (
    "x^2 - 5x + 6", "x^3 - 6x^2 + 11x - 6", "x^2 - 2", "2x^2 + 3x - 5", "x^4 - 16", "x^3 - x",
    "x^2 - x - 1", "3x^2 - 7x + 2", "x^3 - 3x + 1", "x^3 + x^2 - 6x", "x^4 - 5x^2 + 4",
    "2x^3 - 9x^2 + 12x - 4", "x^5 - x - 1", "x^3 - 8", "4x^2 - 12x + 9", "x^4 - 10x^2 + 1",
    "x^3 - 7x + 6", "6x^2 + x - 2", "x^2 + 4x - 21", "(x + 2)^5", "(2x - 1)^4", "(x - 3)(x + 5)",
    "x^3 - 2x^2 - 5x + 6", "5x^3 - 3x^2 + 2x - 1", "x^6 - 1", "(x^2 - 1)(x + 4)", "x^4 + x^3 - 2",
    "x^3 + 3x^2 - 4", "7x^2 - 10x + 3", "(3x + 1)^3",
)  # fmt: skip
EXPRESSIONS = (
    "x^3*sin(x)", "x*exp(-x)", "sin(x)^2", "cos(2x)", "ln(x^2 + 1)", "exp(x)/(x^2 + 1)",
    "sqrt(x^2 + 9)", "1/(x^2 + 4)", "x*cos(x)", "exp(-x^2)", "sin(x) + cos(2x)", "x^2*exp(x)",
    "(x + 1)/(x^2 + 3)", "2^x", "x^2*ln(x^2 + 2)",
)  # fmt: skip


def _declare(type: str, values: Sequence[float], words: str) -> None:
    entities(type, lambda: values, says=lambda v: (words.format(v),))


entities("polynomial", lambda: POLYNOMIALS, says=lambda v: (f"the polynomial {v}",))
entities("expr", lambda: (*EXPRESSIONS, *POLYNOMIALS), says=lambda v: (f"the function {v}",))
_declare("argument", (-2, -1, 0.5, 1, 1.5, 2, 3, 4, 5), "x = {:g}")
_declare("lower_bound", (-3, -2, -1, 0, 1), "x = {:g}")
_declare("upper_bound", (2, 3, 4, 5, 6), "x = {:g}")
_declare("power", (1, 2, 3), "{:g}")
