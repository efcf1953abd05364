"""Things that tasks are about: which there are, and what a person calls them.

A question names Japan, not JP, and Narita International Airport, not NRT. Each tools module
declares the entities of the types that it knows best.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

from .types import TYPES


@dataclass(frozen=True)
class Entities:
    """The entities of one semantic type.

    Attributes:
        type: the type.
        make: makes the values that tasks may be about, well-known ones rather than all, in an
            order that never changes.
        says: how a sentence names a value: one or more ways, none of them ambiguous.
        aliases: other names under which an answer may give the value.
    """

    type: str
    make: Callable[[], Sequence[Any]]
    says: Callable[[Any], Sequence[str]]
    aliases: Callable[[Any], Sequence[str]]

    @cached_property
    def values(self) -> tuple[Any, ...]:
        """The values, made once."""
        return tuple(dict.fromkeys(self.make()))


_entities: dict[str, Entities] = {}
ENTITIES: Final[Mapping[str, Entities]] = MappingProxyType(_entities)


def entities(
    type: str,
    make: Callable[[], Sequence[Any]],
    *,
    says: Callable[[Any], Sequence[str]] | None = None,
    aliases: Callable[[Any], Sequence[str]] | None = None,
) -> None:
    """Declare the entities of a type; without ``says`` a value is written as it is.

    Raises:
        ValueError: there is no such type, or its entities are declared already.
    """
    if type not in TYPES:
        raise ValueError(f"no semantic type {type!r}")
    if type in _entities:
        raise ValueError(f"the entities of {type!r} are declared already")
    _entities[type] = Entities(type, make, says or (lambda v: (str(v),)), aliases or (lambda v: ()))
