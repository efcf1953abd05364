"""Questions: a formula over facts, with its words and its solution."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from ...core.solution import Operator, Solution
from ...envs.hub.registry import Endpoint
from ...envs.hub.types import TYPES, SemType
from .expressions import Calls, Element, Fact, Seed
from .graph import Graph, Level, complete, level_of
from .wording import NO_WHAT_IS, Speaker, enumerate_words, names_of

# Types that a person names and that are no codes: what a comparison may be between.
NAMED: Final = frozenset(
    ("actor", "city_name", "director", "element_name", "food", "movie_title", "person", "place")
    + ("planet", "star", "us_city", "us_place")
)
SHARES: Final[dict[Operator, float]] = {
    "value": 0.50,
    "both": 0.20,
    "argmax": 0.08,
    "argmin": 0.04,
    "difference": 0.07,
    "sum": 0.04,
    "where": 0.04,
    "count": 0.03,
}
MOST_STEPS: Final = 7


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        operator: how the answer follows from the facts.
        facts: what it follows from, in order.
        equals: for ``where`` and ``count``: the value that is looked for.
        group: the list whose elements the facts are about, where they are.
        varied: the seed in which each fact differs, where they are instances of one.
    """

    operator: Operator
    facts: tuple[Fact, ...]
    equals: Any = None
    group: Fact | None = None
    varied: tuple[Seed, ...] = ()

    @property
    def type(self) -> SemType:
        """The semantic type of the answer (of the first part, for ``both``)."""
        first = self.facts[0]
        if self.operator in ("argmax", "argmin", "where"):
            return TYPES[first_element(first).of.type.items if self.group else self.varied[0].type]
        return TYPES["count"] if self.operator == "count" else first.type

    @property
    def skeleton(self) -> str:
        """The question without its values: tasks of one skeleton stand on one side."""
        shapes = sorted({fact.shape for fact in self.facts})
        return f"{self.operator}: {'; '.join(shapes)}"

    def apis(self) -> list[Endpoint]:
        """The APIs that the solution calls, each once."""
        return list({f.endpoint.id: f.endpoint for f in self.every_fact()}.values())

    def every_fact(self) -> Iterator[Fact]:
        """All facts, those first that are needed first."""
        for fact in self.facts:
            yield from fact.facts()

    def seeds(self) -> list[Seed]:
        """The values that the instruction names, each once."""
        return list(dict.fromkeys(seed for fact in self.facts for seed in fact.seeds()))

    @property
    def level(self) -> Level:
        """I1, I2 or I3."""
        return level_of(self.apis())

    def solution(self) -> tuple[Solution, list[str]]:
        """The solution, and the endpoint ids of its path."""
        calls = Calls()
        of = tuple(calls.refer(fact) for fact in self.facts)
        names: tuple[str, ...] = ()
        if self.operator in ("argmax", "argmin", "where"):
            if self.group is not None:
                names = tuple(calls.element(first_element(fact)) for fact in self.facts)
            else:
                names = tuple(str(seed.value) for seed in self.varied)
        return calls.solution(self.operator, of, names, self.equals), calls.path

    def text(self, speaker: Speaker) -> str:
        """The instruction."""
        first = self.facts[0]
        match self.operator:
            case "value":
                return speaker.question(first)
            case "both":
                return _both(speaker, first, self.facts[1])
            case "difference":
                parts = [speaker.phrase(fact) for fact in self.facts]
                frame = speaker.rng.choice(DIFFERENCES)
                return frame.format(*parts)
            case "sum":
                parts = [speaker.phrase(fact) for fact in self.facts]
                return speaker.rng.choice(SUMS).format(*parts)
            case "argmax" | "argmin":
                return self._ranking(speaker, self.operator == "argmax")
            case "where" | "count":
                assert self.group is not None
                words = Speaker(speaker.rng)
                looked = words.thing(first) if first.type.entity else words.phrase(first)
                group = speaker.thing(self.group)
                value = equal_words(first.type, self.equals)
                frames = WHERES if self.operator == "where" else COUNTS
                said = frames[0 if looked.startswith("whether") else 1]
                return said.format(group=group, phrase=looked.removeprefix("whether "), value=value)

    def _ranking(self, speaker: Speaker, most: bool) -> str:
        best = "largest" if most else "smallest"
        if self.group is not None:
            group = speaker.thing(self.group)
            phrase = speaker.phrase(self.facts[0])
            frame = speaker.rng.choice(GROUPS)
            return frame.format(group=group, phrase=phrase, best=best)
        names = [speaker.name(seed) for seed in self.varied]
        fact = self.facts[0]
        if list(fact.inputs.values()) != [self.varied[0]]:  # "of A, B and C and D" says nothing
            lettered = zip("abc", self.facts, strict=False)
            each = "; ".join(f"({letter}) {speaker.phrase(f)}" for letter, f in lettered)
            return f"Compare {each}. Is it {best} for {enumerate_words(names, 'or')}?"
        [slot] = fact.inputs
        phrase = speaker.phrase(fact, {slot: enumerate_words(names)})
        frame = speaker.rng.choice(RANKINGS)
        shown = enumerate_words(names, "or")
        return frame.format(phrase=phrase, best=best, n=len(names), names=shown)


DIFFERENCES: Final = (
    "What is the difference between {0} and {1}?",
    "How far apart are {0} and {1}?",
    "By how much do {0} and {1} differ?",
)
SUMS: Final = (
    "What do {0} and {1} add up to?",
    "What is the sum of {0} and {1}?",
    "Add up {0} and {1}: what is the total?",
)
RANKINGS: Final = (
    "Compare {phrase}: which of the {n} has the {best} value?",
    "Look at {phrase}. For which of the {n} is it {best}?",
    "I'm comparing {phrase}. Is it {best} for {names}?",
)
GROUPS: Final = (
    "Consider {group}. For which of them is {phrase} the {best}?",
    "Among {group}, for which one is {phrase} the {best}?",
)
WHERES: Final = (
    "Consider {group}. For which of them is it true that {phrase}?",
    "Consider {group}. For which of them is {phrase} {value}?",
)
COUNTS: Final = (
    "Consider {group}. For how many of them is it true that {phrase}?",
    "Consider {group}. For how many of them is {phrase} {value}?",
)


def _both(speaker: Speaker, first: Fact, second: Fact) -> str:
    said, phrase = speaker.question(first), speaker.phrase(second)
    if not said.endswith("?"):
        return f"{said[:-1]}, and also {phrase}."
    return f"{said} And {'tell me' if re.match(NO_WHAT_IS, phrase) else 'what is'} {phrase}?"


def equal_words(type: SemType, value: Any) -> str:
    """A value in words, for "is the value ..."."""
    return names_of(type.name, value)[0]


def first_element(fact: Fact) -> Element:
    """The element of a list that the fact is about."""
    for each in fact.inputs.values():
        if isinstance(each, Element):
            return each
        if isinstance(each, Fact):
            return first_element(each)
    raise ValueError(f"{fact.shape} is not about an element")


def answerable(endpoint: Endpoint, key: str) -> bool:
    """Whether a question may end with the key."""
    gives = endpoint.returns[key]
    kind = TYPES[gives.type]
    places = ("latitude", "longitude")
    return complete(endpoint, gives) and kind.kind != "array" and kind.name not in places


class Asker:
    """Draws questions of a level.

    Args:
        graph: whose facts.
        lists: whether list questions may be drawn.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.roots: dict[str, list[tuple[Endpoint, str]]] = {}
        for endpoint in graph.apis:
            for key in endpoint.returns:
                if answerable(endpoint, key):
                    self.roots.setdefault(endpoint.tool.name, []).append((endpoint, key))
        self.groups = [
            (e, key) for e in graph.apis for key, gives in e.returns.items()
            if TYPES[gives.type].kind == "array" and complete(e, gives)
            and any(_takes_one(c, TYPES[gives.type].items) for c in graph.apis)
        ]  # fmt: skip

    def draw(self, rng: random.Random, level: Level) -> Question | None:
        """A question of the level, or None where this draw came to nothing."""
        operator = rng.choices(list(SHARES), list(SHARES.values()))[0]
        listed = operator in ("where", "count") or (
            operator in ("argmax", "argmin") and rng.random() < 0.5
        )
        made = self._listed(rng, level, operator) if listed else self._plain(rng, level, operator)
        return made if made is not None and made.level == level else None

    def _root(self, rng: random.Random, near: Endpoint | None = None) -> tuple[Endpoint, str]:
        if near is not None:
            return rng.choice(self.roots[near.tool.name])
        return rng.choice(self.roots[rng.choice(sorted(self.roots))])

    def _near(self, level: Level, endpoint: Endpoint) -> Endpoint | None:
        return None if level == "I3" else endpoint

    def _fact(
        self, rng: random.Random, level: Level, calls: int, root: tuple[Endpoint, str]
    ) -> Fact | None:
        return self.graph.draw(rng, *root, calls, self._near(level, root[0]))

    def _plain(self, rng: random.Random, level: Level, operator: Operator) -> Question | None:
        root = self._root(rng)
        match operator:
            case "value":
                lengths = {"I1": (1, 2, 2, 3), "I2": (2, 2, 3, 4), "I3": (2, 3, 3, 4, 5)}
                length = rng.choice(lengths[level])
                fact = self._fact(rng, level, length, root)
                if fact is None or (length > 1 and len(list(fact.facts())) < 2):
                    return None
                return Question("value", (fact,))
            case "both" if level != "I3" or rng.random() < 0.4:
                lengths = {"I1": (1, 1, 2), "I2": (1, 1, 2), "I3": (1, 2, 2, 3)}
                first = self._fact(rng, level, rng.choice(lengths[level]), root)
                other = self._root(rng, root[0] if level == "I1" else None)
                second = self._fact(rng, level, rng.choice(lengths[level]), other)
                if first is None or second is None or first.shape == second.shape:
                    return None
                if rng.random() < 0.6:
                    second = _about_the_same(first, second)
                return Question("both", (first, second))
            case "both":
                return None
            case _:
                return self._instances(rng, level, operator, root)

    def _instances(
        self, rng: random.Random, level: Level, operator: Operator, root: tuple[Endpoint, str]
    ) -> Question | None:
        """One fact about two or three things."""
        kind = TYPES[root[0].returns[root[1]].type]
        if kind.compare != "number" or kind.name in ("latitude", "longitude", "year", "month"):
            return None
        calls = {"I1": (1, 1, 2), "I2": (2,), "I3": (2, 2, 3)}[level]
        first = self._fact(rng, level, rng.choice(calls), root)
        if first is None:
            return None
        named = [s for s in first.seeds() if TYPES[s.type].entity or s.type in NAMED]
        if not named:
            return None
        n = 3 if operator in ("argmax", "argmin") else 2
        varied = [rng.choice(named)]
        for _ in range(8):
            seed = self.graph.seed(rng, varied[0].type)
            if seed is not None and seed not in varied and len(varied) < n:
                varied.append(seed)
        if len(varied) < n:
            return None
        facts = tuple(first.reseeded({varied[0]: seed}) for seed in varied)
        return Question(operator, facts, varied=tuple(varied))

    def _listed(self, rng: random.Random, level: Level, operator: Operator) -> Question | None:
        """One fact about each element of a list."""
        if not self.groups:
            return None
        endpoint, key = rng.choice(self.groups)
        near = self._near(level, endpoint)
        calls = rng.choice({"I1": (1,), "I2": (1, 1, 2), "I3": (1, 2, 2)}[level])
        group = self.graph.draw(rng, endpoint, key, calls, near)
        if group is None:
            return None
        found = group.value()
        if not isinstance(found, list) or not 2 <= len(found) <= 5 or len(set(map(str, found))) < 2:
            return None
        numeric = operator in ("argmax", "argmin")
        consumers = [
            (e, k) for e in self.graph.apis for k in e.returns
            if e is not endpoint and _takes_one(e, TYPES[group.type.items].name)
            and answerable(e, k) and _suits(e, k, numeric)
            and (near is None or e.tool.category == near.tool.category)
        ]  # fmt: skip
        if not consumers:
            return None
        consumer, k = rng.choice(consumers)
        taken = next(n for n in consumer.required
                     if consumer.params[n].type == TYPES[group.type.items].name)  # fmt: skip
        inputs: dict[str, Seed] = {}
        for name in consumer.required:
            if name != taken:
                seed = self.graph.seed(rng, consumer.params[name].type)
                if seed is None:
                    return None
                inputs[name] = seed
        facts = tuple(
            Fact(consumer, k, {
                n: Element(group, i) if n == taken else inputs[n] for n in consumer.required
            })
            for i in range(len(found))
        )  # fmt: skip
        equals = None
        if not numeric:
            values = [fact.value() for fact in facts]
            if any(v is None or isinstance(v, list | dict) for v in values):
                return None
            once = sorted({str(v) for v in values if values.count(v) == 1})
            shared = sorted({str(v) for v in values if 1 < values.count(v) < len(values)})
            wanted = once if operator == "where" else shared
            if not wanted or (consumer.returns[k].type == "bool" and "False" in wanted):
                return None
            choice = rng.choice(wanted)
            equals = next(v for v in values if str(v) == choice)
        return Question(operator, facts, equals, group)


def _about_the_same(first: Fact, second: Fact) -> Fact:
    """The second fact about what the first is about, where the types allow."""
    known = {seed.type: seed for seed in first.seeds()}
    new = {seed: known[seed.type] for seed in second.seeds() if seed.type in known}
    return second.reseeded(new)


def _takes_one(endpoint: Endpoint, type: str) -> bool:
    """Whether the API has exactly one required parameter of the type."""
    return [endpoint.params[name].type for name in endpoint.required].count(type) == 1


def _suits(endpoint: Endpoint, key: str, numeric: bool) -> bool:
    kind = TYPES[endpoint.returns[key].type]
    if numeric:
        return kind.compare == "number" and kind.name not in ("year", "month")
    return kind.compare in ("exact", "name", "bool") and kind.name != "text"
