"""What makes a question fit to ask: it can be answered, every hop matters, nothing is shorter."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ...envs.hub.registry import Endpoint
from ...envs.hub.types import TYPES, SemType
from .expressions import Fact, Input, Seed
from .graph import Graph, Side, feeds, pool
from .questions import Question

DRAWS: Final = 4
TRIES: Final = 14
LONGEST_ANSWER: Final = 80


@dataclass
class Filters:
    """Counts what each filter turned away.

    Attributes:
        dropped: how many questions, by reason.
    """

    graph: Graph
    side: Side
    dropped: Counter[str] = field(default_factory=Counter)

    def passes(self, question: Question, answer: Any, rng: random.Random) -> bool:
        """Whether the question is fit to ask."""
        reason = self.reason(question, answer, rng)
        self.dropped[reason or "kept"] += 1
        return not reason

    def reason(self, question: Question, answer: Any, rng: random.Random) -> str:
        """Why it is not, or ""."""
        parts = answer if isinstance(answer, list) else [answer]
        if any(isinstance(part, list | dict) for part in parts):
            return "answer is a list"
        if any(len(str(part)) > LONGEST_ANSWER for part in parts):
            return "answer is long"
        if any(repeats(fact) for fact in question.every_fact()):
            return "a fact is about one thing twice"
        if echoes(question, parts):
            return "answer is in the question"
        if any(circles(fact) for fact in question.every_fact()):
            return "a hop leads back"
        if question.operator in ("argmax", "argmin", "difference") and close(question):
            return "values are too close"
        for fact in question.facts if question.group is None else question.facts[:1]:
            if not all(necessary(fact, hop, rng, self.side) for hop in hops(fact)):
                return "a hop does not matter"
        if question.operator in ("value", "both"):
            for fact in question.facts:
                if self._shorter(fact, rng):
                    return "there is a shorter way"
        return ""

    def _shorter(self, fact: Fact, rng: random.Random) -> bool:
        """Whether fewer calls from the same seeds reach the same value, and not by chance."""
        calls = len({id(f.endpoint) for f in fact.facts()})
        if calls < 2:
            return False
        value = fact.value()
        for other in self._ways(fact, calls - 1):
            if same(other.value(), value, fact.type) and agree(fact, other, rng, self.side):
                return True
        return False

    def _ways(self, fact: Fact, calls: int) -> Iterator[Fact]:
        """Facts of the same type that fewer calls reach from the seeds of a fact."""
        known: list[tuple[str, Input]] = [(seed.type, seed) for seed in fact.seeds()]
        seen = {f.endpoint.id for f in fact.facts()}
        yield from self._reach(known, fact)
        if calls < 2:
            return
        further: list[tuple[str, Input]] = []
        for endpoint in self.graph.apis:
            if endpoint.id in seen and len(seen) > 3:
                continue
            inputs = fill(endpoint, known)
            if inputs is None:
                continue
            for key, gives in endpoint.returns.items():
                if TYPES[gives.type].links and TYPES[gives.type].kind != "array":
                    further.append((gives.type, Fact(endpoint, key, inputs)))
        yield from self._reach([*further[:150], *known], fact)

    def _reach(self, known: Sequence[tuple[str, Input]], fact: Fact) -> Iterator[Fact]:
        wanted = fact.type.name
        for endpoint in self.graph.apis:
            keys = [k for k, gives in endpoint.returns.items() if gives.type == wanted]
            if not keys or endpoint is fact.endpoint and len(endpoint.required) != 1:
                continue
            if len(endpoint.required) == 1:
                [name] = endpoint.required
                taken = endpoint.params[name].type
                for type, each in known:
                    if feeds(type, taken):
                        for key in keys:
                            yield Fact(endpoint, key, {name: each})
            elif (inputs := fill(endpoint, known)) is not None:
                for key in keys:
                    yield Fact(endpoint, key, inputs)


def fill(endpoint: Endpoint, known: Sequence[tuple[str, Input]]) -> dict[str, Input] | None:
    """Inputs for all required parameters from what is known, the first that fits; None if not."""
    inputs: dict[str, Input] = {}
    left = list(known)
    for name in endpoint.required:
        at = next((i for i, (t, _) in enumerate(left) if feeds(t, endpoint.params[name].type)), -1)
        if at < 0:
            return None
        inputs[name] = left.pop(at)[1]
    return inputs


def hops(fact: Fact) -> list[tuple[Fact, str]]:
    """The parameters that are fed by other facts, and the facts whose parameters they are."""
    return [
        (owner, name)
        for owner in fact.facts()
        for name, each in owner.inputs.items()
        if isinstance(each, Fact) and each.type.name != "longitude"
    ]


def necessary(fact: Fact, hop: tuple[Fact, str], rng: random.Random, side: Side) -> bool:
    """Whether other values in place of the hop change the answer in half of the draws or more."""
    owner, name = hop
    fed = owner.inputs[name]
    assert isinstance(fed, Fact)
    values = pool(owner.endpoint.params[name].type, side)
    base, changed = fact.value(), 0
    for _ in range(DRAWS):
        if values:
            new: dict[str, Input] = {name: Seed(fed.type.name, rng.choice(values))}
        else:
            shifted = reseed(fed, rng, side)
            if shifted is None:
                return True
            new = {name: shifted}
        if fed.type.name == "latitude":
            lon = next(n for n, e in owner.inputs.items()
                       if isinstance(e, Fact) and e.type.name == "longitude"
                       and e.inputs == fed.inputs)  # fmt: skip
            new[lon] = Seed("longitude", rng.choice(pool("longitude", side) or (0.0,)))

        def swapped(each: Fact, new: dict[str, Input] = new) -> Fact:
            if each.endpoint is owner.endpoint and each.inputs == owner.inputs:
                return Fact(each.endpoint, each.key, {**each.inputs, **new})
            return each

        changed += not same(fact.replaced(swapped).value(), base, fact.type)
    return 2 * changed >= DRAWS


def reseed(fact: Fact, rng: random.Random, side: Side) -> Fact | None:
    """The same fact about other entities."""
    new = {}
    for seed in fact.seeds():
        values = pool(seed.type, side)
        if not values:
            return None
        new[seed] = Seed(seed.type, rng.choice(values))
    return fact.reseeded(new)


def agree(fact: Fact, other: Fact, rng: random.Random, side: Side) -> bool:
    """Whether two facts agree about fresh entities, and not because all values are alike."""
    seeds = list(dict.fromkeys(fact.seeds()))
    met, agreed, values = 0, 0, set()
    for _ in range(TRIES):
        new = {}
        for seed in seeds:
            choices = pool(seed.type, side)
            if choices:
                new[seed] = Seed(seed.type, rng.choice(choices))
        a = fact.reseeded(new).value()
        if a is None:
            continue
        met += 1
        values.add(json.dumps(a, default=str))
        agreed += same(a, other.reseeded(new).value(), fact.type)
        if met >= 8:
            break
    return met >= 4 and len(values) >= min(4, met - 1) and agreed >= 0.85 * met


def repeats(fact: Fact) -> bool:
    """Whether two parameters of one type have the same input."""
    given = [(fact.endpoint.params[n].type, repr(each)) for n, each in fact.inputs.items()]
    return len(set(given)) < len(given)


def circles(fact: Fact) -> bool:
    """Whether the fact's value is one that it rests on: a conversion there and back."""
    value, before = fact.value(), [f for f in fact.facts() if f is not fact]
    if isinstance(value, bool | list) or str(value) in ("0", "1", "2", "3", "4", "5"):
        return False
    known = [(f.type.name, f.value()) for f in before] if before else []
    known += [(s.type, s.value) for s in fact.seeds()] if before else []
    return any(feeds(type, fact.type.name) and each == value for type, each in known)


def echoes(question: Question, parts: Sequence[Any]) -> bool:
    """Whether an answer is a value or a name that the instruction holds."""
    if question.varied:
        return False
    given = {str(seed.value).casefold() for seed in question.seeds()}
    return any(str(part).casefold() in given for part in parts)


def close(question: Question) -> bool:
    """Whether the values compared are too alike to tell for sure."""
    values = [fact.value() for fact in question.facts]
    if any(not isinstance(v, int | float) or isinstance(v, bool) for v in values):
        return True
    ranked = sorted(values)
    gaps = [b - a for a, b in zip(ranked, ranked[1:], strict=False)]
    scale = max(abs(v) for v in values) or 1
    if question.operator == "difference":
        return bool(gaps[0] < 0.02 * scale)
    gap = gaps[-1] if question.operator == "argmax" else gaps[0]
    return bool(gap < 0.02 * scale)


def same(a: Any, b: Any, type: SemType) -> bool:
    """Whether two values of a type are equal, as nearly as its answers must be."""
    if a is None or b is None:
        return False
    numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in (a, b))
    if type.compare == "number" and numbers:
        return math.isclose(a, b, rel_tol=max(type.tolerance, 1e-6), abs_tol=1e-6)
    return bool(a == b)
