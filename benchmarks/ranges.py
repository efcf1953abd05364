"""Ranges in specs: ``dfsdt:width=1..4`` stands for four planners.

A value, ``N`` of ``@N`` or a main argument may be

- a range, ``1..4`` or with a step ``1..9..2`` or ``0.2..1..0.2``; both ends belong to it,
- alternatives, ``0.5|1|2`` or ``(react)|(cot)``; ranges may be among them,
- a spec in parentheses that holds either.

Several in one spec multiply. What stands in quotes is left as it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import product

from ..core import UsageError
from ..core.registry import parse, split

MOST = 10_000  # specs of one, at most
_NUMBER = r"-?\d{1,9}(?:\.\d{1,9})?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(?:\.\.({_NUMBER}))?")
# Two dots between what might be numbers; a path has letters or a slash there.
_MEANT = re.compile(r"[^/\\()'\"]*(?:\d\s*\.\.|\.\.\s*-?\d)[^/\\()'\"]*")


@dataclass(frozen=True)
class Variant:
    """One spec of those that a range stands for.

    Attributes:
        spec: without ranges.
        values: what was chosen for each range, by the parameter's name: ``n`` for ``@N``,
            ``evaluator.n`` for one of a spec in parentheses, ``react.width`` for one of a main one.
    """

    spec: str
    values: tuple[tuple[str, str], ...] = ()


def variants(text: str) -> list[Variant]:
    """The specs that a text stands for; itself, where it holds no range.

    >>> [v.spec for v in variants("react@1..3")]
    ['react@1', 'react@2', 'react@3']
    >>> variants("best_of_n@2:(react:max_steps=4|8)")[1]
    Variant(spec='best_of_n@2:(react:max_steps=8)', values=(('react.max_steps', '8'),))

    Raises:
        UsageError: a range is wrong, or there are too many specs.
    """
    found = _variants(text.strip(), text)
    names = [name for name, _ in found[0].values]
    if len(set(names)) < len(names):
        raise UsageError(f"{text!r}: a parameter is given twice")
    specs = [variant.spec for variant in found]
    if len(set(specs)) < len(specs):
        twice = next(spec for spec in specs if specs.count(spec) > 1)
        raise UsageError(f"{text!r} gives {twice!r} twice")
    return found


def _variants(text: str, whole: str) -> list[Variant]:
    head, colon, rest = text.partition(":")
    name, at, count = head.partition("@")
    places: list[list[Variant]] = []
    if at and "/" not in count:
        places += [[Variant(f"{name}@")], _options(count, "n", whole)]
    else:
        places.append([Variant(head)])
    for i, part in enumerate(split(rest, whole) if colon and rest else []):
        places.append([Variant("," if i else ":")])
        key, equals, value = part.partition("=")
        if equals and key.isidentifier():
            places += [[Variant(f"{key}=")], _options(value, key, whole)]
        else:
            places.append(_options(part, "", whole))
    if math.prod(map(len, places)) > MOST:
        raise UsageError(
            f"{whole!r} stands for more than {MOST:,} planners: make its ranges smaller"
        )
    made = []
    for chosen in product(*places):
        spec = "".join(variant.spec for variant in chosen)
        made.append(Variant(spec, tuple(pair for variant in chosen for pair in variant.values)))
    parse(made[0].spec)
    return made


def _options(text: str, key: str, whole: str) -> list[Variant]:
    """What may stand in a place; ``key`` is "" for a main argument."""
    given = list(_alternatives(text, whole))
    found: list[Variant] = []
    for part in given:
        inner: list[Variant]
        if part.startswith("(") and part.endswith(")"):
            prefix = f"{key or re.split('[@:]', part[1:-1], maxsplit=1)[0].strip()}."
            inner = [
                Variant(f"({v.spec})", tuple((prefix + name, value) for name, value in v.values))
                for v in _variants(part[1:-1], whole)
            ]
        elif part[:1] in ("'", '"'):
            inner = [Variant(part)]
        elif (ends := _RANGE.fullmatch(part)) is not None:
            inner = [Variant(n, ((key or "argument", n),)) for n in _numbers(ends, whole)]
        elif _MEANT.fullmatch(part):
            raise UsageError(
                f"{part!r} in {whole!r} is no range: write 1..4, or with a step 1..9..2"
            )
        else:
            inner = [Variant(part)]
        if len(given) > 1:  # which alternative it was is what was chosen
            inner = [Variant(v.spec, ((key or "argument", v.spec),)) for v in inner]
        found += inner
    return found


def _alternatives(text: str, whole: str) -> Iterator[str]:
    """The parts between bars that stand outside quotes and parentheses."""
    depth, quote, start = 0, "", 0
    for i, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"" and (i == start or text[i - 1] in "=(,:|"):
            quote = char
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "|" and not depth:
            yield _some(text[start:i], text, whole)
            start = i + 1
    yield _some(text[start:], text, whole) if start else text


def _some(part: str, text: str, whole: str) -> str:
    if not part.strip():
        raise UsageError(f"{text!r} in {whole!r}: nothing stands beside a |; write 0.5|1|2")
    return part.strip()


def _numbers(ends: re.Match[str], whole: str) -> list[str]:
    """The numbers of a range, written as short as they are."""
    first, last = Decimal(ends[1]), Decimal(ends[2])
    if ends[3] is None and not (first == int(first) and last == int(last)):
        raise UsageError(
            f"{ends[0]!r} in {whole!r}: a range that is not of whole numbers needs a step, "
            f"as {ends[1]}..{ends[2]}..0.5"
        )
    step = Decimal(ends[3] or "1")
    if step <= 0:
        raise UsageError(f"{ends[0]!r} in {whole!r}: the step must be above 0")
    if last < first:
        raise UsageError(f"{ends[0]!r} in {whole!r} runs backwards: write {ends[2]}..{ends[1]}")
    count = int((last - first) / step) + 1
    if count > MOST:
        raise UsageError(f"{ends[0]!r} in {whole!r} has {count:,} numbers; {MOST:,} are the most")
    return [_written(first + step * i) for i in range(count)]


def _written(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
