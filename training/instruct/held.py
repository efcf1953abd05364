"""What training never sees: tools and whole categories, held out by a seeded choice.

ToolLLM (section 3) tests three kinds of generalisation: new instructions for known tools (Inst.),
unseen tools of known categories (Tool), and unseen categories (Cat.).
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ...core import API, UsageError
from ..documents import Document

Tool = tuple[str, str]  # category and tool: two categories may have tools of one name
SHARE: Final = 0.1  # of the tools and of the categories


def tool_of(api: API) -> Tool:
    """The tool of an API; one that names none is a tool by itself."""
    return api.category, api.tool or api.name


@dataclass(frozen=True)
class Held:
    """Tools and categories that stand in no training task.

    Attributes:
        tools: (category, tool), of categories that are not held out.
        categories: whole categories.
    """

    tools: frozenset[Tool] = frozenset()
    categories: frozenset[str] = frozenset()

    def side(self, tool: Tool) -> Any:
        """``cat`` and ``tool`` for what is held out, else ``train``."""
        if tool[0] in self.categories:
            return "cat"
        return "tool" if tool in self.tools else "train"

    def to_json(self) -> dict[str, Any]:
        """Plain data, sorted; the inverse of :meth:`read`."""
        return {"tools": sorted(map(list, self.tools)), "categories": sorted(self.categories)}

    @classmethod
    def read(cls, path: Path) -> Held:
        """What an earlier ``splits.json`` holds out.

        Raises:
            UsageError: it cannot be read, or is none.
        """
        try:
            told = json.loads(path.read_bytes())["held"]
            tools = frozenset((str(category), str(tool)) for category, tool in told["tools"])
            return cls(tools, frozenset(map(str, told["categories"])))
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{path} is no splits.json: {error!r}") from None

    @classmethod
    def of_hub(cls, apis: Iterable[API]) -> Held:
        """What the hub's own test suites hold out."""
        from ...benchmarks.hub.make import HELD_CATEGORIES, HELD_TOOLS

        tools = {tool_of(api) for api in apis if api.tool in HELD_TOOLS}
        return cls(frozenset(tools), frozenset(HELD_CATEGORIES))


def choose(documents: Sequence[Document], seed: int, share: float = SHARE) -> Held:
    """Hold out a share of the categories, and of the tools of the others.

    At least one of each is held out where three or more are there, so that something is left to
    train on; categories with several tools come first, since I2 needs two.
    """
    rng = random.Random(f"{seed}/held")
    groups: dict[str, set[str]] = defaultdict(set)
    for document in documents:
        category, tool = tool_of(document.api)
        groups[category].add(tool)
    names = rng.sample(sorted(groups), len(groups))
    names.sort(key=lambda name: len(groups[name]) < 2)  # stable: the drawn order stays
    categories = frozenset(names[: _count(len(names), share)])
    rest = sorted((c, t) for c in groups if c not in categories for t in groups[c])
    return Held(frozenset(rng.sample(rest, _count(len(rest), share))), categories)


def _count(there: int, share: float) -> int:
    if share <= 0 or there < 3:
        return 0
    return min(max(1, round(there * share)), there - 2)
