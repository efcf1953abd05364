"""Which APIs a teacher is shown together: one call's sample, drawn under a seed.

Source: ToolLLM (arXiv 2307.16789), section 2.2. I1 shows one tool with all its APIs; I2 several
tools of one category, and I3 several tools of one collection, with up to three APIs each.
Deviations: a tool with more than MOST APIs shows MOST of them, so that a prompt has an end; where
documents name no collection, I3 follows a path of the hub's type graph, or takes tools of
different categories. Tools that are held out have calls of their own, and appear in no other.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from ...core import API, UsageError
from ...envs.toolbench import free_name
from ..documents import Document
from .held import Held, Tool, tool_of

Level = Literal["I1", "I2", "I3"]
Side = Literal["train", "tool", "cat"]
LEVELS: Final[tuple[Level, ...]] = ("I1", "I2", "I3")
MOST: Final = 30  # APIs that one call shows
# Of ten calls in a row, those that stand on a held-out side.
_TURN: Final[dict[Level, dict[int, Side]]] = {
    "I1": {1: "tool", 2: "cat"},
    "I2": {1: "cat"},
    "I3": {},
}


@dataclass(frozen=True)
class Sample:
    """What one call of the teacher is about.

    Attributes:
        key: level and number, as ``I2/0007``.
        level: I1, I2 or I3.
        side: train, or what is held out: ``tool``, ``cat``.
        documents: the APIs offered, each under a function name of its own.
    """

    key: str
    level: Level
    side: Side
    documents: tuple[Document, ...]

    @property
    def apis(self) -> tuple[API, ...]:
        """The APIs offered."""
        return tuple([document.api for document in self.documents])

    @property
    def tools(self) -> tuple[Tool, ...]:
        """(category, tool) of each tool, in the order they are shown."""
        return tuple(dict.fromkeys(tool_of(api) for api in self.apis))


@dataclass(frozen=True)
class Recipe:
    """How samples are drawn.

    Attributes:
        seed: of all that is drawn.
        fewest, most: tools of an I2 or I3 sample.
        per_tool: APIs of each tool that such a sample shows, at most.
    """

    seed: int = 0
    fewest: int = 2
    most: int = 5
    per_tool: int = 3


class Sampler:
    """Draws the samples of a table.

    Args:
        documents: the table.
        recipe: how.
        held: what training never sees.
    """

    def __init__(self, documents: Sequence[Document], recipe: Recipe, held: Held) -> None:
        self.recipe, self.held = recipe, held
        self._tools: dict[Tool, list[Document]] = defaultdict(list)
        for document in documents:
            self._tools[tool_of(document.api)].append(document)
        self._sides: dict[Side, list[Tool]] = {"train": [], "tool": [], "cat": []}
        for tool in sorted(self._tools):
            self._sides[held.side(tool)].append(tool)
        self._paths = _HubPaths(documents) if _from_hub(documents) else None

    @property
    def tools(self) -> int:
        """How many tools there are."""
        return len(self._tools)

    def draw(self, level: Level) -> Iterator[Sample]:
        """The samples of a level, without end: the same ones each time.

        Raises:
            UsageError: the table has nothing to draw this level from.
        """
        turns: dict[Side, Iterator[list[Document]]] = {}
        for side in ("train", "tool", "cat"):
            rng = random.Random(f"{self.recipe.seed}/{level}/{side}")
            if (found := self._source(level, side, rng)) is not None:
                turns[side] = found
        if "train" not in turns:
            raise UsageError(_nothing(level))
        number = 0
        while True:
            wanted: Side = _TURN[level].get(number % 10, "train")
            side = wanted if wanted in turns else "train"
            shown = named_apart(next(turns[side]))
            yield Sample(f"{level}/{number:04d}", level, side, shown)
            number += 1

    def _source(
        self, level: Level, side: Side, rng: random.Random
    ) -> Iterator[list[Document]] | None:
        tools = self._sides[side]
        if level == "I1":
            return self._single(tools, rng) if tools else None
        if level == "I2":
            groups = _grouped((tool[0], tool) for tool in tools)
            return self._several(groups, rng) if groups and side != "tool" else None
        if side != "train":
            return None
        collections = _grouped(
            (name, tool) for tool in tools for name in self._collections_of(tool)
        )
        if collections:
            return self._several(collections, rng)
        if self._paths is not None and self._paths.usable(set(tools)):
            return self._along(set(tools), rng)
        return self._across(tools, rng) if len({tool[0] for tool in tools}) > 1 else None

    def _single(self, tools: Sequence[Tool], rng: random.Random) -> Iterator[list[Document]]:
        """Each tool once, in a drawn order; then each once more in another."""
        while True:
            for tool in rng.sample(list(tools), len(tools)):
                yield _some(self._tools[tool], MOST, rng)

    def _several(
        self, groups: Mapping[str, Sequence[Tool]], rng: random.Random
    ) -> Iterator[list[Document]]:
        """Tools of one group; groups with more tools come more often, as in ToolBench."""
        names = sorted(groups)
        weights = [len(groups[name]) for name in names]
        while True:
            [name] = rng.choices(names, weights)
            yield self._shown(
                rng.sample(list(groups[name]), self._size(len(groups[name]), rng)), rng
            )

    def _across(self, tools: Sequence[Tool], rng: random.Random) -> Iterator[list[Document]]:
        """Tools of different categories."""
        groups: dict[str, list[Tool]] = defaultdict(list)
        for tool in tools:
            groups[tool[0]].append(tool)
        while True:
            names = rng.sample(sorted(groups), self._size(len(groups), rng))
            yield self._shown([rng.choice(groups[name]) for name in names], rng)

    def _along(self, tools: set[Tool], rng: random.Random) -> Iterator[list[Document]]:
        """Tools that a path of the hub's type graph joins: one's answer is another's argument."""
        assert self._paths is not None
        while True:
            path = self._paths.draw(rng, tools, self._size(self.recipe.most, rng))
            chosen = dict.fromkeys(tool_of(document.api) for document in path)
            yield self._shown(list(chosen), rng, path)

    def _size(self, there: int, rng: random.Random) -> int:
        """How many tools, of so many there."""
        most = min(self.recipe.most, there)
        return rng.randint(min(self.recipe.fewest, most), most)

    def _shown(
        self, tools: Sequence[Tool], rng: random.Random, first: Sequence[Document] = ()
    ) -> list[Document]:
        shown: list[Document] = []
        for tool in tools:
            kept = [document for document in first if tool_of(document.api) == tool]
            others = [d for d in self._tools[tool] if d not in kept]
            shown += kept + _some(others, max(0, self.recipe.per_tool - len(kept)), rng)
        return shown

    def _collections_of(self, tool: Tool) -> set[str]:
        return {name for document in self._tools[tool] for name in collections_of(document)}


def collections_of(document: Document) -> list[str]:
    """The collections of a tool, as its provider says (``collection``: a name, or several)."""
    told = document.extra.get("collection") or document.extra.get("collections") or ()
    listed = [told] if isinstance(told, str) else told
    return [str(each) for each in listed] if isinstance(listed, list | tuple) else []


def named_apart(documents: Iterable[Document]) -> tuple[Document, ...]:
    """The documents, each under a function name that no other of them has."""
    named: dict[str, Document] = {}
    for document in documents:
        name = free_name(document.api.name, named)
        named[name] = replace(document, api=replace(document.api, name=name))
    return tuple(named.values())


def _some(documents: Sequence[Document], most: int, rng: random.Random) -> list[Document]:
    """So many of them, in their order."""
    if len(documents) <= most:
        return list(documents)
    return [documents[i] for i in sorted(rng.sample(range(len(documents)), most))]


def _grouped(pairs: Iterable[tuple[str, Tool]]) -> dict[str, list[Tool]]:
    """The groups that have at least two tools."""
    groups: dict[str, list[Tool]] = defaultdict(list)
    for name, tool in pairs:
        groups[name].append(tool)
    return {name: tools for name, tools in groups.items() if len(tools) > 1}


def _nothing(level: Level) -> str:
    needs = {
        "I1": "a tool",
        "I2": "a category with two tools",
        "I3": "a collection with two tools, or tools of two categories",
    }[level]
    return f"the table has nothing for {level}: it needs {needs} that is not held out"


def _from_hub(documents: Sequence[Document]) -> bool:
    return any(document.source.partition(":")[0] == "hub" for document in documents)


class _HubPaths:
    """Paths of the hub's type graph, over the documents of a table that are the hub's."""

    def __init__(self, documents: Sequence[Document]) -> None:
        try:
            from ...benchmarks.hub.graph import feeds, is_hop
            from ...envs.hub.registry import by_function
        except ImportError:  # without the hub's libraries there is no graph: any categories do
            self._next: dict[str, list[str]] = {}
            return
        known: Mapping[str, Any] = by_function()
        self._documents = {d.api.name: d for d in documents if d.api.name in known}
        made = {
            name: {g.type for g in known[name].returns.values() if is_hop(g)}
            for name in self._documents
        }
        taken = {
            name: {known[name].params[each].type for each in known[name].required}
            for name in self._documents
        }
        fits = {
            (a, b): feeds(a, b)
            for a in sorted({t for each in made.values() for t in each})
            for b in sorted({t for each in taken.values() for t in each})
        }
        self._next = {
            one: [
                other
                for other in self._documents
                if self._documents[one].api.category != self._documents[other].api.category
                and any(fits[a, b] for a in made[one] for b in taken[other])
            ]
            for one in self._documents
        }

    def usable(self, tools: set[Tool]) -> bool:
        """Whether any path over these tools exists."""
        return any(self._after(name, tools) for name in self._next if self._in(name, tools))

    def draw(self, rng: random.Random, tools: set[Tool], length: int) -> list[Document]:
        """A path of at most so many APIs, of at least two categories."""
        starts = [n for n in self._next if self._in(n, tools) and self._after(n, tools)]
        path = [rng.choice(starts)]
        while len(path) < length:
            seen = {tool_of(self._documents[name].api) for name in path}
            after = [
                name
                for name in self._after(path[-1], tools)
                if tool_of(self._documents[name].api) not in seen
            ]
            if not after:
                break
            path.append(rng.choice(after))
        return [self._documents[name] for name in path]

    def _in(self, name: str, tools: set[Tool]) -> bool:
        return tool_of(self._documents[name].api) in tools

    def _after(self, name: str, tools: set[Tool]) -> list[str]:
        return [other for other in self._next[name] if self._in(other, tools)]
