"""Hints: what a planner wants said, as data. The policy words it, always as the last message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from .tree import Node
from .values import ids


class Hint(Protocol):
    """Anything a policy knows how to say; a policy ignores the kinds it does not know."""

    def to_json(self) -> dict[str, Any]:
        """What is kept of it in the tree, nodes named by their ids."""


@dataclass(frozen=True, slots=True)
class Siblings:
    """These were tried here before: do something else (DFSDT's diversity, ToolLLM section 2.3)."""

    nodes: tuple[Node, ...]

    def to_json(self) -> dict[str, Any]:
        """The hint as data."""
        return {"kind": "siblings", "nodes": ids(self.nodes)}


@dataclass(frozen=True, slots=True)
class WholePlan:
    """Write the whole plan of calls at once; later calls may refer to earlier results."""

    def to_json(self) -> dict[str, Any]:
        """The hint as data."""
        return {"kind": "whole_plan"}


@dataclass(frozen=True, slots=True)
class Conclude:
    """Answer now, from what is there: only Finish is offered."""

    def to_json(self) -> dict[str, Any]:
        """The hint as data."""
        return {"kind": "conclude"}


@dataclass(frozen=True, slots=True)
class Reflections:
    """Lessons from earlier tries of this task (Reflexion, LATS)."""

    texts: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The hint as data."""
        return {"kind": "reflections", "texts": list(self.texts)}
