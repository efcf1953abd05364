"""Facts of the hub as expressions: an API's key, its parameters from seeds or other expressions.

``capital(country_code = country_of(iban = "BE68.."))`` is a question with two hops, and the
expression says how to ask it, how to compute it, and what its parts are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ...core.solution import Operator, Solution
from ...envs.hub.env import answered, call_key
from ...envs.hub.registry import Endpoint
from ...envs.hub.types import TYPES, SemType


@dataclass(frozen=True)
class Seed:
    """A value that the instruction names."""

    type: str
    value: Any


@dataclass(frozen=True)
class Element:
    """One element of a fact that is a list."""

    of: Fact
    index: int

    def facts(self) -> Iterator[Fact]:
        """What it rests on."""
        return self.of.facts()

    def seeds(self) -> Iterator[Seed]:
        """The values that the instruction must name."""
        return self.of.seeds()

    @property
    def shape(self) -> str:
        """Without values."""
        return f"each of {self.of.shape}"

    def value(self) -> Any:
        """The element; None where the list is missing or shorter."""
        found = self.of.value()
        return found[self.index] if isinstance(found, list) and self.index < len(found) else None


@dataclass(frozen=True)
class Fact:
    """One key of one API's response.

    Attributes:
        endpoint: the API.
        key: the key of ``endpoint.returns``.
        inputs: for each required parameter, a seed, another fact, or an element of a list.
            Latitude and longitude of one place are two facts with equal inputs.
    """

    endpoint: Endpoint
    key: str
    inputs: Mapping[str, Input] = field(hash=False)

    @property
    def type(self) -> SemType:
        """The semantic type of the key."""
        return TYPES[self.endpoint.returns[self.key].type]

    def facts(self) -> Iterator[Fact]:
        """This fact and those it rests on, those first that are needed first."""
        for each in self.inputs.values():
            if not isinstance(each, Seed):
                yield from each.facts()
        yield self

    def seeds(self) -> Iterator[Seed]:
        """The values that the instruction must name, in order, each place's once."""
        for each in self.inputs.values():
            if isinstance(each, Seed):
                yield each
            else:
                yield from each.seeds()

    @cached_property
    def shape(self) -> str:
        """The fact without its values: what two tasks of one skeleton share."""
        parts = [
            f"{name}={each.type if isinstance(each, Seed) else each.shape}"
            for name, each in self.inputs.items()
        ]
        return f"{self.endpoint.id}[{self.key}]({', '.join(parts)})"

    def with_input(self, name: str, value: Input) -> Fact:
        """The same fact with another input."""
        return Fact(self.endpoint, self.key, {**self.inputs, name: value})

    def reseeded(self, new: Mapping[Seed, Seed]) -> Fact:
        """The same fact about other values."""
        return Fact(self.endpoint, self.key, {k: _reseed(v, new) for k, v in self.inputs.items()})

    def replaced(self, other: Callable[[Fact], Fact]) -> Fact:
        """The fact with it and all it rests on replaced, those first that are needed first."""
        inputs: dict[str, Input] = {}
        for name, each in self.inputs.items():
            if isinstance(each, Fact):
                inputs[name] = each.replaced(other)
            elif isinstance(each, Element):
                inputs[name] = Element(each.of.replaced(other), each.index)
            else:
                inputs[name] = each
        return other(Fact(self.endpoint, self.key, inputs))

    def value(self) -> Any:
        """What the hub says; None where some call fails or the key is missing."""
        response = self.response()
        return None if response is None else response.get(self.key)

    def response(self) -> dict[str, Any] | None:
        """The response that the key stands in; None where some call fails."""
        arguments = {}
        for name, each in self.inputs.items():
            value = each.value if isinstance(each, Seed) else each.value()
            if value is None:
                return None
            arguments[name] = value
        return ask(self.endpoint, arguments)


Input = Seed | Fact | Element


def _reseed(each: Input, new: Mapping[Seed, Seed]) -> Input:
    if isinstance(each, Seed):
        return new.get(each, each)
    if isinstance(each, Element):
        return Element(each.of.reseeded(new), each.index)
    return each.reseeded(new)


def ask(endpoint: Endpoint, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """The response to a call; None where it fails."""
    text, status = answered(call_key(endpoint.id, arguments))
    if status != 200:
        return None
    response = json.loads(text)["response"]
    return response if isinstance(response, dict) else None


@dataclass
class Calls:
    """The calls that some facts need, in order, each made once."""

    steps: list[tuple[Endpoint, dict[str, Any]]] = field(default_factory=list)

    def refer(self, fact: Fact) -> str:
        """A reference to the fact's value, its calls added."""
        arguments: dict[str, Any] = {}
        for name, each in fact.inputs.items():
            if isinstance(each, Seed):
                arguments[name] = each.value
            elif isinstance(each, Element):
                arguments[name] = self.element(each)
            else:
                arguments[name] = self.refer(each)
        step = (fact.endpoint, arguments)
        if step not in self.steps:
            self.steps.append(step)
        return f"#E{self.steps.index(step) + 1}.{fact.key}"

    def element(self, element: Element) -> str:
        """A reference to an element of a list."""
        return f"{self.refer(element.of)}.{element.index}"

    def solution(
        self,
        operator: Operator,
        of: tuple[str, ...],
        names: tuple[str, ...] = (),
        equals: Any = None,
    ) -> Solution:
        """The solution made of these calls."""
        steps = tuple((endpoint.api.name, arguments) for endpoint, arguments in self.steps)
        return Solution(steps, operator, of, names, equals)

    @property
    def path(self) -> list[str]:
        """Endpoint ids, in order."""
        return [endpoint.id for endpoint, _ in self.steps]


def execute(solution: Solution, endpoints: Mapping[str, Endpoint]) -> tuple[list[str], Any] | None:
    """The observations of a solution and its answer; None where a call fails.

    Args:
        solution: the calls and the formula.
        endpoints: the APIs by function name.
    """
    results: list[str] = []
    for i, (name, _) in enumerate(solution.steps):
        endpoint = endpoints.get(name)
        if endpoint is None:
            return None
        text, status = answered(call_key(endpoint.id, solution.call(i, results).kwargs()))
        if status != 200:
            return None
        results.append(text)
    answer = solution.conclude(results)
    return None if answer is None or answer == "" else (results, answer)
