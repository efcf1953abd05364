"""The hub's type graph: which API's key can be another's parameter, and facts drawn from it."""

from __future__ import annotations

import importlib.metadata
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final, Literal

from ...envs.hub.entities import ENTITIES
from ...envs.hub.registry import Endpoint, Gives, endpoints
from ...envs.hub.types import TYPES
from .expressions import Fact, Input, Seed

Level = Literal["I1", "I2", "I3"]
Side = Literal["train", "test"]
FEW: Final = 40  # entities of smaller types stand on both sides: there are not enough to part


@lru_cache(maxsize=1)
def light_endpoints() -> dict[str, Endpoint]:
    """The APIs that the extra ``hub`` alone can call: tasks use no other."""
    needs = importlib.metadata.requires("toolgrove") or []
    wanted = {_plain(need) for need in needs if re.search(r"""extra == ["']hub["']""", need)}
    modules = importlib.metadata.packages_distributions()

    def light(lib: str) -> bool:
        return any(_plain(dist) in wanted for dist in modules.get(lib.partition(".")[0], ()))

    return {id: e for id, e in endpoints().items() if all(map(light, e.libs))}


def _plain(requirement: str) -> str:
    name = re.match(r"[\w.-]+", requirement)
    return re.sub(r"[-_.]+", "-", name[0] if name else "").lower()


def side_of(type: str, value: Any) -> Side | None:
    """Which tasks an entity may appear in; None for types that have too few to part."""
    if type not in ENTITIES or len(ENTITIES[type].values) < FEW:
        return None
    mark = blake2b(f"{type}/{value}".encode(), digest_size=2).digest()
    return "test" if mark[0] < 90 else "train"


@lru_cache(maxsize=1024)
def pool(type: str, side: Side) -> tuple[Any, ...]:
    """The entities of a type for tasks of that side."""
    if type not in ENTITIES:
        return TYPES[type].choices
    return tuple(v for v in ENTITIES[type].values if side_of(type, v) in (None, side))


def feeds(produced: str, taken: str) -> bool:
    """Whether a value of one type may be given where another is taken."""
    if produced == taken:
        return True
    return TYPES[produced].wider == taken or TYPES[taken].wider == produced


def complete(endpoint: Endpoint, gives: Gives) -> bool:
    """Whether the key's phrases name every required parameter, so that a question stands alone."""
    slots = [f"{{{name}}}" for name in endpoint.required]
    return all(slot in phrase for phrase in gives.phrases for slot in slots)


def is_hop(gives: Gives) -> bool:
    """Whether the key's value may be passed on."""
    type = TYPES[gives.type]
    return type.links and type.kind != "array" and (bool(gives.entity) or not type.entity)


def points(names: Iterable[str], types: Mapping[str, str]) -> list[tuple[str, str]]:
    """The pairs of latitude and longitude among some names, in order."""
    listed = list(names)
    lat = [name for name in listed if types[name] == "latitude"]
    lon = [name for name in listed if types[name] == "longitude"]
    return list(zip(lat, lon, strict=False))


class Graph:
    """The type graph over some APIs.

    Args:
        apis: the APIs.
        side: whose entities facts are about.
    """

    def __init__(self, apis: Sequence[Endpoint], side: Side) -> None:
        self.apis, self.side = list(apis), side
        self.makers: dict[str, list[tuple[Endpoint, str]]] = {}
        self.places: list[tuple[Endpoint, str, str]] = []
        for endpoint in self.apis:
            types = {key: gives.type for key, gives in endpoint.returns.items()}
            for key, gives in endpoint.returns.items():
                if not complete(endpoint, gives):
                    continue
                if is_hop(gives) and gives.type not in ("latitude", "longitude"):
                    self.makers.setdefault(gives.type, []).append((endpoint, key))
            for lat, lon in points(endpoint.returns, types)[:1]:
                phrase = endpoint.returns[lat].phrases[0]
                if complete(endpoint, endpoint.returns[lat]) and "latitude of " in phrase:
                    self.places.append((endpoint, lat, lon))

    def producers(self, type: str) -> list[tuple[Endpoint, str]]:
        """The keys whose values a parameter of that type takes."""
        return [maker for made, makers in self.makers.items() if feeds(made, type)
                for maker in makers]  # fmt: skip

    def seed(self, rng: random.Random, type: str) -> Seed | None:
        """A value of the type, if there are entities."""
        values = pool(type, self.side)
        return Seed(type, rng.choice(values)) if values else None

    def draw(
        self, rng: random.Random, endpoint: Endpoint, key: str, calls: int, near: Endpoint | None
    ) -> Fact | None:
        """A fact of at most so many calls; None where a parameter can be had from nowhere.

        Args:
            rng: chance.
            endpoint: the fact's API.
            key: the fact's key.
            calls: how many calls it should take, itself counted.
            near: prefer producers of this API's tool or category (for I1 and I2).
        """
        types = {name: endpoint.params[name].type for name in endpoint.required}
        pairs = points(endpoint.required, types)
        paired = {name for pair in pairs for name in pair}
        slots: list[tuple[str, ...]] = [*pairs, *((n,) for n in types if n not in paired)]
        linkable = [slot for slot in slots if self._makers(slot, types, endpoint, near)]
        rest, linked = calls - 1, []
        if rest > 0 and linkable:
            linked = rng.sample(linkable, 2 if rest > 1 and len(linkable) > 1 else 1)
            if len(linked) == 2 and rng.random() < 0.4:
                linked.pop()
        inputs: dict[str, Input] = {}
        for slot in slots:
            if slot in linked:
                share = max(1, rest // len(linked))
                found = self._link(rng, slot, types, endpoint, share, near)
                if found is None:
                    return None
                inputs |= found
                continue
            seeds = self._seeds(rng, [types[name] for name in slot])
            if seeds is None:
                return None
            inputs |= zip(slot, seeds, strict=True)
        return Fact(endpoint, key, {name: inputs[name] for name in endpoint.required})

    def _seeds(self, rng: random.Random, types: Sequence[str]) -> list[Seed] | None:
        """A value of a type, or the two of a point, whose entities stand in the same order."""
        values = [pool(type, self.side) for type in types]
        if not all(values):
            return None
        at = rng.randrange(len(values[0]))
        return [Seed(t, v[at % len(v)]) for t, v in zip(types, values, strict=True)]

    def _makers(
        self,
        slot: tuple[str, ...],
        types: Mapping[str, str],
        endpoint: Endpoint,
        near: Endpoint | None,
    ) -> list[tuple[Endpoint, str]]:
        if len(slot) == 2:
            found = [(e, lat) for e, lat, _ in self.places]
        else:
            found = self.producers(types[slot[0]])
        return [(e, k) for e, k in found if e is not endpoint and allowed(e, near)]

    def _link(
        self,
        rng: random.Random,
        slot: tuple[str, ...],
        types: Mapping[str, str],
        endpoint: Endpoint,
        calls: int,
        near: Endpoint | None,
    ) -> dict[str, Input] | None:
        makers = self._makers(slot, types, endpoint, near)
        tools = sorted({e.tool.name for e, _ in makers})  # a tool of many keys is no likelier
        tool = rng.choice(tools)
        maker, key = rng.choice([m for m in makers if m[0].tool.name == tool])
        fact = self.draw(rng, maker, key, calls, near)
        if fact is None:
            return None
        if len(slot) == 1:
            return {slot[0]: fact}
        other = next(lon for e, lat, lon in self.places if (e, lat) == (maker, key))
        return {slot[0]: fact, slot[1]: Fact(maker, other, fact.inputs)}


def allowed(endpoint: Endpoint, near: Endpoint | None) -> bool:
    """Whether an API may stand in a task that keeps to one tool or category.

    ``near`` is an API of the tool that all of I1 keeps to, or of the category of I2; None in I3.
    """
    if near is None:
        return True
    return endpoint.tool.category == near.tool.category


def level_of(apis: Iterable[Endpoint]) -> Level:
    """I1: one tool; I2: several of one category; I3: several categories."""
    listed = list(apis)
    if len({e.tool.name for e in listed}) == 1:
        return "I1"
    return "I2" if len({e.tool.category for e in listed}) == 1 else "I3"
