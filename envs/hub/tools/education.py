"""Education: whole numbers, data and graphs."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from heapq import heappop, heappush
from random import Random
from typing import Any

from ..entities import entities
from ..registry import HubError, Tool, found, gives, takes
from ..types import lists, measure, sem

Response = Mapping[str, Any]

sem("prime_index", kind="integer", about="index of a prime, 1 for 2", low=1, high=200_000,
    compare="number", tolerance=0, wider="integer")  # fmt: skip
sem("composite", kind="integer", about="whole number", low=1, high=1e15, compare="number",
    tolerance=0, wider="integer")  # fmt: skip
sem("base", kind="integer", about="base of a number system", low=2, high=36, compare="number",
    tolerance=0)  # fmt: skip
measure("fibonacci_index", "index of a Fibonacci number, 1 for the first", 1, 73, kind="integer")
measure("small_integer", "whole number up to 3999", 1, 3999, kind="integer", tolerance=0)
measure("observation", "observed value", -1e9, 1e9)
measure("normal_mean", "mean of a normal distribution", -1e6, 1e6)
measure("normal_deviation", "standard deviation of a normal distribution", 1e-6, 1e6)
measure("quantile_percent", "percent of the data below", 0, 100)
lists("observation", most=200)
sem("graph", about="weighted undirected edges, as A-B 4, A-C 2, B-C 1", high=600)
sem("node", about="node of a graph, as A", high=20, compare="name")

# ---------------------------------------------------------------- NumberTheory
theory = Tool("NumberTheory", "Education", "Primes, divisors, number systems and sequences.")
WITNESSES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)


def is_prime(n: int) -> bool:
    """Miller and Rabin's test, certain below 3.3e24 with these witnesses."""
    if n < 2:
        return False
    for p in WITNESSES:
        if n % p == 0:
            return n == p
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for witness in WITNESSES:
        x = pow(witness, odd, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def factors(n: int) -> dict[int, int]:
    """The prime factors of n >= 1 with their powers: trial division, then Pollard's rho."""
    out: dict[int, int] = {}
    for p in (2, 3, *(q for k in range(6, 1000, 6) for q in (k - 1, k + 1))):
        while n % p == 0:
            out[p] = out.get(p, 0) + 1
            n //= p
    rest = [n] if n > 1 else []
    while rest:
        m = rest.pop()
        if is_prime(m):
            out[m] = out.get(m, 0) + 1
        else:
            divisor = _rho(m)
            rest += [divisor, m // divisor]
    return dict(sorted(out.items()))


def _rho(n: int) -> int:
    """A proper divisor of a composite n without small factors (Pollard, with Floyd's cycles)."""
    for shift in range(1, 100):
        slow = fast = 2
        divisor = 1
        while divisor == 1:
            slow = (slow * slow + shift) % n
            fast = (fast * fast + shift) % n
            fast = (fast * fast + shift) % n
            divisor = math.gcd(abs(slow - fast), n)
        if divisor != n:
            return divisor
    raise HubError(f"{n} resists factorisation", 422)


def _natural(n: int, most: int, least: int = 1) -> int:
    if not least <= n <= most:
        raise HubError(f"n must be from {least} to {most}", 400)
    return n


@theory.api(
    "The prime factorisation of a whole number from 2 to 10^12.",
    {"n": takes("integer", 360360)},
    {
        "largest_prime": gives(
            "integer", "the largest prime factor of {n}", "the greatest prime that divides {n}"
        ),
        "distinct": gives("count", "the number of different prime factors of {n}"),
        "divisors": gives(
            "count",
            "the number of positive divisors of {n}",
            ask="How many positive divisors does {n} have?",
        ),
        "divisor_sum": gives("integer", "the sum of all positive divisors of {n}"),
    },
)
def factorize(n: int) -> Response:
    powers = factors(_natural(n, 10**12, 2))
    return {
        "factors": {str(p): k for p, k in powers.items()},
        "largest_prime": max(powers),
        "distinct": len(powers),
        "divisors": math.prod(k + 1 for k in powers.values()),
        "divisor_sum": math.prod((p ** (k + 1) - 1) // (p - 1) for p, k in powers.items()),
    }


@theory.api(
    "Whether a whole number up to 10^12 is prime, and the primes beside it.",
    {"n": takes("integer", 7920)},
    {
        "is_prime": gives("bool", "the truth of the statement that {n} is a prime number",
                          ask="Is {n} a prime number?"),
        "next_prime": gives("integer", "the smallest prime number greater than {n}"),
        "previous_prime": gives("integer", "the largest prime number smaller than {n}"),
    },
)  # fmt: skip
def prime_info(n: int) -> Response:
    _natural(n, 10**12, 0)
    after, before = n + 1, n - 1
    while not is_prime(after):
        after += 1
    while before > 1 and not is_prime(before):
        before -= 1
    return {
        "is_prime": is_prime(n),
        "next_prime": after,
        "previous_prime": before if before > 1 else None,
    }


@lru_cache(maxsize=1)
def _primes() -> list[int]:
    """The first 200,000 primes."""
    most = 2_750_160
    sieve = bytearray([1]) * (most + 1)
    sieve[:2] = b"\0\0"
    for p in range(2, math.isqrt(most) + 1):
        if sieve[p]:
            sieve[p * p :: p] = bytes(len(range(p * p, most + 1, p)))
    return [n for n in range(most + 1) if sieve[n]]


@theory.api(
    "The n-th prime number: 2 is the first.",
    {"n": takes("prime_index", 1000)},
    {
        "prime": gives(
            "integer",
            "the prime number at position {n} in the list 2, 3, 5, 7, …",
            "the prime number that stands at place {n} when all primes are listed from 2 on",
        )
    },
)
def nth_prime(n: int) -> Response:
    return {"prime": _primes()[n - 1]}


@theory.api(
    "Greatest common divisor and least common multiple of two whole numbers from 1 to 10^7.",
    {"a": takes("composite", 84), "b": takes("composite", 360)},
    {
        "gcd": gives("integer", "the greatest common divisor of {a} and {b}"),
        "lcm": gives("integer", "the least common multiple of {a} and {b}"),
    },
)
def gcd_lcm(a: int, b: int) -> Response:
    a, b = _natural(a, 10**7), _natural(b, 10**7)
    return {"gcd": math.gcd(a, b), "lcm": math.lcm(a, b)}


DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@theory.api(
    "A natural number written in another base, and the sum of its digits there.",
    {"n": takes("integer", 2025), "base": takes("base", 16)},
    {
        "digits": gives(
            "text",
            "the base-{base} notation of {n}",
            ask="How is {n} written in base {base}?",
        ),
        "digit_sum": gives("integer", "the sum (in decimal) of the base-{base} digits of {n}"),
    },
)
def to_base(n: int, base: int) -> Response:
    rest, digits = _natural(n, 10**15, 0), list[int]()
    while rest or not digits:
        rest, digit = divmod(rest, base)
        digits.append(digit)
    return {"digits": "".join(DIGITS[d] for d in digits[::-1]), "digit_sum": sum(digits)}


@theory.api(
    "Euler's totient: how many numbers up to n have no divisor in common with it; n up to 10^12.",
    {"n": takes("integer", 360)},
    {
        "totient": gives(
            "integer",
            "the value of Euler's totient function for {n}",
            "the count of the numbers from 1 on that are smaller than, and coprime to, {n}",
        )
    },
)
def totient(n: int) -> Response:
    powers = factors(_natural(n, 10**12, 2))
    return {"totient": math.prod((p - 1) * p ** (k - 1) for p, k in powers.items())}


@theory.api(
    "The Collatz sequence of a number up to 10^9: halve even numbers, else take 3n + 1, until 1.",
    {"n": takes("integer", 27)},
    {
        "steps": gives("count", "the number of steps to 1 in the Collatz sequence of {n}"),
        "highest": gives("integer", "the highest number in the Collatz sequence of {n}"),
    },
)
def collatz(n: int) -> Response:
    highest = value = _natural(n, 10**9)
    steps = 0
    while value > 1:
        value = value // 2 if value % 2 == 0 else 3 * value + 1
        highest, steps = max(highest, value), steps + 1
    if highest > 10**15:
        raise HubError("the sequence climbs above 10^15", 422)
    return {"steps": steps, "highest": highest}


@theory.api(
    "The n-th Fibonacci number: 1, 1, 2, 3, 5, …; n up to 73.",
    {"n": takes("fibonacci_index", 30)},
    {"fibonacci": gives("integer", "the number at position {n} of the sequence 1, 1, 2, 3, 5, …, "
                        "of Fibonacci")},
)  # fmt: skip
def fibonacci(n: int) -> Response:
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return {"fibonacci": a}


ROMAN = ((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"),
         (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))  # fmt: skip


@theory.api(
    "A number up to 3999 in Roman numerals.",
    {"n": takes("small_integer", 1987)},
    {
        "roman": gives(
            "text", "the Roman numeral of {n}", ask="How is {n} written in Roman numerals?"
        )
    },
)
def to_roman(n: int) -> Response:
    out = ""
    for value, letters in ROMAN:
        out += letters * (n // value)
        n %= value
    return {"roman": out}


# ---------------------------------------------------------------- Statistics
stats = Tool("Statistics", "Education", "Describing data, and chance.")


@stats.api(
    "Mean, median, sample standard deviation and range of numbers.",
    {"values": takes("observation[]", [2, 4, 4, 4, 5, 5, 7, 9])},
    {
        "mean": gives("number", "the arithmetic mean of {values}"),
        "median": gives("number", "the median of {values}"),
        "stdev": gives("number", "the sample standard deviation (with n - 1) of {values}"),
        "geometric_mean": gives("number", "the geometric mean of {values}"),
    },
)
def describe(values: list[float]) -> Response:
    if len(values) < 2:
        raise HubError("at least two values are needed", 400)
    positive = min(values) > 0
    return {
        "n": len(values),
        "mean": round(statistics.fmean(values), 6),
        "median": round(statistics.median(values), 6),
        "stdev": round(statistics.stdev(map(float, values)), 6),
        "minimum": min(values),
        "maximum": max(values),
        "geometric_mean": round(statistics.geometric_mean(values), 6) if positive else None,
    }


@stats.api(
    "A percentile of numbers, interpolated linearly between the sorted values (type 7: as "
    "spreadsheets do).",
    {
        "values": takes("observation[]", [15, 20, 35, 40, 50]),
        "percent": takes("quantile_percent", 40),
    },
    {
        "percentile": gives(
            "number",
            "the percentile at {percent} (with linear interpolation, as in spreadsheets) of "
            "{values}",
        )
    },
)
def percentile(values: list[float], percent: float) -> Response:
    ordered = sorted(values)
    place = percent / 100 * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    value = ordered[low] + (place - low) * (ordered[high] - ordered[low])
    return {"percentile": round(value, 6)}


@stats.api(
    "The least-squares line through points, and Pearson's correlation.",
    {
        "x": takes("observation[]", [1, 2, 3, 4]),
        "y": takes("observation[]", [2, 4, 5, 8]),
    },
    {
        "slope": gives(
            "number",
            "the slope of the least-squares line when the x values are {x} and the y values are "
            "{y}",
        ),
        "correlation": gives("number", "the Pearson correlation between {x} and {y}"),
    },
)
def regression(x: list[float], y: list[float]) -> Response:
    if len(x) != len(y) or len(x) < 2:
        raise HubError("x and y must have the same length, two at least", 400)
    if len(set(x)) < 2 or len(set(y)) < 2:
        raise HubError("x and y must each have two different values", 400)
    line = statistics.linear_regression(x, y)
    return {
        "slope": round(line.slope, 6),
        "intercept": round(line.intercept, 6),
        "correlation": round(statistics.correlation(x, y), 6),
    }


@stats.api(
    "The share of a normal distribution that lies below a value, and the value's z-score.",
    {
        "value": takes("observation", 115),
        "mean": takes("normal_mean", 100),
        "deviation": takes("normal_deviation", 15),
    },
    {
        "percent_below": gives(
            "percent",
            "the percentage below {value} of a normal distribution with mean {mean} and standard "
            "deviation {deviation}",
        ),
        "z_score": gives(
            "number",
            "the z-score of {value} in a distribution with mean {mean} and standard deviation "
            "{deviation}",
        ),
    },
)
def normal_share(value: float, mean: float, deviation: float) -> Response:
    z = (value - mean) / deviation
    return {
        "percent_below": round(50 * math.erfc(-z / math.sqrt(2)), 4),
        "z_score": round(z, 4),
    }


# ---------------------------------------------------------------- GraphTools
graphs = Tool("GraphTools", "Education", "Shortest paths and spanning trees of weighted graphs.")
EDGE = re.compile(r"\s*(\w{1,20})\s*-\s*(\w{1,20})\s*[:=]?\s+(\d{1,6}(?:\.\d{1,3})?)\s*")


@lru_cache(maxsize=256)
def _edges(text: str) -> tuple[tuple[str, str, float], ...]:
    out = []
    for part in re.split(r"[,;]", text):
        edge = EDGE.fullmatch(part)
        if edge is None:
            raise HubError("graph must look like 'A-B 4, A-C 2, B-C 1'", 400)
        weight = float(edge[3])
        out.append((edge[1], edge[2], int(weight) if weight.is_integer() else weight))
    return tuple(out)


def _neighbours(text: str) -> dict[str, list[tuple[str, float]]]:
    out: dict[str, list[tuple[str, float]]] = {}
    for a, b, weight in _edges(text):
        out.setdefault(a, []).append((b, weight))
        out.setdefault(b, []).append((a, weight))
    return out


def _reached(graph: str, source: str) -> Iterator[tuple[float, tuple[str, ...]]]:
    """Length and path to each node, the nearest first (Dijkstra); of equals, fewer steps."""
    neighbours = _neighbours(graph)
    if source not in neighbours:
        raise HubError(f"node {source} not found")
    done: set[str] = set()
    heap: list[tuple[float, int, tuple[str, ...]]] = [(0, 0, (source,))]
    while heap:
        length, steps, path = heappop(heap)
        if path[-1] in done:
            continue
        done.add(path[-1])
        yield length, path
        for node, weight in neighbours[path[-1]]:
            if node not in done:
                heappush(heap, (round(length + weight, 3), steps + 1, (*path, node)))


@graphs.api(
    "The shortest path between two nodes of an undirected weighted graph.",
    {
        "graph": takes("graph", "A-B 4, A-C 2, C-B 1, B-D 5"),
        "source": takes("node", "A"),
        "target": takes("node", "D"),
    },
    {
        "length": gives(
            "number",
            "the length of the shortest path from {source} to {target} in {graph}",
            ask="How long is the shortest path from {source} to {target} in {graph}?",
        )
    },
)
def shortest_path(graph: str, source: str, target: str) -> Response:
    if source == target:
        raise HubError("source and target must differ", 400)
    for length, path in _reached(graph, source):
        if path[-1] == target:
            return {"length": length, "edges": len(path) - 1, "path": path}
    raise HubError(f"path from {source} to {target} not found")


@graphs.api(
    "The node of an undirected weighted graph that lies farthest from another.",
    {"graph": takes("graph", "A-B 4, A-C 2, C-B 1, B-D 5"), "source": takes("node", "A")},
    {
        "distance": gives(
            "number",
            "the distance from {source} to the node that lies farthest from it in {graph}",
        )
    },
)
def farthest_node(graph: str, source: str) -> Response:
    *_, (length, path) = _reached(graph, source)
    return {"node": path[-1], "distance": length}


@graphs.api(
    "The minimum spanning tree of a connected undirected weighted graph.",
    {"graph": takes("graph", "A-B 4, A-C 2, C-B 1, B-D 5")},
    {"weight": gives("number", "the total weight of the minimum spanning tree of {graph}")},
)
def spanning_tree(graph: str) -> Response:
    edges = _edges(graph)
    group = {node: node for a, b, _ in edges for node in (a, b)}

    def root(node: str) -> str:
        while group[node] != node:
            group[node] = node = group[group[node]]
        return node

    tree = []
    for a, b, weight in sorted(edges, key=lambda edge: (edge[2], edge[0], edge[1])):
        if (one := root(a)) != (other := root(b)):
            group[one] = other
            tree.append((a, b, weight))
    if len(tree) != len(group) - 1:
        raise HubError("the graph is not connected", 422)
    weight = round(sum(edge[2] for edge in tree), 3)
    return {"weight": weight, "edges": [f"{a}-{b}" for a, b, _ in tree]}


@graphs.api(
    "The number of nodes and edges, and the total weight, of a graph; the edges at a node.",
    {"graph": takes("graph", "A-B 4, A-C 2, C-B 1, B-D 5"), "node": takes("node", "B")},
    {
        "degree": gives("count", "the number of edges that meet at {node} in {graph}"),
        "weight": gives("number", "the total weight of the edges that meet at {node} in {graph}"),
    },
)
def node_edges(graph: str, node: str) -> Response:
    near = found(_neighbours(graph).get(node), f"node {node}")
    return {"degree": len(near), "weight": round(sum(weight for _, weight in near), 3)}


# ---------------------------------------------------------------- entities
def _samples() -> list[tuple[float, ...]]:
    """Lists of eight values."""
    rng = Random(21)
    made = [tuple(rng.randint(1, 60) for _ in range(8)) for _ in range(120)]
    return [values for values in made if len(set(values)) > 5]


def _sample_words(values: Sequence[float]) -> list[str]:
    words = [f"{value:g}" for value in values]
    return [f"the numbers {', '.join(words[:-1])} and {words[-1]}"]


def _integers() -> list[int]:
    """Numbers below 20,000: of all kinds, with many divisors, and prime."""
    primes = [n for n in range(103, 20_000, 2) if is_prime(n)]
    return sorted({*range(101, 20_000, 14), *range(120, 20_000, 60), *primes[::4]})


def _graphs() -> list[str]:
    """Connected graphs of the nodes A to F with eight or nine edges."""
    rng, out = Random(22), []
    for _ in range(80):
        nodes = list("ABCDEF")
        rng.shuffle(nodes)
        pairs = {tuple(sorted((b, rng.choice(nodes[:i])))) for i, b in enumerate(nodes) if i}
        while len(pairs) < rng.choice((8, 9)):
            pairs.add(tuple(sorted(rng.sample(nodes, 2))))
        out.append(", ".join(f"{a}-{b} {rng.randint(1, 15)}" for a, b in sorted(pairs)))
    return out


def _declare(type: str, values: Sequence[float], words: str = "{:g}") -> None:
    entities(type, lambda: values, says=lambda v: (words.format(v),))


entities("integer", _integers)
entities("composite", lambda: sorted({*range(120, 9000, 84), *range(150, 9000, 90)}))
entities("prime_index", lambda: [*range(25, 500, 25), *range(500, 10_001, 500)])
entities("base", lambda: (2, 3, 5, 7, 8, 9, 11, 12, 16, 20, 36))
entities("observation[]", _samples, says=_sample_words)
entities("graph", _graphs, says=lambda v: (f"the weighted graph with the edges {v}",))
entities("node", lambda: list("ABCDEF"))
_declare("number", (2, 3, 5, 7.5, 10, 12, 12.5, 15, 18, 20, 25, 36, 42, 60, 75, 100, 150, 250))
_declare("fibonacci_index", tuple(range(12, 61)))
_declare("small_integer", tuple(range(14, 3999, 37)))
_declare("observation", (85, 90, 95, 104, 110, 118, 125, 130, 142))
_declare("normal_mean", (90, 100, 105, 120))
_declare("normal_deviation", (8, 10, 12, 15, 20))
_declare("quantile_percent", (10, 20, 25, 30, 40, 60, 75, 80, 90), "{:g} %")
