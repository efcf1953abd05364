"""Certificates: another path reaches the same answer when an endpoint of the path is dead.

Two keys are mirrors where they take the same types and, measured over many entities, agree. A
certificate is made for one question and executed: it holds on this instance, not by analogy.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ...envs.hub.registry import Endpoint, by_function
from ...envs.hub.types import TYPES
from .expressions import Fact, Input, Seed, execute
from .filters import same
from .graph import complete, pool
from .questions import Question

DRAWS: Final = 40
ENOUGH: Final = 10  # valid draws, and
DISTINCT: Final = 6  # distinct values among them, below which agreement may be chance
AGREEMENT: Final = 0.85
HOPELESS: Final = 8  # draws after which a pair that disagrees is given up


@dataclass
class Mirrors:
    """Which facts say the same as others, measured once a pair.

    A mirror of a key is another API's key that takes the same types, or two calls in a row whose
    first takes the one parameter and whose second gives the key's type.
    """

    apis: Sequence[Endpoint]
    _known: dict[tuple[str, str], list[Fact]] = field(default_factory=dict)
    _alike: dict[tuple[str, ...], list[tuple[Endpoint, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for endpoint in self.apis:
            for key, gives in endpoint.returns.items():
                if complete(endpoint, gives):
                    self._alike.setdefault(signature(endpoint, key), []).append((endpoint, key))

    def of(self, fact: Fact) -> list[Fact]:
        """Facts of other APIs about the same inputs that say the same."""
        name = (fact.endpoint.id, fact.key)
        if name not in self._known:
            pattern = patterned(fact.endpoint, fact.key)
            self._known[name] = [m for m in self._candidates(pattern) if measure(pattern, m)]
        inputs = list(fact.inputs.values())
        return [_about(pattern, inputs) for pattern in self._known[name]]

    def _candidates(self, fact: Fact) -> Iterator[Fact]:
        """What might say the same: one call first, then two."""
        endpoint, own = fact.endpoint, signature(fact.endpoint, fact.key)
        for other, key in self._alike.get(own, ()):
            if other is not endpoint:
                yield Fact(other, key, renamed(fact, other))
        if len(endpoint.required) != 1 or TYPES[own[0]].kind == "array":
            return
        for (made, *taken), lasts in sorted(self._alike.items()):
            if made != own[0] or len(taken) != 1 or not TYPES[taken[0]].links:
                continue
            for first, via in self._alike.get((taken[0], own[1]), ()):
                for last, key in lasts:
                    if endpoint in (first, last) or first is last or taken[0] == own[1]:
                        continue
                    hop = Fact(first, via, renamed(fact, first))
                    yield Fact(last, key, {last.required[0]: hop})

    def certificates(self, question: Question, answer: Any) -> dict[str, list[dict[str, Any]]]:
        """For each endpoint of the path that can be done without: the other ways, executed."""
        out: dict[str, list[dict[str, Any]]] = {}
        for dead in question.apis():
            ways = [
                way for other in self._without(question, dead)
                if (way := _way(other, dead.id, answer, question)) is not None
            ]  # fmt: skip
            if ways:
                out[dead.id] = ways[:2]
        return out

    def _without(self, question: Question, dead: Endpoint) -> list[Question]:
        """The question asked without an endpoint, in each way that there is."""
        choices: list[str] = []
        for fact in question.every_fact():
            if fact.endpoint is dead:
                choices += map(route, self.of(fact))
        found = []
        for choice in dict.fromkeys(choices):

            def swapped(fact: Fact, choice: str = choice) -> Fact:
                if fact.endpoint is not dead:
                    return fact
                return next((m for m in self.of(fact) if route(m) == choice), fact)

            facts = tuple(fact.replaced(swapped) for fact in question.facts)
            group = None if question.group is None else question.group.replaced(swapped)
            found.append(Question(question.operator, facts, question.equals, group,
                                  question.varied))  # fmt: skip
        return found


def _way(question: Question, dead: str, answer: Any, original: Question) -> dict[str, Any] | None:
    solution, path = question.solution()
    if dead in path:
        return None
    done = execute(solution, by_function())
    if done is None or not _agrees(done[1], answer, original):
        return None
    return {"path": list(dict.fromkeys(path)), "solution": solution.to_json()}


def _agrees(a: Any, b: Any, question: Question) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        types = [fact.type for fact in question.facts]
        return len(a) == len(b) and all(map(same, a, b, types))
    return same(a, b, question.type)


def signature(endpoint: Endpoint, key: str) -> tuple[str, ...]:
    """What a mirror must share: the type of the key, and those of the required parameters."""
    taken = sorted(endpoint.params[name].type for name in endpoint.required)
    return (endpoint.returns[key].type, *taken)


def renamed(fact: Fact, endpoint: Endpoint) -> dict[str, Input]:
    """The fact's inputs under the other API's parameter names, matched by type and order."""
    left = [(fact.endpoint.params[name].type, each) for name, each in fact.inputs.items()]
    inputs: dict[str, Input] = {}
    for name in endpoint.required:
        at = next(i for i, (t, _) in enumerate(left) if t == endpoint.params[name].type)
        inputs[name] = left.pop(at)[1]
    return inputs


def patterned(endpoint: Endpoint, key: str) -> Fact:
    """The fact with its parameters' places for inputs: seeds that are numbered."""
    inputs: dict[str, Input] = {
        name: Seed(endpoint.params[name].type, Place(i)) for i, name in enumerate(endpoint.required)
    }
    return Fact(endpoint, key, inputs)


class Place(int):
    """The place of an input in a pattern."""


def _about(pattern: Fact, inputs: Sequence[Input]) -> Fact:
    """A pattern with its places filled."""

    def filled(each: Input) -> Input:
        if isinstance(each, Seed) and isinstance(each.value, Place):
            return inputs[each.value]
        return _about(each, inputs) if isinstance(each, Fact) else each

    return Fact(pattern.endpoint, pattern.key, {k: filled(v) for k, v in pattern.inputs.items()})


def route(fact: Fact) -> str:
    """The APIs of a fact that its last two calls use: names one kind of mirror."""
    before = [e.endpoint.id for e in fact.inputs.values() if isinstance(e, Fact)]
    return f"{fact.endpoint.id}.{fact.key} < {before[:1]}"


def measure(a: Fact, b: Fact) -> bool:
    """Whether two patterns agree over entities, often enough and over distinct values."""
    rng = random.Random(f"{a.shape}/{b.shape}")
    met, agreed, values = 0, 0, set()
    for draw in range(DRAWS):
        inputs: list[Input] = []
        for name in a.endpoint.required:
            type = a.endpoint.params[name].type
            choices = pool(type, "train")
            if not choices:
                return False
            inputs.append(Seed(type, rng.choice(choices)))
        x, y = _about(a, inputs).value(), _about(b, inputs).value()
        if draw == HOPELESS and (met < 2 or agreed < met / 2):
            return False
        if x is None or y is None:
            continue
        met += 1
        agreed += same(x, y, a.type)
        values.add(json.dumps(x, default=str))
    enough = met >= ENOUGH and len(values) >= DISTINCT
    return enough and agreed >= AGREEMENT * met


def renames(apis: Mapping[str, Endpoint], path: Sequence[str]) -> dict[str, list[str]]:
    """For endpoints of a path: a parameter that documentation could misname, and its other name."""
    out = {}
    for id in dict.fromkeys(path):
        endpoint = apis[id]
        if len(endpoint.required) == 1:
            [told] = endpoint.required
            real = "query" if told not in ("query", "q") else "term"
            out[id] = [told, real]
    return out
